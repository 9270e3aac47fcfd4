"""Renewal: a damaged database is made anew at a start, so hantu begins anew by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hantu.store import mark_damaged
from hantu.store.base import StoreError
from hantu.store.damage import damage_of, rescued_s, room_missing

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
AGAIN_S: Final = 3_600.0
"""A file that is damaged again so soon lies on a disk that fails: a person has to look after that."""


class Renewal:
    """Ends the service in order, once, when its file is surely damaged and can be made anew.

    suspected: whether something says that the file is damaged. act: what ends the service; None: nobody
    would start it again."""

    def __init__(self, database: Path, suspected: Callable[[], bool]) -> None:
        self._database = database
        self._suspected = suspected
        self.act: Callable[[], None] | None = None
        self.begun = False

    def body(self, stop: threading.Event) -> None:
        """A Worker's body: looks every LOOK_S until stop; what needs a person, once an hour."""
        wait_s = LOOK_S
        while not stop.wait(wait_s):
            wait_s = LOOK_S
            if not self._suspected():
                continue
            mark_damaged(self._database)
            if self.act is not None and self.due():
                self.begun = True
                log.critical("the database is damaged: hantu ends, and begins with what can be read of it")
                self.act()
                return
            wait_s = AGAIN_S

    def due(self) -> bool:
        """Whether a start would find the damage, and could save what can be read."""
        try:
            last_s = rescued_s(self._database)
            if last_s is not None and 0 <= time.time() - last_s < AGAIN_S:
                log.error("the database is damaged again: look after the disk, then restart hantu")
                return False
            missing = room_missing(self._database)
            if missing:
                log.error(
                    "the database is damaged; make %d MB of room beside it, then restart hantu",
                    missing // 10**6 + 1,
                )
                return False
            return bool(damage_of(self._database))
        except (OSError, StoreError) as error:
            log.error("the damaged database cannot be looked at: %s", error)
            return False
