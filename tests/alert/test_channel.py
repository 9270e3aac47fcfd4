"""Whatever Telegram does, errors are stored, memory is bounded, and every error is told or counted."""

from __future__ import annotations

import logging
import re
import threading
import time

import pytest

from hantu.alert.engine import QUEUE_MOST, AlertEngine
from hantu.alert.report import Disk
from hantu.client.outgoing import Patience
from hantu.client.telegram import Telegram
from hantu.model import LogLevel
from tests.alert.desk import Desk, kinds
from tests.client.bot_api import (
    BLOCKED,
    BROKEN,
    CHAT,
    DROP,
    GARBAGE,
    HANG,
    TOKEN,
    UNAUTHORIZED,
    flood,
    refusal,
)
from tests.client.stand_in import Answer
from tests.waiting import wait_until


def _channel(desk: Desk) -> Telegram:
    return Telegram(TOKEN, CHAT, desk.api.url)


def _no_disk() -> Disk:
    raise AssertionError("no report is due")


def told_errors(texts: list[str]) -> int:
    """How many errors the messages tell of."""
    gathered = re.findall(r"종류(?: 이상)? ([\d,]+)건을 모아", "\n".join(texts))
    return sum("모아" not in text for text in texts) + sum(int(each.replace(",", "")) for each in gathered)


@pytest.mark.promise("M61")
@pytest.mark.parametrize("failure", [BROKEN, DROP, GARBAGE])
def test_a_message_that_failed_is_sent_later_and_once(desk: Desk, failure: Answer) -> None:
    desk.api.answer(failure, failure)
    desk.error()
    desk.until(lambda: desk.engine.figures().error)
    assert desk.api.texts == []
    assert desk.engine.figures().waiting == 1
    desk.clock.forward(4.9)
    desk.engine.step()
    assert len(desk.api.calls) == 1
    desk.clock.forward(0.1)
    desk.until(lambda: len(desk.api.calls) == 2 and not desk.engine._sender.sending)
    desk.clock.forward(31)
    assert len(desk.settle()) == 1
    assert desk.engine.figures().error == ""


@pytest.mark.promise("M61")
def test_the_wait_that_telegram_asks_for_holds_for_all_messages(desk: Desk) -> None:
    desk.api.answer(refusal(429, "Too Many Requests", retry_after=40))
    desk.error()
    desk.until(lambda: desk.engine.figures().error)
    desk.error("시세 조회 실패")
    desk.error(level=LogLevel.FATAL)
    desk.clock.forward(39)
    for _ in range(20):
        desk.engine.step()
    assert len(desk.api.calls) == 1
    assert desk.engine.figures().waiting == 3


@pytest.mark.promise("M61")
def test_retry_after_is_kept_by_the_real_clock(desk: Desk) -> None:
    desk.api.answer(flood(1))
    desk.engine = AlertEngine(
        desk.store,
        desk.pipeline,
        desk.signal,
        _channel(desk),
        cooldown_s=300,
        report_at="off",
        public_url="",
        faults=list,
        disk=_no_disk,
    )
    desk.engine.begin()
    stop = threading.Event()
    thread = threading.Thread(target=desk.engine.body, args=(stop,))
    thread.start()
    try:
        now_ns = time.time_ns()
        desk.clock.passed_s += (now_ns - desk.clock.now_ns()) / 1e9
        desk.error()
        wait_until(lambda: desk.api.texts)
    finally:
        stop.set()
        thread.join(10)
    assert desk.api.early == []
    assert len(desk.api.texts) == 1


@pytest.mark.promise("M61")
@pytest.mark.parametrize("answer", [UNAUTHORIZED, BLOCKED, refusal(400, "Bad Request: chat not found")])
def test_a_refused_token_or_chat_stops_sending_until_the_settings_are_changed(
    desk: Desk, answer: Answer
) -> None:
    desk.api.answer(answer)
    desk.error()
    desk.until(lambda: desk.engine.figures().closed)
    assert not desk.engine.alerting
    for kind in kinds(40):
        desk.error(kind=kind)
    desk.engine.step()
    desk.clock.forward(1_000)
    desk.engine.step()
    assert len(desk.api.calls) == 1
    # Another start, as after a change of the settings: what was missed is told.
    desk.start()
    assert desk.engine.alerting
    desk.settle()
    desk.clock.forward(60)
    desk.settle()
    assert told_errors(desk.after(60)) == 41


def test_a_bot_that_is_let_in_again_goes_on_without_a_start(desk: Desk) -> None:
    desk.api.answer(BLOCKED)
    desk.error()
    desk.until(lambda: desk.engine.figures().closed)
    desk.engine.retry()
    assert len(desk.settle()) == 1
    assert desk.engine.figures().closed == ""


def test_a_message_that_hangs_is_given_up_and_sent_again(desk: Desk) -> None:
    desk.api.answer(HANG)
    desk.error()
    desk.until(lambda: desk.api.calls)
    # Nothing that stores waits for it.
    began = time.monotonic()
    desk.push(*(desk.entry(level=LogLevel.INFO) for _ in range(1_000)))
    assert time.monotonic() - began < 5
    desk.clock.forward(12)
    desk.until(lambda: desk.engine.figures().error)
    assert "did not answer" in desk.engine.figures().error
    assert len(desk.after(5)) == 1


def test_a_message_that_telegram_refuses_is_told_as_a_number(desk: Desk) -> None:
    desk.api.answer(refusal(400, "Bad Request: can't parse entities"))
    desk.error()
    assert desk.settle() == []
    assert desk.after(15) == [
        "🚨 [hantu] 에러\n"
        "2026-11-21 12:00:15\n"
        "\n"
        "에러가 한꺼번에 몰려 1건을 모아 알립니다.\n"
        "\n"
        "… 외 1건은 에러 목록에서 확인하세요."
    ]


def test_while_telegram_is_down_for_a_day_memory_is_bounded_and_every_error_is_counted(desk: Desk) -> None:
    desk.api.down()
    desk.start(patience=Patience((5.0, 300.0)))
    names = kinds(1_000)
    for hour in range(24):
        desk.push(*(desk.entry(kind=kind) for kind in names[hour * 40 : hour * 40 + 40]))
        desk.until(lambda: not desk.engine._sender.sending)
        desk.clock.forward(3_600)
    figures = desk.engine.figures()
    assert figures.waiting <= QUEUE_MOST
    assert figures.waiting + figures.gathered == 960
    packed = desk.store.checkpoint("alerts")
    assert packed is not None
    assert len(packed) < 100_000
    desk.api.up()
    desk.settle()
    desk.after(61)
    assert told_errors(desk.after(61)) == 960


@pytest.mark.promise("M61")
def test_no_more_goes_out_a_minute_than_telegram_takes(desk: Desk) -> None:
    desk.api.down()
    for kind in kinds(60):
        desk.error(kind=kind, level=LogLevel.FATAL)
        desk.until(lambda: not desk.engine._sender.sending)
        desk.clock.forward(30)
    desk.api.up()
    counts = []
    for _ in range(10):
        desk.clock.forward(61)
        desk.until(lambda: not desk.engine._sender.sending)
        for _ in range(60):
            desk.until(lambda: not desk.engine._sender.sending)
        counts.append(len(desk.api.messages))
    assert max(after - before for before, after in zip([0, *counts], counts, strict=False)) <= 20
    assert told_errors(desk.api.texts) == 60


def test_the_token_is_in_no_text(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.api.answer(DROP, BROKEN, GARBAGE, refusal(429, "slow", retry_after=1), UNAUTHORIZED)
    desk.error()
    for _ in range(4):
        calls = len(desk.api.calls)
        desk.until(lambda calls=calls: len(desk.api.calls) > calls)  # type: ignore[misc]  # bound now
        desk.until(lambda: not desk.engine._sender.sending)
        desk.clock.forward(300)
    desk.until(lambda: desk.engine.figures().closed)
    packed = desk.store.checkpoint("alerts") or b""
    secret = TOKEN.partition(":")[2]
    assert caplog.records
    for text in (caplog.text, repr(desk.engine.figures()), repr(vars(desk.engine)), repr(packed)):
        assert secret not in text
