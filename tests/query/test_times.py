"""The words for times."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.query.error import QueryError
from hantu.query.times import day_of, end_of, start_of, to_words

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
SECOND_NS = 1_000_000_000


def ns(iso: str) -> int:
    """An instant of whole seconds."""
    return int(datetime.fromisoformat(iso).timestamp()) * SECOND_NS


NOW = ns("2026-11-20T13:14:15+09:00") + 123_456_789


@pytest.mark.parametrize(
    ("word", "start", "end"),
    [
        ("now", NOW, NOW),
        ("NOW", NOW, NOW),
        ("30s", NOW - 30 * SECOND_NS, None),
        ("15m", NOW - 900 * SECOND_NS, None),
        ("2H", NOW - 7_200 * SECOND_NS, None),
        ("-2h", NOW - 7_200 * SECOND_NS, None),
        ("1h30m", NOW - 5_400 * SECOND_NS, None),
        ("7d", NOW - 604_800 * SECOND_NS, None),
        ("1w", NOW - 604_800 * SECOND_NS, None),
        ("today", ns("2026-11-20T00:00:00+09:00"), ns("2026-11-21T00:00:00+09:00")),
        ("yesterday", ns("2026-11-19T00:00:00+09:00"), ns("2026-11-20T00:00:00+09:00")),
        ("2026-11-20", ns("2026-11-20T00:00:00+09:00"), ns("2026-11-21T00:00:00+09:00")),
        ("20261120", ns("2026-11-20T00:00:00+09:00"), ns("2026-11-21T00:00:00+09:00")),
        ("2026-11-20T13:05", ns("2026-11-20T13:05:00+09:00"), None),
        ("2026-11-20 13:05", ns("2026-11-20T13:05:00+09:00"), None),
        ("2026-11-20t13:05:06z", ns("2026-11-20T13:05:06+00:00"), None),
        ("2026-11-20T13:05:06-03:30", ns("2026-11-20T13:05:06-03:30"), None),
        ("2026-11-20T13:05:06+0200", ns("2026-11-20T13:05:06+02:00"), None),
        ("2026-11-20T13:05:06+02", ns("2026-11-20T13:05:06+02:00"), None),
        ("2026-11-20T13:05:06 02:00", ns("2026-11-20T13:05:06+02:00"), None),
        ("2026-11-20T13:05:06.5Z", ns("2026-11-20T13:05:06+00:00") + 500_000_000, None),
        ("2026-11-20T13:05:06,123456789Z", ns("2026-11-20T13:05:06+00:00") + 123_456_789, None),
        ("20261120T130506Z", ns("2026-11-20T13:05:06+00:00"), None),
        ("1795147455", 1795147455 * SECOND_NS, None),
        ("1795147455.25", 1795147455_250_000_000, None),
        ("1795147455123", 1795147455_123_000_000, None),
        ("1795147455123456", 1795147455_123_456_000, None),
        ("1795147455123456789", 1795147455_123_456_789, None),
    ],
)
def test_a_word_means_a_time(word: str, start: int, end: int | None) -> None:
    assert start_of(word, now_ns=NOW, tz=SEOUL) == start
    assert end_of(word, now_ns=NOW, tz=SEOUL) == (start if end is None else end)


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    start, end = day_of("2026-03-29", now_ns=NOW, tz=BERLIN)
    assert (end - start) // SECOND_NS == 23 * 3_600
    start, end = day_of("2026-10-25", now_ns=NOW, tz=BERLIN)
    assert (end - start) // SECOND_NS == 25 * 3_600


@pytest.mark.parametrize(
    "word",
    [
        "",
        "2",
        "2x",
        "tomorrow",
        "2026",
        "2026-11",
        "2026-02-30",
        "0000-01-01",
        "2026-11-20T24:00",
        "12:30",
        "2026-11-20T13:05+25:00",
        "2026-11-20T13:05:06.",
        "١٢",
        "-1795147455",
    ],
)
def test_another_word_is_no_time(word: str) -> None:
    with pytest.raises(QueryError):
        start_of(word, now_ns=NOW, tz=SEOUL)


@pytest.mark.parametrize("tz", [UTC, SEOUL, BERLIN])
@pytest.mark.parametrize(
    "word",
    [
        "0001-01-01",
        "9999-12-31",
        "9999-12-31T23:59:59-12:00",
        "999999999w",
        "9" * 19,
        "999999999d999999999d",
    ],
)
def test_the_ends_of_time_do_not_break(word: str, tz: tzinfo) -> None:
    for read in (start_of, end_of):
        assert -(1 << 63) <= read(word, now_ns=NOW, tz=tz) < 1 << 63


@given(st.integers(-(1 << 62), (1 << 63) - 1))
def test_every_instant_has_exact_words(time_ns: int) -> None:
    assert start_of(to_words(time_ns), now_ns=0, tz=SEOUL) == time_ns
