"""What hantu does by itself when the disk is full (CONTRACT M62, M66).

On a full disk SQLite cannot even delete. So a file of BALLAST_BYTES stands ready: it goes first, then the
oldest lines, at most half of the time they reach back to, as nobody knows who filled the disk. The
emergency is over, and told so, once there is room for the ballast again."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hantu.pipeline import Pipeline
from hantu.service.gauges import file_bytes
from hantu.service.maintenance import DAY_NS
from hantu.store.base import LogStorage, StoreError

log = logging.getLogger(__name__)

FULL: Final = "the disk is full"
BALLAST_BYTES: Final = 4 * 1024 * 1024
ROOM_BYTES: Final = BALLAST_BYTES + 2 * 1024 * 1024
"""Free space from which on the ballast is laid, and an emergency is over."""
WANTED_BYTES: Final = 3 * BALLAST_BYTES
"""Free space that removing old lines aims at."""
SCARCE_BYTES: Final = 64 * 1024 * 1024
"""With less free space than this the store keeps its own files small."""
AMPLE_BYTES: Final = 2 * SCARCE_BYTES
"""With as much as this it need not any longer."""
PARTS: Final = (0.9, 0.8, 0.65, 0.5)
"""How much of the time that lines reach back to is kept, by how often room was needed."""
LOOK_S: Final = 1.0
STANDS_S: Final = 10.0
"""An emergency is over when so long nothing more was needed; who looks every few seconds has to see it."""


class DiskGuard:
    """Watches for a full disk.

    alone: as Maintenance's. relieved: what was done in the emergency that stands, "" without one."""

    def __init__(
        self,
        database: Path,
        pipeline: Pipeline,
        alone: threading.RLock,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = database.parent
        self._database = database
        self._ballast = database.with_name("ballast")
        self._pipeline = pipeline
        self._alone = alone
        self._clock_s = clock_s
        self._began_s: float | None = None
        self._prunes = 0
        self._left_bytes = 0
        self._scarce = False
        self.removed = 0
        self.relieved = ""

    def body(self, stop: threading.Event) -> None:
        """The Worker's body: looks again and again until stop."""
        self.look()
        while not stop.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Make room when the disk is full; lay the ballast when there is room for it."""
        if self._pipeline.failing.startswith(FULL):
            self._relieve()
            return
        free_bytes = self._free_bytes()
        self._spare(free_bytes)
        if free_bytes >= ROOM_BYTES:
            self._lay()

    def _spare(self, free_bytes: int) -> None:
        scarce = free_bytes < (AMPLE_BYTES if self._scarce else SCARCE_BYTES)
        if scarce == self._scarce:
            return
        # A WAL that does not fit into the file on a full disk would leave no way out.
        with suppress(StoreError):
            self._pipeline.with_store(lambda store: store.spare_disk(scarce=scarce))
            self._scarce = scarce

    def _relieve(self) -> None:
        if self._began_s is None:
            self.removed = self._prunes = 0
        self._began_s = self._clock_s()
        try:
            with self._alone:
                self._pipeline.with_store(self._make_room)
        except StoreError as error:
            # There is not even room for that; it is tried again at the next look.
            log.warning("lines could not be removed from a full disk: %s", error)
        said = f"the disk was full: freed the ballast, removed the {self.removed} oldest lines"
        if said != self.relieved:
            self.relieved = said
            log.error("%s; %d bytes are free", said, self._free_bytes())

    def _make_room(self, store: LogStorage) -> None:
        """Between two commits, without a pause: what the ballast gives is for this, not for new lines."""
        with suppress(OSError):
            self._ballast.unlink(missing_ok=True)
        with suppress(StoreError):
            # First: what is left of the ballast afterwards is for removing lines.
            store.spare_disk(scarce=True)
            self._scarce = True
        if file_bytes(self._database) > self._left_bytes + BALLAST_BYTES:
            # Since the last time hantu itself took what there was: its own lines make room for its own.
            self._prunes = 0
        while self._prunes < len(PARTS) and self._free_bytes() < WANTED_BYTES:
            oldest_ns = store.stats().oldest_ns
            if oldest_ns is None:
                return
            keep_days = (time.time_ns() - oldest_ns) * PARTS[self._prunes] / DAY_NS
            self.removed += store.cleanup(keep_days, reason="full", pause=lambda: self._pipeline.stopping)
            self._prunes += 1
            self._left_bytes = file_bytes(self._database)
        if self._free_bytes() >= ROOM_BYTES:
            # At once, before new lines take what there is.
            self._written()

    def _lay(self) -> None:
        """Lay the ballast; once that has stood for some time, the emergency is over."""
        if not self._is_laid() and not self._written():
            return
        if self._began_s is not None and self._clock_s() - self._began_s >= STANDS_S:
            log.warning("the disk has room again")
            self._began_s = None
            self.relieved = ""

    def _written(self) -> bool:
        try:
            descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.debug("the ballast could not be laid: %s", error)
            with suppress(OSError):
                self._ballast.unlink(missing_ok=True)
            return False
        return True

    def _is_laid(self) -> bool:
        try:
            return self._ballast.stat().st_size == BALLAST_BYTES
        except OSError:
            return False

    def _free_bytes(self) -> int:
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return 0
