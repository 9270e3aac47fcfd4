"""GET /api/logs/export: every matching entry, streamed as JSON lines, CSV or text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Final, Literal

from flask import Response, request
from msgspec import Meta

from hantu.model import LogEntry
from hantu.web.ansi import plain
from hantu.web.api_logs import QueryArgs, asked_query
from hantu.web.current import service
from hantu.web.openapi import Api, Content, Route
from hantu.web.streams import paced
from hantu.web.wire import NDJSON, entry_json, iso, metadata_json

api: Final = Api("api_export")

CHUNK_ENTRIES: Final = 500
CSV_COLUMNS: Final = ("timestamp", "source", "sourceId", "level", "message", "metadata", "id")
# A cell that begins so is a formula to a spreadsheet.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
CONTINUED: Final = "\n    "

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
    return response


def _chunks(head: bytes, render: Render, entries: Iterator[LogEntry]) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := list(islice(entries, CHUNK_ENTRIES)):
        yield render(chunk)


def json_lines(entries: Iterable[LogEntry]) -> bytes:
    """An object a line, as the API gives them."""
    return b"".join(entry_json(entry) + b"\n" for entry in entries)


def csv_cell(text: str) -> str:
    """`text` as a cell: hidden characters as escapes, no formula to a spreadsheet."""
    text = plain(text)
    return "'" + text if text.startswith(_FORMULA) else text


def csv_rows(entries: Iterable[LogEntry]) -> bytes:
    """A row an entry (RFC 4180)."""
    out = io.StringIO()
    rows = csv.writer(out)
    for entry in entries:
        rows.writerow(
            (
                iso(entry.time_ns),
                csv_cell(entry.source),
                csv_cell(entry.source_id),
                entry.level.label,
                csv_cell(entry.message),
                plain(metadata_json(entry.metadata)),
                entry.id,
            )
        )
    return out.getvalue().encode()


def text_lines(entries: Iterable[LogEntry]) -> bytes:
    """A line an entry; further lines of its message are indented, so that none can pass for an entry."""
    return "".join(_text_line(entry) for entry in entries).encode()


def _text_line(entry: LogEntry) -> str:
    origin = f"{plain(entry.source)}/{_one_line(entry.source_id)}"
    head = f"{iso(entry.time_ns)} [{entry.level.label.upper()}] {origin}"
    return f"{head}: {plain(entry.message).replace(chr(10), CONTINUED)}\n"


def _one_line(text: str) -> str:
    return plain(text).replace("\n", "\\n")


_FORMATS: Final[dict[str, tuple[bytes, Render, str]]] = {
    "jsonl": (b"", json_lines, NDJSON),
    "csv": ((",".join(CSV_COLUMNS) + "\r\n").encode(), csv_rows, "text/csv"),
    "text": (b"", text_lines, "text/plain"),
}
_SUFFIX: Final = {"jsonl": "jsonl", "csv": "csv", "text": "txt"}
