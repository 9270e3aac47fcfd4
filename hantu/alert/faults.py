"""What happens to hantu itself and must be told: CONTRACT M59, M62, M66."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DISK_FULL: Final = "디스크 부족"
DATABASE_DOWN: Final = "DB 연결 불가"
DATABASE_DAMAGED: Final = "DB 손상"
BACKUP_FAILED: Final = "백업 실패"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ServiceFault:
    """A fault that stands now. title, message: as people are told; over: what they are told at its end."""

    title: str
    message: str
    over: str


def service_faults(
    *,
    failing: str,
    problems: tuple[str, ...],
    folder: Path,
    full: int | None = None,
    backup: str = "",
) -> list[ServiceFault]:
    """The faults that stand. failing: why the store refuses writes, "" when it does not; problems: what
    the check of the database found; folder: where its file lies; full: lines removed from a full disk, None
    while there is room; backup: why there is none of today."""
    found = []
    if full is not None or failing.startswith("the disk is full"):
        done = "로그를 저장하지 못하고 있습니다"
        if full is not None:
            done = f"예비 공간을 비우고 오래된 로그 {full:,}줄을 지웠습니다"
        found.append(
            ServiceFault(
                DISK_FULL,
                f"디스크가 가득 차 {done}. 디스크를 직접 정리해야 합니다.{_free_text(folder)}"
                + (f"\n{failing}" if failing else ""),
                "디스크에 다시 여유가 생겨 로그를 저장하고 있습니다.",
            )
        )
    elif failing:
        found.append(
            ServiceFault(
                DATABASE_DOWN,
                f"데이터베이스에 로그를 저장하지 못하고 있습니다. 자동으로 다시 시도합니다.\n{failing}",
                "데이터베이스에 다시 로그를 저장하고 있습니다.",
            )
        )
    if problems:
        found.append(
            ServiceFault(
                DATABASE_DAMAGED,
                "데이터베이스 검사에서 문제를 발견했습니다. 백업에서 복구해야 할 수 있습니다.\n"
                + "\n".join(problems),
                "데이터베이스 검사에서 더 이상 문제가 없습니다.",
            )
        )
    if backup:
        found.append(
            ServiceFault(
                BACKUP_FAILED,
                "오늘 백업을 만들지 못했습니다. 이전 백업은 그대로 있으며 10분 뒤 다시 시도합니다.\n"
                f"{backup}",
                "백업이 다시 만들어졌습니다.",
            )
        )
    return found


def _free_text(folder: Path) -> str:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f" 남은 공간: {free / _MIB:,.1f} MiB."
