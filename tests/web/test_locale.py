"""Dates, numbers and words as people of each language write them, on every page."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask, g

from hantu.web import i18n, render
from tests.web.fulldesk import FullDesk, full_desk

DAY = datetime.date(2026, 11, 20)
SECOND_NS = 10**9
# What a program wrote is in whatever language it wrote it.
WRITTEN = frozenset(("code", "kbd", "pre", "script", "style", "select"))
WRITTEN_IN = frozenset(
    (
        *(
            "mono",
            "entry",
            "entry-message",
            "pattern",
            "trace-lines",
            "lines",
            "trace",
            "meta",
            "settings-value",
        ),
        *(
            "error-type",
            "error-message",
            "error-said",
            "error-place",
            "palette-text",
            "strip-name",
            "source-name",
        ),
    )
)
EMPTY = frozenset(("meta", "link", "input", "br", "img", "rect", "path", "circle", "use", "hr", "wbr"))
SENTENCE = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,}\b")
# What programs gave: the reason of a gap, the name of a token.
OF_PROGRAMS = ("engine restarted", "admin program")


class Spoken(HTMLParser):
    """The texts of a page but for what programs wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._written: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        written = tag in WRITTEN or not WRITTEN_IN.isdisjoint(classes) or given.get("lang") == "en"
        for name in ("aria-label", "title", "placeholder", "alt"):
            self._hear("" if written else given.get(name) or "")
        if tag not in EMPTY:
            self._written.append(written)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY and self._written:
            self._written.pop()

    def handle_data(self, data: str) -> None:
        self._hear(data.strip())

    def _hear(self, text: str) -> None:
        if text and not any(self._written):
            self.texts.append(text)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullDesk]:
    with full_desk(tmp_path_factory.mktemp("hantu") / "data") as made:
        yield made


@pytest.fixture
def in_korean(app: Flask) -> Iterator[None]:
    with app.test_request_context("/", headers={"Host": "localhost"}):
        g.language = "ko"
        yield


def test_no_page_speaks_english_to_a_korean_reader(desk: FullDesk) -> None:
    client = desk.app.test_client()
    english: dict[str, set[str]] = {}
    for name, path in desk.pages.items():
        if name == "styleguide":
            continue
        answer = client.get(path, headers={"Accept-Language": "ko"})
        heard = Spoken()
        heard.feed(answer.text)
        assert any(re.search("[가-힣]", text) for text in heard.texts), name
        found = {text for text in heard.texts if SENTENCE.search(text) and not text.endswith(OF_PROGRAMS)}
        if found:
            english[name] = found
    assert english == {}


def test_english_is_noticed() -> None:
    heard = Spoken()
    heard.feed('<p>Nothing here yet</p><code>sudo make it</code><svg aria-label="two lines"><path/></svg>')
    assert [text for text in heard.texts if SENTENCE.search(text)] == ["Nothing here yet", "two lines"]


def test_english_dates_and_numbers() -> None:
    assert i18n.full_day(DAY) == "20 Nov 2026"
    assert i18n.short_day(DAY) == "20 Nov"
    assert i18n.long_day(DAY) == "Friday, 20 November 2026"
    assert i18n.number(1_234_567) == "1,234,567"
    assert [i18n.percent(share) for share in (0, 0.4, 34.4)] == ["0 %", "<1 %", "34 %"]
    assert i18n.size(4_100_000) == "4.1 MB"
    assert i18n.duration(64) == "1 m 04 s"
    assert i18n.ago(0, 180 * SECOND_NS) == "3 m ago"


@pytest.mark.usefixtures("in_korean")
def test_korean_dates_and_numbers() -> None:
    assert i18n.full_day(DAY) == "2026. 11. 20."
    assert i18n.short_day(DAY) == "11월 20일"
    assert i18n.long_day(DAY) == "2026년 11월 20일 금요일"
    assert i18n.number(1_234_567) == "1,234,567"
    assert [i18n.percent(share) for share in (0, 0.4, 34.4)] == ["0%", "1% 미만", "34%"]
    assert i18n.duration(64) == "1분 04초"
    assert i18n.ago(0, 180 * SECOND_NS) == "3분 전"
    assert i18n.ago(None, 0) == "없음"


@pytest.mark.usefixtures("in_korean")
def test_a_time_says_as_much_as_tells_it_from_others() -> None:
    now_ns = time.time_ns()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", render.short_time(now_ns))
    other_year = int(datetime.datetime(2024, 2, 3, 12, tzinfo=datetime.UTC).timestamp()) * SECOND_NS
    assert re.fullmatch(r"2024\. 2\. [34]\. \d\d:\d\d:\d\d", render.short_time(other_year))


def test_months_and_days_have_english_names_whatever_the_process_speaks() -> None:
    days = [datetime.date(2026, month, 1) for month in range(1, 13)]
    assert [i18n.short_day(day) for day in days] == [day.strftime("1 %b") for day in days]
    week = [DAY + datetime.timedelta(days=at) for at in range(7)]
    assert [i18n.long_day(day) for day in week] == [day.strftime(f"%A, {day.day} %B %Y") for day in week]
