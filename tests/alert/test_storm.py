"""Many different errors at once: few messages, at the pace that Telegram takes, and every error counted."""

from __future__ import annotations

import re
import time

import pytest

from hantu.alert.gathering import ROWS_MOST
from hantu.alert.sender import SENDS_A_MINUTE
from hantu.model import LogLevel
from tests.alert.desk import Desk, kinds

COUNT = re.compile(r"([\d,]+)건을 모아")


def gathered(texts: list[str]) -> int:
    """How many errors the messages of many tell of."""
    return sum(int(found.replace(",", "")) for text in texts for found in COUNT.findall(text))


@pytest.mark.promise("M71")
def test_two_hundred_new_errors_in_a_minute_are_few_messages_and_all_are_told(desk: Desk) -> None:
    sent: list[tuple[float, int]] = []
    for at, kind in enumerate(kinds(200)):
        desk.error(f"실패 {kind}", kind=kind)
        if at % 10 == 9:
            desk.clock.forward(3)
            desk.settle()
            sent.append((desk.clock.passed_s, len(desk.api.messages)))
    texts = desk.after(15)
    own = [text for text in texts if "모아" not in text]
    assert len(own) == 10
    assert gathered(texts) == 190
    assert len(texts) <= SENDS_A_MINUTE
    assert len(desk.after(3_600)) == len(texts)


def test_the_message_of_a_storm_names_the_worst_first(desk: Desk) -> None:
    for kind in kinds(15):
        desk.error(kind=kind, level=LogLevel.FATAL)
    desk.settle()
    desk.push(
        *(desk.entry("조회\n실패", kind=kind, service="api") for kind in kinds(60)),
        desk.entry("원장 불일치", kind="LedgerError", service="api", level=LogLevel.FATAL),
    )
    desk.settle()
    lines = desk.after(15)[-1].split("\n")
    assert lines[:7] == [
        "🚨 [api] 에러",
        "2026-11-21 12:00:15",
        "",
        "에러가 한꺼번에 몰려 61종류 61건을 모아 알립니다. (2026-11-21 12:00:00)",
        "",
        "• [api] CRITICAL 1건 LedgerError: 원장 불일치",
        "• [api] 1건 aaaError: 조회 실패",
    ]
    assert len(lines) == 66


def test_critical_errors_have_room_of_their_own_in_a_storm(desk: Desk) -> None:
    for kind in kinds(30):
        desk.error(kind=kind)
    assert len(desk.settle()) == 10
    for kind in kinds(5):
        desk.error(kind=kind, level=LogLevel.FATAL)
    assert len(desk.settle()) == 15


def test_a_storm_of_more_kinds_than_are_kept_is_counted_and_bounded(desk: Desk) -> None:
    count = ROWS_MOST + 300
    for start in range(0, count, 100):
        desk.push(*(desk.entry(kind=kind) for kind in kinds(count)[start : start + 100]))
    desk.settle()
    texts = desk.after(15)
    assert len(texts) == 11
    assert gathered(texts) == count - 10
    assert f"{ROWS_MOST}종류 이상 {count - 10}건을" in texts[-1]
    assert re.search(r"… 외 \d+건은 에러 목록에서 확인하세요\.$", texts[-1])


def test_cooldowns_that_end_together_are_told_together(desk: Desk) -> None:
    for kind in kinds(30) * 2:
        desk.error(kind=kind)
    desk.settle()
    told = len(desk.after(15))
    texts = desk.after(300)
    texts = desk.after(15)
    assert len(texts) - told <= 12
    assert gathered(texts[told:]) + sum("번 더" in text for text in texts[told:]) == 30


def test_an_error_that_repeats_a_thousand_times_a_second_costs_next_to_nothing(desk: Desk) -> None:
    desk.error()
    desk.settle()
    for _ in range(20):
        desk.push(*(desk.entry() for _ in range(500)))
    began = time.monotonic()
    desk.settle()
    took_s = time.monotonic() - began
    assert took_s < 8
    assert "같은 에러가 10,000번 더" in desk.after(301)[1]
