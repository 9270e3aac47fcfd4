"""What happens to hantu itself is told, in these words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hantu.alert.faults import ServiceFault, service_faults
from tests.alert.desk import Desk

DOWN = "/var/lib/hantu/hantu.db is locked by another process (database is locked)"
FULL = "the disk is full: /var/lib/hantu/hantu.db could not be written (database or disk is full)"


def faults(failing: str = "", problems: tuple[str, ...] = ()) -> list[ServiceFault]:
    return service_faults(failing=failing, problems=problems, folder=Path("/"))


def test_nothing_stands_when_all_is_well() -> None:
    assert faults() == []


@pytest.mark.promise("M59")
def test_a_lost_database_and_its_return_are_told(desk: Desk) -> None:
    desk.faults = faults(DOWN)
    assert desk.settle() == [
        "🚨 [hantu] 에러\n"
        "2026-11-21 12:00:00 | hantu\n"
        "타입: DB 연결 불가\n"
        "\n"
        "데이터베이스에 로그를 저장하지 못하고 있습니다. 자동으로 다시 시도합니다.\n"
        f"{DOWN}"
    ]
    assert len(desk.after(10_000)) == 1
    desk.faults = []
    assert desk.settle()[1:] == [
        "✅ [hantu] 성공\n"
        "2026-11-21 14:46:40 | hantu\n"
        "타입: DB 연결 불가\n"
        "\n"
        "데이터베이스에 다시 로그를 저장하고 있습니다."
    ]


@pytest.mark.promise("M62", "M66")
def test_a_full_disk_is_told_with_what_is_left(desk: Desk) -> None:
    desk.faults = faults(FULL)
    (text,) = desk.settle()
    assert re.fullmatch(
        "🚨 \\[hantu\\] 에러\n"
        "2026-11-21 12:00:00 \\| hantu\n"
        "타입: 디스크 부족\n"
        "\n"
        "디스크가 가득 차 로그를 저장하지 못하고 있습니다\\. 디스크를 직접 정리해야 합니다\\. "
        "남은 공간: [\\d,]+\\.\\d MiB\\.\n" + re.escape(FULL),
        text,
    )


@pytest.mark.promise("M62", "M66")
def test_a_full_disk_says_what_was_done_about_it(desk: Desk) -> None:
    desk.faults = service_faults(failing="", problems=(), folder=Path("/"), full=12_345)
    (text,) = desk.settle()
    assert "타입: 디스크 부족\n" in text
    assert "디스크가 가득 차 예비 공간을 비우고 오래된 로그 12,345줄을 지웠습니다. 디스크를 직접" in text
    # Whatever else it meets: one message of one emergency.
    desk.faults = faults(FULL)
    assert desk.settle() == [text]


def test_a_damaged_database_is_told(desk: Desk) -> None:
    desk.faults = faults(problems=("row 7 missing from index entry_time",))
    (text,) = desk.settle()
    assert "타입: DB 손상\n" in text
    assert text.endswith("\nrow 7 missing from index entry_time")


def test_a_backup_that_fails_is_told_and_so_is_the_next_good_one(desk: Desk) -> None:
    why = "the daily backup failed: the disk is full: /mnt/backup/hantu.tar could not be written"
    desk.faults = service_faults(failing="", problems=(), folder=Path("/"), backup=why)
    (text,) = desk.settle()
    assert "타입: 백업 실패\n" in text
    assert text.endswith(f"이전 백업은 그대로 있으며 10분 뒤 다시 시도합니다.\n{why}")
    desk.faults = faults()
    assert desk.settle()[-1].endswith("백업이 다시 만들어졌습니다.")


def test_faults_have_their_own_cooldowns(desk: Desk) -> None:
    desk.faults = faults(DOWN)
    desk.settle()
    desk.faults = faults(FULL)
    texts = desk.settle()
    assert ["DB 연결" in text for text in texts] == [True, False, True]


def test_a_fault_that_comes_and_goes_is_told_once_and_counted(desk: Desk) -> None:
    for _ in range(5):
        desk.faults = faults(DOWN)
        desk.after(1)
        desk.faults = []
        desk.after(1)
    assert [text[:1] for text in desk.api.texts] == ["🚨", "✅"]
    assert "같은 에러가 4번 더 발생했습니다" in desk.after(300)[2]


def test_people_are_told_when_the_store_answers_nothing_at_all(desk: Desk) -> None:
    desk.store.close()
    desk.faults = faults(DOWN)
    assert "DB 연결 불가" in desk.settle()[0]
