"""POST /api/ingest: entries pushed by programs, answered after the commit."""

from __future__ import annotations

import threading
import time
import zlib
from collections import OrderedDict
from typing import Final

from flask import Response, request

from hantu.output import Wire
from hantu.pipeline import QueueFull, Submission
from hantu.service.canary import is_canary
from hantu.store.base import WriteResult
from hantu.web.access import client
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Content, NoArgs, Route
from hantu.web.records import Item, Reading, read_records
from hantu.web.token_book import CANARY
from hantu.web.wire import NDJSON, json_response

api: Final = Api("ingest")

EXPANDED_BYTES_MOST: Final = 10 * 1024 * 1024
ITEMS_MOST: Final = 100_000
REJECTED_SHOWN_MOST: Final = 1_000
COMMIT_WAIT_S: Final = 30.0
ROOM_WAIT_S: Final = 0.5
AT_ONCE: Final = 8
RATE_S: Final = 200_000.0
BURST: Final = 1_000_000.0
REQUEST_COST: Final = 50
CLIENTS_MOST: Final = 1_000
GZIP_WBITS: Final = 31


class Rejected(Wire, frozen=True):
    """A line (from 1; of an array: its position, from 1) that was not taken, and why."""

    line: int
    message: str


class IngestAnswer(Wire, frozen=True):
    """What became of the lines. duplicates: their id was stored before, so they were not stored again.

    rejected holds at most the first 1,000; rejectedCount counts all. alerts: whether people are told of
    the errors among them, so that the sender need not."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    rejected_count: int
    alerts: bool


class RateLimit:
    """A token bucket for each client: rate_s lines a second, `burst` at once; a request counts as
    REQUEST_COST lines more."""

    def __init__(self, rate_s: float = RATE_S, burst: float = BURST) -> None:
        self._rate_s = rate_s
        self._burst = burst
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str, lines: int) -> float:
        """0 when `name` may send `lines` now (they are counted), else the seconds to wait.

        More than the burst at once passes when the bucket is full, and empties it for longer."""
        now = time.monotonic()
        cost = lines + REQUEST_COST
        with self._lock:
            left, at = self._left.pop(name, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate_s)
            needed = min(cost, self._burst)
            wait_s = max(0.0, (needed - left) / self._rate_s)
            self._left[name] = (left if wait_s else left - cost, now)
            while len(self._left) > CLIENTS_MOST:
                self._left.popitem(last=False)
        return wait_s


class Door:
    """What bounds ingestion: the rate of each client, and how many bodies are worked on at once."""

    def __init__(self, rate: RateLimit | None = None, at_once: int = AT_ONCE) -> None:
        self.rate = rate or RateLimit()
        self.places = threading.BoundedSemaphore(at_once)


@api.route(
    Route(
        "POST",
        "/api/ingest",
        "Store entries; answers after the commit",
        body=(
            Content(
                type=list[Item], example=[{"message": "주문 실패", "level": "error", "sourceId": "shop"}]
            ),
            Content(NDJSON, example='{"message": "주문 실패", "level": "error", "sourceId": "shop"}\n'),
        ),
        answer=Content(type=IngestAnswer),
        other_answers={422: Content(type=IngestAnswer)},
        refusals=(400, 401, 403, 413, 415, 421, 429, 503),
    )
)
def ingest(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    door = _door()
    body = request.get_data(cache=False)
    if not door.places.acquire(blocking=False):
        raise _busy("too many requests are being stored; try again shortly", 1.0)
    try:
        reading = _read(expanded(body, request.headers.get("Content-Encoding", "")))
        return _store(door, reading)
    finally:
        door.places.release()


def _door() -> Door:
    from flask import current_app

    door: Door = current_app.extensions.setdefault("hantu.ingest", Door())
    return door


def expanded(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding. Raises ApiError: 413 before more than
    EXPANDED_BYTES_MOST are made, 415 for an encoding other than gzip, 400 for a broken one."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise ApiError(415, f"Content-Encoding {encoding!r} is not known; send gzip or nothing")
    out = bytearray()
    try:
        while body:
            inflater = zlib.decompressobj(GZIP_WBITS)
            out += inflater.decompress(body, EXPANDED_BYTES_MOST + 1 - len(out))
            if len(out) > EXPANDED_BYTES_MOST:
                raise ApiError(
                    413, f"the body expands to more than {EXPANDED_BYTES_MOST:,} bytes; send less at once"
                )
            if not inflater.eof:
                raise ApiError(400, "the gzip body ends too early")
            body = inflater.unused_data
    except zlib.error as error:
        raise ApiError(400, f"the body is no gzip: {error}") from None
    return bytes(out)


def _read(body: bytes) -> Reading:
    reading = read_records(
        body,
        whole=request.mimetype == "application/json",
        source_id=client().name or "ingest",
        now_ns=time.time_ns(),
        most=ITEMS_MOST,
    )
    if reading.too_many:
        raise ApiError(413, f"more than {ITEMS_MOST:,} entries at once; send them in parts")
    if client().scope == CANARY and not all(is_canary(entry.message) for entry in reading.entries):
        raise ApiError(403, "this secret is for hantu's own line alone")
    if not reading.entries and not reading.rejected:
        raise ApiError(400, "the body holds no entry; send an object a line, or an array of them")
    return reading


def _store(door: Door, reading: Reading) -> Response:
    count = len(reading.entries)
    if wait_s := door.rate.wait_s(client().name, count):
        _refused(count)
        raise _busy("this client sends faster than it may; send again later", wait_s)
    result = _commit(reading) if count else WriteResult(0, 0)
    answer = IngestAnswer(
        result.accepted,
        len(result.duplicates),
        [Rejected(line, message) for line, message in reading.rejected[:REJECTED_SHOWN_MOST]],
        len(reading.rejected),
        service().alerting,
    )
    return json_response(answer, 200 if count else 422)


def _commit(reading: Reading) -> WriteResult:
    """The result of the commit with these entries, all or none. Raises ApiError 503, QueueFull."""
    desk = service()
    done = threading.Event()
    results: list[WriteResult | None] = []

    def settled(result: WriteResult | None) -> None:
        results.append(result)
        done.set()

    # submit, not offer: offer refuses a large batch whenever a single line waits, so that collectors
    # that trickle would starve it for ever.
    until = time.monotonic() + ROOM_WAIT_S
    taken = desk.pipeline.submit(
        Submission(reading.entries, durable=True, settled=settled),
        stopping=lambda: time.monotonic() > until or desk.stopping.is_set(),
    )
    if not taken:
        desk.pipeline.refused_total += len(reading.entries)
        _refused(len(reading.entries))
        raise QueueFull(f"{desk.pipeline.waiting} entries are waiting to be written; try again shortly")
    if not done.wait(COMMIT_WAIT_S):
        raise ApiError(
            503, "the commit takes long; the entries may be stored yet: send them again with ids to be sure"
        )
    result = results[0]
    if result is None:
        _refused(len(reading.entries))
        raise ApiError(
            503, desk.pipeline.failing or "the entries were not stored", headers={"Retry-After": "2"}
        )
    return result


def _refused(lines: int) -> None:
    """Note that lines were not taken; hantu's own line is nobody's loss."""
    if client().scope != CANARY:
        service().sent_gaps.refused(lines)


def _busy(message: str, wait_s: float) -> ApiError:
    return ApiError(429, message, headers={"Retry-After": str(max(1, round(wait_s + 0.5)))})
