"""People are told of each error once per cooldown, in words that are right, whatever happens."""

from __future__ import annotations

import pytest

from hantu.alert.inbox import LATE_NS
from hantu.model import LogLevel
from tests.alert.desk import SECOND_NS, Desk

HOUR_NS = 3_600 * SECOND_NS
FIRST = (
    "🚨 [scheduler] 에러\n"
    "2026-11-21 12:00:00 | trading_engine.execute_order\n"
    "타입: InsufficientBalance\n"
    "\n"
    "주문 실행 실패: 잔고 부족\n"
    "\n"
    'File "core/engine.py", line 123\n'
    "    raise InsufficientBalance()\n"
    "InsufficientBalance\n"
    "(trace_id: abc12345)"
)


@pytest.mark.promise("M71", "M74")
def test_an_error_is_told_once_and_its_repeats_at_the_end_of_the_cooldown(desk: Desk) -> None:
    desk.error()
    assert desk.settle() == [FIRST]
    for _ in range(3):
        desk.clock.forward(10)
        desk.error()
    assert desk.settle() == [FIRST]
    assert desk.after(269) == [FIRST]
    assert desk.after(1)[1:] == [
        "🚨 [scheduler] 에러\n"
        "2026-11-21 12:00:30 | trading_engine.execute_order\n"
        "타입: InsufficientBalance\n"
        "\n"
        "주문 실행 실패: 잔고 부족\n"
        "\n"
        "같은 에러가 3번 더 발생했습니다 (12:00:10부터 12:00:30까지)\n"
        "(trace_id: abc12345)"
    ]
    assert len(desk.after(10_000)) == 2


@pytest.mark.promise("M73")
@pytest.mark.parametrize(("cooldown_s", "told"), [(0, 2), (60, 1)])
def test_the_cooldown_is_a_setting(desk: Desk, cooldown_s: int, told: int) -> None:
    desk.start(cooldown_s=cooldown_s)
    desk.error()
    desk.settle()
    desk.clock.forward(59)
    desk.error()
    assert len(desk.settle()) == told


@pytest.mark.promise("M71")
def test_errors_of_other_services_places_and_types_have_their_own_cooldown(desk: Desk) -> None:
    desk.error()
    desk.error(service="api")
    desk.error(kind="TimeoutError")
    desk.error(function="cancel_order")
    desk.error("주문 취소 실패")
    assert len(desk.settle()) == 5


@pytest.mark.promise("M72")
def test_a_critical_error_is_told_at_once_beside_the_cooldown_of_an_error(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.error(level=LogLevel.FATAL)
    assert desk.settle() == [FIRST, FIRST]
    desk.error(level=LogLevel.FATAL)
    assert len(desk.settle()) == 2
    assert "같은 에러가 1번 더 발생했습니다" in desk.after(301)[2]


@pytest.mark.promise("M55")
def test_an_error_that_comes_back_is_told_at_once_and_marked(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.clock.forward(10)
    desk.error()
    desk.settle()
    desk.clock.forward(10)
    desk.store.resolve(desk.group().group_no, at_ns=desk.clock.now_ns())
    desk.clock.forward(10)
    desk.push(desk.entry(), desk.entry(), desk.entry())
    told = desk.settle()
    assert len(told) == 2
    assert (
        "🔁 재발: 해결했던 에러가 다시 발생했습니다 (2026-11-21 12:00:20 해결)\n"
        "같은 에러가 1번 더 발생했습니다 (2026-11-21 12:00:10)\n"
    ) in told[1]
    assert "2번 더" in desk.after(301)[2]
    assert "재발" not in desk.api.texts[2]


def test_a_muted_error_is_not_told_until_the_mute_ends(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.error()
    desk.settle()
    until_ns = desk.clock.now_ns() + HOUR_NS
    desk.store.mute(desk.group().group_no, at_ns=desk.clock.now_ns(), until_ns=until_ns)
    desk.error()
    assert len(desk.after(3_000)) == 1
    desk.error()
    assert len(desk.after(601)) == 1
    desk.error()
    assert len(desk.settle()) == 2


def test_an_error_muted_below_a_rate_is_told_once_more_come(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.store.mute(desk.group().group_no, at_ns=desk.clock.now_ns(), below_an_hour=5)
    desk.clock.forward(4_000)
    for _ in range(5):
        desk.error()
    assert len(desk.settle()) == 1
    desk.error()
    assert len(desk.settle()) == 2


def test_merged_errors_share_one_cooldown(desk: Desk) -> None:
    desk.error()
    desk.error("시세 조회 실패")
    first, second = sorted(
        {occurrence.group_no for occurrence in desk.store.errors_after(0, most=9)},
    )
    desk.store.merge([second], first, at_ns=desk.clock.now_ns())
    assert len(desk.settle()) == 1


def test_late_errors_are_told_together(desk: Desk) -> None:
    old_s = LATE_NS / SECOND_NS + 60
    desk.push(
        *(desk.entry(age_s=old_s + at) for at in range(30)),
        desk.entry("시세 조회 실패", kind="TimeoutError", service="api", age_s=old_s),
        desk.entry("원장 불일치", kind="LedgerError", level=LogLevel.FATAL, age_s=old_s),
    )
    desk.error("방금 일어난 에러", kind="OSError")
    assert len(desk.settle()) == 1
    assert desk.after(5)[1:] == [
        "🚨 [api 외 1] 에러\n"
        "2026-11-21 12:00:05\n"
        "\n"
        "뒤늦게 도착한 에러 3종류 32건입니다. (2026-11-21 11:48:31부터 11:49:00까지)\n"
        "\n"
        "• [scheduler] CRITICAL 1건 LedgerError: 원장 불일치\n"
        "• [scheduler] 30건 InsufficientBalance: 주문 실행 실패: 잔고 부족\n"
        "• [api] 1건 TimeoutError: 시세 조회 실패"
    ]
    assert len(desk.after(1_000)) == 2


def test_late_errors_that_go_on_and_on_are_told_each_minute(desk: Desk) -> None:
    for _ in range(25):
        desk.error(age_s=5_000)
        desk.engine.step()
        desk.clock.forward(4)
    assert "16건입니다" in desk.settle()[0]


def test_what_the_library_has_told_is_not_told_again(desk: Desk) -> None:
    desk.error(alerted=True)
    assert desk.settle() == []
    desk.error()
    assert len(desk.settle()) == 1


def test_the_first_start_tells_nothing_of_what_there_was(desk: Desk) -> None:
    desk.error()
    desk.push()
    desk.store.write_batch([], {"alerts": None})
    desk.start()
    assert desk.settle() == []
    desk.error("다음 에러")
    assert len(desk.settle()) == 1


def test_messages_lead_to_the_page_where_the_service_can_be_reached(desk: Desk) -> None:
    desk.start(public_url="https://logs.example.com/")
    desk.error()
    desk.settle()
    desk.error()
    desk.settle()
    desk.after(301)
    first = desk.store.errors_after(0, most=1)[0].record.id
    link = f'\n<a href="https://logs.example.com/errors/{first}">에러 보기</a>'
    assert [message.html.endswith(link) for message in desk.api.messages] == [True, True]


def test_lines_that_are_no_errors_are_not_told(desk: Desk) -> None:
    desk.push(desk.entry(level=LogLevel.WARN), desk.entry(level=LogLevel.INFO))
    assert desk.settle() == []
