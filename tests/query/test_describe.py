"""A query as a sentence."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from hantu.model import LogLevel
from hantu.query.describe import LANGUAGES, describe
from hantu.query.expr import Word
from hantu.query.logquery import LogQuery, Order
from tests.contract.strategies import queries

SEOUL = ZoneInfo("Asia/Seoul")
START_NS = 1_795_147_200_000_000_000


@pytest.mark.parametrize(
    ("query", "english", "korean"),
    [
        (LogQuery(), "All logs", "모든 로그"),
        (LogQuery(order=Order.OLDEST), "All logs, oldest first", "모든 로그 (오래된 것부터)"),
        (
            LogQuery(search=Word("주문"), min_level=LogLevel.WARN, sources=("docker", "journal")),
            "Logs that match 주문, of level warn and above, from docker, journal",
            "docker, journal의 warn 이상 로그 중 주문 검색 결과",
        ),
        (
            LogQuery(levels=(LogLevel.FATAL, LogLevel.ERROR), source_id="api"),
            "Logs of level error, fatal, of api",
            "api의 error, fatal 로그",
        ),
        (
            LogQuery(start_ns=START_NS, end_ns=START_NS + 10**9),
            "Logs since 20 Nov 2026 13:00:00, until 20 Nov 2026 13:00:01",
            "2026년 11월 20일 13:00:00부터 2026년 11월 20일 13:00:01 전까지 로그",
        ),
    ],
)
def test_a_query_in_words(query: LogQuery, english: str, korean: str) -> None:
    assert describe(query, "en", tz=SEOUL) == english
    assert describe(query, "ko", tz=SEOUL) == korean


@given(queries([]))
def test_every_query_has_words(query: LogQuery) -> None:
    for language in LANGUAGES:
        assert describe(query, language)


def test_the_ends_of_time_have_words() -> None:
    for time_ns in (-(1 << 63), (1 << 63) - 1):
        assert describe(LogQuery(start_ns=time_ns), "en", tz=SEOUL)
