"""The daily report, letter by letter, once a day."""

from __future__ import annotations

import datetime
import time

import pytest

from hantu.alert.report import Day, Disk, last_due_ns, report_text
from hantu.model import LogLevel
from hantu.store.error_base import ErrorQuery
from tests.alert.desk import NOON_NS, SECOND_NS, Desk, kinds
from tests.client.bot_api import seen

HOUR_S = 3_600
DAY_NS = 86_400 * SECOND_NS


def report(desk: Desk, disk: Disk | None = None) -> str:
    """The text of the day that ends now."""
    end_ns = desk.clock.now_ns() + SECOND_NS
    day = Day(desk.store, end_ns - DAY_NS, end_ns, disk or Disk(1_250_000_000, 20_000_000_000, 7.0))
    return seen(report_text(day))


@pytest.mark.promise("M75")
def test_the_report_of_a_day_with_errors(desk: Desk) -> None:
    # The day before: two errors, of which one is resolved.
    desk.error("주문 실패", kind="OrderError")
    desk.store.resolve(desk.group().group_no, at_ns=desk.clock.now_ns() + 1)
    desk.error("계좌 조회 실패", kind="AccountError")
    desk.clock.forward(30 * HOUR_S)
    # This day: the resolved one comes back, two are new, one of them is resolved.
    for _ in range(3):
        desk.error("주문 실패", kind="OrderError")
    desk.error("계좌 조회 실패", kind="AccountError")
    desk.push(desk.entry("원장\n불일치", kind="LedgerError", service="api", level=LogLevel.FATAL))
    (group,) = desk.store.errors(ErrorQuery(services=("api",))).groups
    desk.store.resolve(group.group_no, at_ns=desk.clock.now_ns())
    desk.push(
        *(desk.entry("시세 조회 시간 초과", kind="TimeoutError", service="api") for _ in range(12)),
        *(desk.entry("a", level=LogLevel.INFO) for _ in range(1_200)),
        *(desk.entry("b", level=LogLevel.WARN) for _ in range(30)),
    )
    text = report(desk, Disk(1_250_000_000, 20_000_000_000, 7.0, 1_215_000_000, _day_ago(desk)))
    assert text == (
        "📊 [hantu] 리포트\n"
        "2026-11-22 18:00:01\n"
        "\n"
        "지난 하루 (2026-11-21 18:00 ~ 2026-11-22 18:00)\n"
        "\n"
        "로그 1,247건 (fatal 1, error 16, warn 30, info 1,200)\n"
        "\n"
        "에러 17건, 4종류\n"
        "• api 13건\n"
        "• scheduler 4건\n"
        "새 에러 2종류, 재발 1종류, 해결 1종류, 미해결 3종류\n"
        "\n"
        "가장 많은 에러\n"
        "1. [api] 12건 TimeoutError: 시세 조회 시간 초과\n"
        "2. [scheduler] 3건 OrderError: 주문 실패\n"
        "3. [scheduler] 1건 AccountError: 계좌 조회 실패\n"
        "4. [api] 1건 LedgerError: 원장 불일치\n"
        "\n"
        "DB 1.2 GB (하루 +35.0 MB), 디스크 여유 20.0 GB\n"
        "이 속도라면 약 571일 뒤 디스크가 가득 찹니다\n"
        "로그 보관 7일, 오래된 로그 0건 정리"
    )


def _day_ago(desk: Desk) -> int:
    return desk.clock.now_ns() + SECOND_NS - DAY_NS


@pytest.mark.promise("M75")
def test_the_report_of_a_quiet_day(desk: Desk) -> None:
    assert report(desk) == (
        "📊 [hantu] 리포트\n"
        "2026-11-21 12:00:01\n"
        "\n"
        "지난 하루 (2026-11-20 12:00 ~ 2026-11-21 12:00)\n"
        "\n"
        "로그 0건\n"
        "\n"
        "에러 없음 ✅\n"
        "새 에러 0종류, 재발 0종류, 해결 0종류, 미해결 0종류\n"
        "\n"
        "DB 1.2 GB, 디스크 여유 20.0 GB\n"
        "로그 보관 7일, 오래된 로그 0건 정리"
    )


def test_a_file_that_shrinks_never_fills_the_disk(desk: Desk) -> None:
    text = report(desk, Disk(1_000_000_000, 20_000_000_000, 7.0, 1_100_000_000, _day_ago(desk)))
    assert "DB 1.0 GB (하루 -100.0 MB), 디스크 여유 20.0 GB" in text
    assert "가득" not in text


def test_many_services_are_summed_up(desk: Desk) -> None:
    desk.push(*(desk.entry(service=f"service-{name}") for name in kinds(11)))
    assert "• 외 3개 서비스 3건\n" in report(desk)


def test_what_was_removed_is_told(desk: Desk) -> None:
    desk.push(desk.entry(level=LogLevel.INFO, age_s=9 * 86_400))
    desk.pipeline.with_store(lambda store: store.cleanup(7, now_ns=desk.clock.now_ns()))
    end_ns = time.time_ns() + SECOND_NS
    day = Day(desk.store, end_ns - DAY_NS, end_ns, Disk(1, 1, 7.0))
    assert "오래된 로그 1건 정리" in report_text(day)


def test_the_report_goes_out_each_day_at_its_time_and_once(desk: Desk) -> None:
    desk.start(report_at="09:00")
    desk.store.write_batch([], {"alerts": None})
    desk.start(report_at="09:00")
    # None for the day before hantu was there.
    assert desk.settle() == []
    assert desk.after(20 * HOUR_S + 3_599) == []
    assert desk.after(1)[0].startswith("📊 [hantu] 리포트\n2026-11-22 09:00:00\n")
    desk.start(report_at="09:00")
    assert len(desk.after(23 * HOUR_S)) == 1
    assert len(desk.after(HOUR_S)) == 2


def test_a_report_that_was_missed_is_sent_at_the_start_and_only_the_last(desk: Desk) -> None:
    desk.start(report_at="09:00")
    desk.settle()
    desk.clock.forward(5 * 86_400)
    desk.start(report_at="09:00")
    (text,) = desk.settle()
    assert text.split("\n")[1] == "2026-11-26 09:00:00"


def test_no_report_when_it_is_off(desk: Desk) -> None:
    assert desk.after(3 * 86_400) == []


def test_the_growth_is_that_since_the_last_report(desk: Desk) -> None:
    desk.start(report_at="09:00")
    first, second = (desk.after(86_400)[-1] for _ in range(2))
    assert "(하루" not in first
    assert "(하루 +0 B)" in second


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        ("09:00", "2026-11-21T09:00:00+09:00"),
        ("12:00", "2026-11-21T12:00:00+09:00"),
        ("12:01", "2026-11-20T12:01:00+09:00"),
        ("23:59", "2026-11-20T23:59:00+09:00"),
    ],
)
def test_the_time_of_a_report_is_the_local_one(clock: str, due: str) -> None:
    expected = datetime.datetime.fromisoformat(due).timestamp()
    assert last_due_ns(clock, NOON_NS) == int(expected) * SECOND_NS
