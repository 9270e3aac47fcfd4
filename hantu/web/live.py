"""Live tail: WS /ws/logs and GET /api/logs/stream. A search with a cursor, never a filter of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, Protocol

import msgspec
from flask import Response, current_app, g, request, stream_with_context
from flask_sock import Sock
from msgspec import Meta
from simple_websocket import ConnectionClosed
from simple_websocket import Server as WebSocket

from hantu.model import DOCKER, LogEntry, LogLevel
from hantu.output import entries_json, to_json
from hantu.query.args import from_args
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op, Or
from hantu.query.logquery import LogQuery
from hantu.service import Service, TailSlots
from hantu.store.base import Arrivals, StoreError
from hantu.tail import BATCH_ENTRIES_MOST
from hantu.web.access import client, still_welcome
from hantu.web.api_logs import Cursor, QueryArgs, asked_query, zone
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Content, Route
from hantu.web.streams import STALLED_S, BoundedSocket, paced
from hantu.web.wire import complaint_of

log = logging.getLogger(__name__)

api: Final = Api("live")
sock: Final = Sock()

WS_PATH: Final = "/ws/logs"
STREAM_PATH: Final = "/api/logs/stream"
HEARTBEAT_S: Final = 10.0
IDLE_TICK_S: Final = 0.25
# Eight desks high; a page that follows takes up to ten messages a second.
HTML_ROWS_MOST: Final = 200
RETRY_MS: Final = 2_000
DEFAULT_LEVEL: Final = LogLevel.INFO
GOING_AWAY: Final = 1001
POLICY: Final = 1008
COLUMNS_MOST: Final = 8

Format = Literal["json", "html"]


class RowRenderer(Protocol):
    """What the pages register as app.extensions["hantu.rows"]."""

    def __call__(self, entries: Sequence[LogEntry], query: LogQuery, columns: Sequence[str] = ()) -> str:
        """HTML of the rows, in the order given, with the values at these metadata paths."""
        ...

    def variant(self) -> str:
        """Names the rendering of the current request: those of one name can share it."""
        ...


class Subscribe(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="subscribe-logs"):
    """What a client sends to (re)start its tail; see docs/api.md. Keys it does not know are passed over."""

    sources: list[str] = []
    containers: list[str] = []
    levels: list[str] = []
    min_level: str = ""
    source_id: str = ""
    query: str = ""
    format: Format = "json"
    columns: Annotated[list[str], Meta(max_length=COLUMNS_MOST)] = []
    after: int | str | None = None
    paced: bool = False
    timestamp: float | int | str | None = None


class Next(msgspec.Struct, frozen=True, tag_field="type", tag="next"):
    """What the client of a paced tail sends when it is ready for the next message."""


class StreamArgs(QueryArgs, frozen=True):
    """Which entries, and from where on."""

    after: Annotated[
        Cursor | None, Meta(description="The cursor to go on from; from now on when absent.")
    ] = None
    format: Annotated[Format, Meta(description="Entries as JSON, or as rows of the page.")] = "json"
    columns: Annotated[
        str, Meta(description="With format html: metadata paths of further columns, commas between.")
    ] = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A tail that somebody asked for. after: the cursor it begins at."""

    query: LogQuery
    after: int
    form: Format
    columns: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """Entries a step at most; more are skipped and counted."""
        return HTML_ROWS_MOST if self.form == "html" else BATCH_ENTRIES_MOST


def subscription(asked: Subscribe, newest: int) -> Subscription:
    """The tail that a message asks for. newest: the cursor of now. Raises QueryError."""
    query = from_args(
        {
            "q": asked.query,
            "sources": asked.sources,
            "levels": asked.levels,
            "minLevel": asked.min_level,
            "sourceId": asked.source_id,
        },
        now_ns=time.time_ns(),
        tz=zone(),
    )
    query = _of_containers(_with_level(query), tuple(dict.fromkeys(asked.containers)))
    return Subscription(query, _start(asked.after, newest), asked.format, tuple(asked.columns))


def _with_level(query: LogQuery) -> LogQuery:
    """CONTRACT M36: info and above, unless the client names a level in any way."""
    if query.min_level is not None or query.levels or _names_level(query.search):
        return query
    return replace(query, min_level=DEFAULT_LEVEL)


def _names_level(search: Expr | None) -> bool:
    match search:
        case Field():
            return search.name == "level"
        case Not():
            return _names_level(search.item)
        case And() | Or():
            return any(_names_level(item) for item in search.items)
        case _:
            return False


def _of_containers(query: LogQuery, containers: tuple[str, ...]) -> LogQuery:
    """Of Docker only these containers; of the other sources that were asked for, everything."""
    if not containers:
        return query
    wanted: list[Expr] = [Field("container", Op.EQ, name) for name in containers]
    if query.sources and DOCKER not in query.sources:
        return query
    if len(query.sources) > 1:
        wanted.append(Not(Field("source", Op.EQ, DOCKER)))
    else:
        query = replace(query, sources=(DOCKER,))
    chosen: Expr = Or(tuple(wanted)) if len(wanted) > 1 else wanted[0]
    if query.search is None:
        return replace(query, search=chosen)
    inner = query.search.items if isinstance(query.search, And) else (query.search,)
    return replace(query, search=And((*inner, chosen)))


def _start(after: int | str | None, newest: int) -> int:
    if after is None or after == "":
        return newest
    try:
        cursor = int(after)
    except ValueError:
        raise QueryError(f"after: {str(after)[:40]!r} is no cursor", parameter="after") from None
    if cursor < 0:
        raise QueryError("after: a cursor is never negative", parameter="after")
    # A cursor of another database may lie ahead of this one's.
    return min(cursor, newest)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a client. cursor: where to go on after it."""

    kind: str
    text: str
    cursor: int


def messages(desk: Service, wanted: Subscription, stopping: Callable[[], bool]) -> Iterator[Message | None]:
    """What a tail sends, for ever; None at least every 250 ms without news."""
    cursor = wanted.after
    name, render = _renderer(wanted)
    for batch in desk.hub.follow(wanted.query, after_key=cursor, stopping=stopping, most=wanted.most):
        if batch is None:
            yield None
            continue
        arrivals = batch.arrivals
        if arrivals.skipped:
            skipped = {
                "type": "skipped",
                "count": arrivals.skipped,
                "after": cursor,
                "upTo": arrivals.skipped_to,
            }
            yield Message("skipped", to_json(skipped).decode(), cursor)
        cursor = arrivals.cursor
        if arrivals.entries:
            yield Message("rows" if wanted.form == "html" else "logs", batch.rendered(name, render), cursor)


def _renderer(wanted: Subscription) -> tuple[str, Callable[[Arrivals], str]]:
    """The name of a rendering, and the rendering: made once for all tails which share a batch."""
    if wanted.form == "json":
        return "json", _logs_text
    rows: RowRenderer | None = current_app.extensions.get("hantu.rows")
    if rows is None:
        raise QueryError("format: html is not offered here; use json", parameter="format")
    found = rows

    def render(arrivals: Arrivals) -> str:
        return to_json(
            {
                "type": "rows",
                "html": str(found(arrivals.entries, wanted.query, wanted.columns)),
                "cursor": arrivals.cursor,
                "count": len(arrivals.entries),
                "errors": sum(entry.level >= LogLevel.ERROR for entry in arrivals.entries),
                "latest": _latest(arrivals.entries),
            }
        ).decode()

    return f"html:{rows.variant()}:{','.join(wanted.columns)}", render


def _latest(entries: Sequence[LogEntry]) -> str:
    """The place of the newest of them by time, which need not be the last that arrived."""
    time_ns, key = max((entry.time_ns, entry.key) for entry in entries)
    return f"{time_ns}-{key}"


def _logs_text(arrivals: Arrivals) -> str:
    data = entries_json(arrivals.entries).decode()
    now_ms = time.time_ns() // 1_000_000
    return f'{{"type":"logs","data":{data},"timestamp":{now_ms},"cursor":{arrivals.cursor}}}'


class Slot:
    """A place among the live tails, given back once."""

    def __init__(self, slots: TailSlots) -> None:
        self._slots = slots
        self._held = True
        self._lock = threading.Lock()

    def release(self) -> None:
        """Give the place back; again does nothing."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._slots.release()


@api.blueprint.before_request
def take_slot() -> None:
    """Every tail holds a thread of the server: beyond the cap 503, so that pages stay up (R19)."""
    g.slot = None
    if request.method == "HEAD":
        return
    desk = service()
    if desk.stopping.is_set():
        raise ApiError(503, "hantu is stopping", code="stopping", headers={"Retry-After": "5"})
    if not desk.tails.acquire():
        raise ApiError(
            503,
            f"{desk.tails.most} live tails are open, more are not allowed (setting tail_clients)",
            code="too_many_tails",
            headers={"Retry-After": "10"},
        )
    g.slot = Slot(desk.tails)
    # Compressing each frame for each client would cost more than loopback and a LAN can gain.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)


@api.blueprint.teardown_request
def give_slot_back(_error: BaseException | None) -> None:
    """The end of a WebSocket, or of a request that never became a tail."""
    slot: Slot | None = g.get("slot")
    if slot is not None:
        slot.release()


@api.route(
    Route(
        "GET",
        STREAM_PATH,
        "Live tail as server-sent events; resumes with Last-Event-ID",
        args=StreamArgs,
        answer=Content(
            "text/event-stream", example='id: 42\nevent: logs\ndata: {"type":"logs","data":[]}\n\n'
        ),
    )
)
def stream(args: StreamArgs) -> Response:
    desk = service()
    last = request.headers.get("Last-Event-ID", "")
    wanted = Subscription(
        _with_level(asked_query()),
        _start(last or args.after, desk.signal.cursor),
        args.format,
        tuple(name for name in args.columns.split(",") if name)[:COLUMNS_MOST],
    )
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    slot: Slot = g.pop("slot")
    ended = _ending(desk)
    events = paced(_events(desk, wanted, ended), request.environ, stopping=ended, stalled_s=STALLED_S)
    response = Response(stream_with_context(events), mimetype="text/event-stream")
    response.call_on_close(slot.release)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _ending(desk: Service) -> Callable[[], bool]:
    """Whether the tail of the current request is over: hantu stops, or the session or token that it began
    with is good no more."""
    welcome = still_welcome(client())
    return lambda: desk.stopping.is_set() or not welcome()


def _events(desk: Service, wanted: Subscription, ended: Callable[[], bool]) -> Iterator[bytes]:
    # An id without data sets the client's Last-Event-ID, so that it resumes here even without news.
    yield f"retry: {RETRY_MS}\nid: {wanted.after}\n\n".encode()
    said_at = time.monotonic()
    try:
        for message in messages(desk, wanted, ended):
            if message is not None:
                yield f"id: {message.cursor}\nevent: {message.kind}\ndata: {message.text}\n\n".encode()
                said_at = time.monotonic()
            elif time.monotonic() - said_at > HEARTBEAT_S:
                yield b": still here\n\n"
                said_at = time.monotonic()
    except StoreError as error:
        log.warning("a live tail ended: %s", error)
        yield f"event: error\ndata: {_error_text(str(error))}\n\n".encode()


def tail(ws: WebSocket) -> None:
    """One client's live tail, for as long as it stays."""
    desk = service()
    ended = _ending(desk)
    connection = BoundedSocket(ws.sock, stopping=desk.stopping.is_set, stalled_s=STALLED_S)
    ws.sock = connection
    try:
        _talk(desk, ws, ended)
        if desk.stopping.is_set():
            ws.close(GOING_AWAY, "hantu is stopping")
        else:
            ws.close(POLICY, "the session has ended")
    except ConnectionClosed:
        return
    except OSError as error:
        if connection.stalled and not desk.stopping.is_set():
            log.info("a live tail took nothing for %.0f s and was cut off", STALLED_S)
        else:
            log.debug("a live tail's connection broke: %s", error)
    finally:
        # Else the server waits for each client in turn to close its side, 2 s for one that does not.
        connection.cut_off()


sock.route(WS_PATH, bp=api.blueprint)(tail)


@dataclass(slots=True)
class Tail:
    """What a client is being sent. owed: it has not yet said that it is ready for more."""

    messages: Iterator[Message | None]
    paced: bool
    owed: bool = False


def _talk(desk: Service, ws: WebSocket, ended: Callable[[], bool]) -> None:
    """Answer the client's messages and send its tail, until that is over. Raises ConnectionClosed."""
    running: Tail | None = None
    while not ended():
        idle = running is None or running.owed
        said = ws.receive(timeout=IDLE_TICK_S if idle else 0)
        if said is not None:
            running = _answer(desk, ws, said, ended, running)
            continue
        if running is None or running.owed:
            continue
        try:
            message = next(running.messages, None)
        except StoreError as error:
            log.warning("a live tail ended: %s", error)
            ws.send(_error_text(str(error)))
            running = None
            continue
        if message is not None:
            # What was skipped is told with the entries after it, as one.
            running.owed = running.paced and message.kind != "skipped"
            ws.send(message.text)


def _answer(
    desk: Service, ws: WebSocket, said: str | bytes, ended: Callable[[], bool], running: Tail | None
) -> Tail | None:
    """The tail after the client's message: the one that it starts, else the one there was. A message
    that is wrong is answered with an error."""
    try:
        asked = msgspec.json.decode(said, type=Subscribe | Next)
        if isinstance(asked, Next):
            if running is not None:
                running.owed = False
            return running
        wanted = subscription(asked, desk.signal.cursor)
        started = messages(desk, wanted, lambda: ended() or not ws.connected)
        _renderer(wanted)
    except QueryError as error:
        ws.send(_error_text(error.message, error.position, error.length))
    except msgspec.ValidationError as error:
        place, complaint = complaint_of(error)
        ws.send(_error_text(f"{place}: {complaint}" if place else complaint))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        ws.send(_error_text('a message is a JSON object: {"type": "subscribe-logs", "query": "…"}'))
    else:
        return Tail(started, asked.paced)
    return running


def _error_text(message: str, position: int | None = None, length: int | None = None) -> str:
    body: dict[str, object] = {"type": "error", "message": message}
    if position is not None:
        body |= {"position": position, "length": length}
    return to_json(body).decode()
