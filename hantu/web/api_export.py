"""GET /api/logs/export: every matching entry, streamed as JSON lines, CSV or text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Final, Literal

from flask import Response, request
from msgspec import Meta

from hantu.model import LogEntry
from hantu.output import CSV_HEAD, csv_rows, json_lines, text_lines
from hantu.web.api_logs import QueryArgs, asked_query
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.openapi import Api, Content, Route
from hantu.web.streams import paced
from hantu.web.wire import NDJSON

api: Final = Api("api_export")

QUERY_NOTED: Final = 500
"""Characters of a query that the audit trail keeps."""

CHUNK_ENTRIES: Final = 500
LINES: Final = "X-Hantu-Lines"
COUNT_MOST: Final = 1 << 40
COUNT_LIMIT_MS: Final = 100
Render = Callable[[Iterable[LogEntry]], bytes]


class ExportArgs(QueryArgs, frozen=True):
    """Which entries, and how they are written."""

    format: Annotated[Literal["jsonl", "csv", "text"], Meta(description="How an entry is written.")] = (
        "jsonl"
    )
    order: Annotated[Literal["desc", "asc"], Meta(description="By time: newest or oldest first.")] = "asc"


@api.route(
    Route(
        "GET",
        "/api/logs/export",
        "Every matching entry, as a file",
        args=ExportArgs,
        answer=Content(NDJSON, example='{"id": "…", "source": "docker", "message": "주문 실패", "…": "…"}'),
        more_media=("text/csv", "text/plain"),
    )
)
def export(args: ExportArgs) -> Response:
    query = asked_query({"order": args.order})
    head, render, media = _FORMATS[args.format]
    desk = service()
    chunks = _chunks(head, render, desk.store.export(query))
    response = Response(paced(chunks, request.environ, stopping=desk.stopping.is_set), mimetype=media)
    response.headers["Content-Disposition"] = f'attachment; filename="hantu-logs.{_SUFFIX[args.format]}"'
    if request.method != "HEAD":
        audit("export", format=args.format, query=request.args.get("q", "")[:QUERY_NOTED])
    counted = desk.store.count(query, cap=COUNT_MOST, time_limit_ms=COUNT_LIMIT_MS)
    if counted.exact:
        # How far a download is; lines may come and go meanwhile.
        response.headers[LINES] = str(counted.count)
    return response


def _chunks(head: bytes, render: Render, entries: Iterator[LogEntry]) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := list(islice(entries, CHUNK_ENTRIES)):
        yield render(chunk)


_FORMATS: Final[dict[str, tuple[bytes, Render, str]]] = {
    "jsonl": (b"", json_lines, NDJSON),
    "csv": (CSV_HEAD.encode(), csv_rows, "text/csv"),
    "text": (b"", text_lines, "text/plain"),
}
_SUFFIX: Final = {"jsonl": "jsonl", "csv": "csv", "text": "txt"}
