"""The daily backup: when it is due, what became of it, how old the last good one is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hantu.backup import BackupError, Kept, back_up, check, kept_backups, next_name, rotate
from hantu.config import Config

log = logging.getLogger(__name__)

PAUSE_S: Final = 0.001
"""After every megabyte: searches and commits of this process come first."""


class Backups:
    """Makes the backup of config.backup_dir when it is due; does nothing without that setting."""

    def __init__(self, config: Config, stopping: Callable[[], bool]) -> None:
        self._config = config
        self._stopping = stopping
        self._is_due = False
        self.failing = ""

    def fall_due(self) -> None:
        """The daily maintenance has run."""
        self._is_due = self._config.backup_dir is not None

    def work(self) -> None:
        """Make the backup when it is due. A failure is logged, shown, and tried again the next time."""
        if not self._is_due:
            return
        try:
            self.run()
        except (BackupError, OSError) as error:
            if self._stopping():
                return
            why = f"the daily backup failed: {error}"
            if why != self.failing:
                log.error("%s", why)
            self.failing = why
        else:
            self._is_due = False
            self.failing = ""

    def run(self) -> None:
        """Make one now, look whether it is whole, then remove the oldest. Raises BackupError, OSError."""
        config = self._config
        if config.backup_dir is None:
            return
        config.backup_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = config.backup_dir / next_name(time.time())
        made = back_up(config.database, config.artifact_folder, target, pause=self._pause)
        try:
            check(target)
        except BackupError:
            # The older ones are better, and stay.
            with suppress(OSError):
                target.unlink()
            raise
        gone = rotate(config.backup_dir, config.backup_keep)
        log.info(
            "backup %s: %d bytes in %.1f s; %d older removed",
            target,
            made.size_bytes,
            made.took_s,
            len(gone),
        )

    def kept(self) -> tuple[Kept, ...]:
        """The backups that are there, the newest first."""
        folder = self._config.backup_dir
        if folder is None:
            return ()
        try:
            return kept_backups(folder)
        except OSError as error:
            log.debug("%s cannot be read: %s", folder, error)
            return ()

    def _pause(self) -> None:
        if self._stopping():
            raise BackupError("hantu is stopping")
        time.sleep(PAUSE_S)
