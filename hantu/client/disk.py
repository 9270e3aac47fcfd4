"""Writing local log files when the disk is full, or cannot be written at all (CONTRACT M60, M62, M66)."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hantu.client import health as health_module
from hantu.client.health import Fault, Health

if TYPE_CHECKING:
    from hantu.client.notifier import Notifier

FULL: Final = "디스크 부족"
UNWRITABLE: Final = "로그 파일 쓰기 실패"
CLEAN_EVERY_S: Final = 10.0
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_MIB: Final = 1 << 20


class DiskGuard:
    """What to do when a local log file could not be written.

    cleanings: tried in turn until the write works; each deletes old local logs and says how many files
    went."""

    def __init__(
        self,
        folder: Path,
        cleanings: Sequence[Callable[[], int]],
        notifier: Notifier | None = None,
        *,
        health: Health = health_module.current,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._cleanings = tuple(cleanings)
        self._notifier = notifier
        self._health = health
        self._clock = clock
        self._cleaned_s: float | None = None

    def wrote(self) -> None:
        """Tell that a file was written: the disk is well."""
        self._health.cleared(Fault.DISK)
        self._health.cleared(Fault.FILE)

    def rescue(self, error: OSError, write_again: Callable[[], None]) -> bool:
        """Try to have a write that failed done after all: True when it is. Else it is for stderr only.

        write_again does the write anew; its OSError is no other fault than the first. Never raises."""
        if error.errno not in _NO_SPACE:
            return self._unwritable(error)
        return self._full(error, write_again)

    def _unwritable(self, error: OSError) -> bool:
        reason = f"{self._folder}: {error.strerror or error}"
        self._health.fault(Fault.FILE, f"log files cannot be written: {reason}")
        self._tell(UNWRITABLE, f"로그 파일에 쓸 수 없어 stderr로만 출력합니다.\n{reason}")
        return False

    def _full(self, error: OSError, write_again: Callable[[], None]) -> bool:
        reason = f"{self._folder}: {error.strerror or error}"
        self._health.fault(Fault.DISK, f"the disk is full: {reason}")
        deleted, written = self._make_room(write_again)
        free = self._free_text()
        if written:
            self._tell(
                FULL, f"오래된 로컬 로그 파일 {deleted:,}개를 지우고 다시 기록했습니다.{free}\n{reason}"
            )
            self.wrote()
            return True
        self._tell(
            FULL,
            f"오래된 로컬 로그 파일 {deleted:,}개를 지웠지만 공간이 부족해 stderr로만 출력합니다. "
            f"디스크를 직접 정리해야 합니다.{free}\n{reason}",
        )
        return False

    def _make_room(self, write_again: Callable[[], None]) -> tuple[int, bool]:
        """How many files were deleted, and whether the write has worked then."""
        deleted = 0
        now_s = self._clock()
        # While the disk stays full each write comes here: the folders need not be read for each.
        if self._cleaned_s is not None and now_s - self._cleaned_s < CLEAN_EVERY_S:
            return 0, _works(write_again)
        self._cleaned_s = now_s
        for clean in self._cleanings:
            deleted += clean()
            if _works(write_again):
                return deleted, True
        return deleted, False

    def _free_text(self) -> str:
        try:
            found = os.statvfs(self._folder)
        except (OSError, AttributeError):
            return ""
        return f" 남은 공간: {found.f_bavail * found.f_frsize / _MIB:,.1f} MiB."

    def _tell(self, title: str, message: str) -> None:
        if self._notifier is not None:
            self._notifier.tell_fault(title, message)


def _works(write: Callable[[], None]) -> bool:
    try:
        write()
    except OSError:
        return False
    return True
