"""LogQuery ↔ parameters, and the cursor of a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.model import LogLevel
from hantu.query.args import PARAMETERS, Args, decode_cursor, encode_cursor, from_args, to_args
from hantu.query.error import QueryError
from hantu.query.expr import Word
from hantu.query.logquery import LogQuery, Order, Place
from tests.contract.strategies import queries

NOW_NS = 1_795_226_400_000_000_000
HOUR_NS = 3_600_000_000_000
TZ = timezone(timedelta(hours=9))


def read(args: Args) -> LogQuery:
    return from_args(args, now_ns=NOW_NS, tz=TZ)


def test_no_parameters_ask_for_the_newest() -> None:
    assert read({}) == LogQuery()
    assert read(dict.fromkeys(PARAMETERS, "")) == LogQuery()
    assert read({name: [""] for name in PARAMETERS}) == LogQuery()
    assert to_args(LogQuery()) == {}
    assert read({"live": "1", "theme": "dark"}) == LogQuery()


@pytest.mark.promise("M4")
def test_every_parameter_is_read() -> None:
    query = read(
        {
            "q": "주문 since:3h",
            "sources": ["docker,journal", "app", " docker "],
            "levels": ["warning", "error,critical"],
            "minLevel": "WARN",
            "sourceId": "api",
            "since": "2h",
            "until": ["1h"],
            "limit": "7",
            "offset": "3",
            "order": "asc",
        }
    )
    assert query == LogQuery(
        sources=("docker", "journal", "app"),
        levels=(LogLevel.WARN, LogLevel.ERROR, LogLevel.FATAL),
        min_level=LogLevel.WARN,
        source_id="api",
        search=Word("주문"),
        start_ns=NOW_NS - 2 * HOUR_NS,
        end_ns=NOW_NS - HOUR_NS,
        limit=7,
        offset=3,
        order=Order.OLDEST,
        text="주문 since:3h",
        since="2h",
        until="1h",
    )


@pytest.mark.parametrize(
    ("args", "parameter", "said"),
    [
        ({"q": "a ("}, "q", "never closed"),
        ({"levels": "loud"}, "levels", "trace, debug, info, warn, error, fatal"),
        ({"minLevel": "loud"}, "minLevel", "trace, debug, info, warn, error, fatal"),
        ({"since": "soon"}, "since", "15m"),
        ({"until": "soon"}, "until", "15m"),
        ({"limit": "0"}, "limit", "1 to 10,000"),
        ({"limit": "10001"}, "limit", "1 to 10,000"),
        ({"limit": "many"}, "limit", "1 to 10,000"),
        ({"limit": "٣"}, "limit", "1 to 10,000"),
        ({"limit": "9" * 5000}, "limit", "1 to 10,000"),
        ({"limit": ["1", "2"]}, "limit", "2 times"),
        ({"offset": "-1"}, "offset", "0 to"),
        ({"offset": "1.5"}, "offset", "0 to"),
        ({"order": "up"}, "order", "desc"),
        ({"cursor": "x"}, "cursor", "first page"),
        ({"cursor": "주문"}, "cursor", "first page"),
        ({"cursor": encode_cursor(Place(1, 2), Order.OLDEST), "order": "desc"}, "order", "leave one out"),
    ],
)
def test_a_wrong_value_names_its_parameter(args: Args, parameter: str, said: str) -> None:
    with pytest.raises(QueryError, match=said) as raised:
        read(args)
    assert raised.value.parameter == parameter


@given(
    st.dictionaries(
        st.sampled_from(PARAMETERS), st.text(max_size=8) | st.lists(st.text(max_size=8), max_size=3)
    )
)
def test_no_parameters_raise_anything_but_query_error(args: dict[str, str | list[str]]) -> None:
    try:
        read(args)
    except QueryError as error:
        wrong = error
    else:
        return
    assert wrong.parameter in PARAMETERS


@given(queries([]), st.integers(1, 10_000), st.integers(0, 99), st.sampled_from(Order), st.booleans())
def test_a_query_survives_its_parameters(
    query: LogQuery, limit: int, offset: int, order: Order, paged: bool
) -> None:
    place = Place(NOW_NS + 7, 12) if paged else None
    levels, sources = tuple(dict.fromkeys(query.levels)), tuple(dict.fromkeys(query.sources))
    query = replace(
        query, limit=limit, offset=offset, order=order, place=place, levels=levels, sources=sources
    )
    again = read(to_args(query))
    assert replace(again, text="", since="", until="") == query
    # Once read it stays as it is, words and all.
    assert read(to_args(again)) == again


def test_words_for_times_stay_words() -> None:
    args: Args = {"q": "a since:2h until:now", "since": "today", "until": "10m"}
    assert to_args(read(args)) == args
    assert to_args(read({"q": "a since:2h"})) == {"q": "a since:2h"}
    assert to_args(LogQuery(start_ns=NOW_NS + 1)) == {"since": "2026-11-21T02:00:00.000000001Z"}


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, (1 << 62) - 1), st.sampled_from(Order))
def test_a_cursor_keeps_its_place(time_ns: int, key: int, order: Order) -> None:
    cursor = encode_cursor(Place(time_ns, key), order)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor) == (Place(time_ns, key), order)
    assert read({"cursor": cursor}) == LogQuery(place=Place(time_ns, key), order=order)


@given(
    st.text() | st.text("ABCdef019-_=", max_size=40) | st.binary(max_size=30).map(lambda data: data.hex())
)
def test_any_other_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(QueryError):
        decode_cursor(cursor)


def test_a_changed_cursor_is_refused() -> None:
    cursor = encode_cursor(Place(NOW_NS, 12), Order.NEWEST)
    for at in range(len(cursor)):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        with pytest.raises(QueryError):
            decode_cursor(changed)


def test_utc_is_the_zone_of_written_times() -> None:
    assert from_args({"since": "2026-11-20"}, now_ns=NOW_NS, tz=UTC) != read({"since": "2026-11-20"})
