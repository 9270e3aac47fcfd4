"""docs/query-language.md is true: each example finds what it says."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hantu.model import LogEntry, LogLevel
from hantu.query.args import PARAMETERS
from hantu.query.error import QueryError
from hantu.query.fields import FIELDS
from hantu.query.logquery import LogQuery

TEXT = (Path(__file__).parents[2] / "docs" / "query-language.md").read_text(encoding="utf-8")
SEOUL = ZoneInfo("Asia/Seoul")
ROW = re.compile(r"^\| `(?P<query>.+?)` \| (?P<second>[^|]*?) ?\|(?P<rest>.*)$", re.MULTILINE)


def ns(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp()) * 1_000_000_000


NOW_NS = ns("2026-11-20T12:00:00+09:00")


def _entries() -> dict[int, LogEntry]:
    block = TEXT.split("```json\n")[1].split("```")[0]
    return {
        given["n"]: LogEntry(
            given["source"],
            given["source_id"],
            LogLevel.parse(given["level"]),
            given["message"],
            ns(given["time"]),
            given["metadata"],
        )
        for given in map(json.loads, block.splitlines())
    }


def _rows(head: str) -> list[tuple[str, str]]:
    tables = re.findall(rf"^\| {head} \|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)", TEXT, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    found = [ROW.match(row) for row in rows]
    assert all(found), [row for row, match in zip(rows, found, strict=True) if not match]
    return [(match["query"].replace("\\|", "|"), match["second"]) for match in found if match]


ENTRIES = _entries()


@pytest.mark.parametrize(("query", "finds"), _rows("Query"))
def test_an_example_finds_what_the_documentation_says(query: str, finds: str) -> None:
    asked = LogQuery.parse(query, now_ns=NOW_NS, tz=SEOUL)
    expected = [int(number) for number in finds.split(",") if number.strip()]
    assert [number for number, entry in ENTRIES.items() if asked.matches(entry)] == expected


@pytest.mark.parametrize(("query", "said"), _rows("Wrong"))
def test_a_wrong_example_is_answered_as_the_documentation_says(query: str, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        LogQuery.parse(query, now_ns=NOW_NS, tz=SEOUL)
    assert raised.value.message == said


def test_the_documentation_has_every_field_and_parameter() -> None:
    for name in FIELDS:
        assert f"`{name}:" in TEXT, name
    for name in PARAMETERS:
        assert f"`{name}`" in TEXT, name


@pytest.mark.parametrize(
    "text",
    [
        "http://host/path",
        "12:30:45",
        "C:\\logs",
        "std::vector",
        "aa:bb:cc:dd:ee:ff",
        "note: text",
        "/var/log",
    ],
)
def test_what_the_documentation_calls_words_is_words(text: str) -> None:
    assert f"`{text}`" in TEXT
    entry = LogEntry("app", "x", LogLevel.INFO, f"before {text} after", 0)
    assert LogQuery.parse(text, now_ns=NOW_NS, tz=SEOUL).matches(entry)
