"""LogQuery ↔ the parameters of URL, API and command line, and the cursor of a page."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Final

from hantu.model import LogLevel
from hantu.query.error import QueryError, shown
from hantu.query.fields import level_named
from hantu.query.logquery import LIMIT_DEFAULT, LIMIT_MOST, LogQuery, Order, Place
from hantu.query.parser import parse
from hantu.query.times import end_of, start_of, to_words
from hantu.query.write import unparse

OFFSET_MOST: Final = 1_000_000_000
PARAMETERS: Final = (
    "q",
    "sources",
    "levels",
    "minLevel",
    "sourceId",
    "since",
    "until",
    "limit",
    "offset",
    "cursor",
    "order",
)
"""The names that from_args() reads; others are ignored."""

Args = Mapping[str, str | Sequence[str]]

_CURSOR: Final = struct.Struct(">BqQ")
_CURSOR_VERSION: Final = 0x10


def from_args(args: Args, *, now_ns: int, tz: tzinfo) -> LogQuery:
    """The query that parameters ask; an empty parameter counts as absent.

    Lists (sources, levels) may be repeated, separated by commas, or both. Raises QueryError whose
    `parameter` is the name of the wrong one and whose message says what is allowed."""
    text = _one(args, "q")
    try:
        query = LogQuery.parse(text, now_ns=now_ns, tz=tz)
    except QueryError as error:
        raise QueryError(error.message, error.position, error.length, parameter="q") from None
    since, until = _one(args, "since").strip(), _one(args, "until").strip()
    start_ns, end_ns = query.start_ns, query.end_ns
    if since:
        asked = _time("since", since, now_ns, tz)
        start_ns = asked if start_ns is None else max(start_ns, asked)
    if until:
        asked = _time("until", until, now_ns, tz)
        end_ns = asked if end_ns is None else min(end_ns, asked)
    order, place = _order(args)
    return replace(
        query,
        sources=tuple(dict.fromkeys(_many(args, "sources"))),
        levels=tuple(dict.fromkeys(_level("levels", name) for name in _many(args, "levels"))),
        min_level=_level("minLevel", name) if (name := _one(args, "minLevel").strip()) else None,
        source_id=_one(args, "sourceId") or None,
        start_ns=start_ns,
        end_ns=end_ns,
        limit=_whole(args, "limit", LIMIT_DEFAULT, 1, LIMIT_MOST),
        offset=_whole(args, "offset", 0, 0, OFFSET_MOST),
        order=order,
        place=place,
        since=since,
        until=until,
    )


def to_args(query: LogQuery) -> dict[str, str | list[str]]:
    """The parameters from which from_args() makes this query again; only what is not the default.

    Times that were given in words stay these words, others become ISO 8601 in UTC. after_key is of
    the moment and has no parameter."""
    args: dict[str, str | list[str]] = {}
    text = query.text or ("" if query.search is None else unparse(query.search))
    if text:
        args["q"] = text
    if query.sources:
        args["sources"] = list(query.sources)
    if query.levels:
        args["levels"] = [level.label for level in query.levels]
    if query.min_level is not None:
        args["minLevel"] = query.min_level.label
    if query.source_id is not None:
        args["sourceId"] = query.source_id
    said = parse(text, now_ns=0, tz=UTC)
    if query.since:
        args["since"] = query.since
    elif query.start_ns is not None and said.start_ns is None:
        args["since"] = to_words(query.start_ns)
    if query.until:
        args["until"] = query.until
    elif query.end_ns is not None and said.end_ns is None:
        args["until"] = to_words(query.end_ns)
    if query.limit != LIMIT_DEFAULT:
        args["limit"] = str(query.limit)
    if query.offset:
        args["offset"] = str(query.offset)
    if query.place is not None:
        args["cursor"] = encode_cursor(query.place, query.order)
    elif query.order is not Order.NEWEST:
        args["order"] = query.order.value
    return args


def encode_cursor(place: Place, order: Order) -> str:
    """The page beyond `place` in `order` as a short opaque text for URLs."""
    body = _CURSOR.pack(_CURSOR_VERSION | (order is Order.OLDEST), place.time_ns, place.key)
    check = zlib.crc32(body).to_bytes(4, "big")
    return base64.urlsafe_b64encode(body + check).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str) -> tuple[Place, Order]:
    """What encode_cursor() was given. Raises QueryError when it did not make this text."""
    wrong = QueryError(
        "cursor: is not one that an earlier page gave; leave it out to begin at the first page",
        parameter="cursor",
    )
    try:
        packed = base64.b64decode(cursor.encode("ascii") + b"==", b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise wrong from None
    body, check = packed[: _CURSOR.size], packed[_CURSOR.size :]
    if len(body) != _CURSOR.size or check != zlib.crc32(body).to_bytes(4, "big"):
        raise wrong
    head, time_ns, key = _CURSOR.unpack(body)
    if head & ~1 != _CURSOR_VERSION or key >> 63:
        raise wrong
    return Place(time_ns, key), Order.OLDEST if head & 1 else Order.NEWEST


def _values(args: Args, name: str) -> list[str]:
    given = args.get(name, ())
    return [given] if isinstance(given, str) else list(given)


def _one(args: Args, name: str) -> str:
    values = [value for value in _values(args, name) if value]
    if len(set(values)) > 1:
        raise QueryError(f"{name}: is given {len(values)} times; give it once", parameter=name)
    return values[0] if values else ""


def _many(args: Args, name: str) -> list[str]:
    parts = (part.strip() for value in _values(args, name) for part in value.split(","))
    return [part for part in parts if part]


def _level(name: str, value: str) -> LogLevel:
    try:
        return level_named(value)
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", parameter=name) from None


def _time(name: str, word: str, now_ns: int, tz: tzinfo) -> int:
    read = start_of if name == "since" else end_of
    try:
        return read(word, now_ns=now_ns, tz=tz)
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", 0, len(word), parameter=name) from None


def _whole(args: Args, name: str, default: int, least: int, most: int) -> int:
    text = _one(args, name).strip()
    if not text:
        return default
    digits = text.isascii() and text.isdecimal() and len(text) <= 12
    value = int(text) if digits else least - 1
    if not least <= value <= most:
        raise QueryError(
            f"{name}: {shown(text)} is no whole number from {least} to {most:,}", parameter=name
        )
    return value


def _order(args: Args) -> tuple[Order, Place | None]:
    said, cursor = _one(args, "order").strip(), _one(args, "cursor").strip()
    if said and said not in list(Order):
        raise QueryError(
            f"order: {shown(said)} is unknown; use desc (newest first) or asc (oldest first)",
            parameter="order",
        )
    if not cursor:
        return Order(said) if said else Order.NEWEST, None
    place, order = decode_cursor(cursor)
    if said and said != order:
        raise QueryError(
            f"order: is {said}, but the cursor comes from a page in order {order}; leave one out",
            parameter="order",
        )
    return order, place
