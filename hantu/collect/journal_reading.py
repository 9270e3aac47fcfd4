"""One reading of the journal: from the first line of journalctl to its last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, Protocol

import msgspec

from hantu.collect.journal_process import Journalctl, Overlong, hides_entries
from hantu.formats.journal import JournalDecoder, JournalError, JournalRecord, number_of, overlong_record
from hantu.formats.journal_lines import JournalLines
from hantu.model import LogEntry

log = logging.getLogger(__name__)

_IDLE_S: Final = 1.0
"""How often an idle reader looks whether the store has failed."""
_FLUSH_S: Final = 0.3
"""A trace that is still open is handed in after so long without a further line."""
_SKIPPED_S: Final = 5.0
"""So often the place is stored while no entry is wanted."""
_KNOWN_MOST: Final = 10_000


class Place(msgspec.Struct, frozen=True):
    """The last entry handed in: the checkpoint, as JSON."""

    cursor: str
    time_ns: int


class Host(Protocol):
    """What a reading needs of its collector."""

    def check(self) -> None:
        """Raises Rewind when the store failed since the checkpoint was read."""
        ...

    def reading(self, complaint: str) -> None:
        """journalctl reads; complaint: what it said on its standard error."""
        ...

    def wants(self, record: JournalRecord) -> bool:
        """Whether the settings ask for this entry."""
        ...

    def hand_in(self, entries: list[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach, to the pipeline; False when stopped."""
        ...


class Reading:
    """One run of journalctl, from its first entry on."""

    def __init__(self, host: Host, process: Journalctl, place: Place | None) -> None:
        self._host = host
        self._process = process
        self._place = place
        self._lines = JournalLines()
        self._decoder = JournalDecoder()
        self._looking = place is not None
        self._gaps_told = 0
        self._stored_at = time.monotonic()
        self._stored_cursor = ""
        self._complaint = ""
        if place is not None:
            self._lines.begin(place.cursor, place.time_ns)
            self._stored_cursor = place.cursor

    def run(self, stop: threading.Event) -> None:
        """Until stopped or the end of journalctl's output. Raises Rewind, PipelineStopped."""
        first = True
        while not stop.is_set():
            waiting = self._lines.waiting
            found = self._process.read(_FLUSH_S if waiting else _IDLE_S)
            if found or first or self._process.complaint != self._complaint:
                self._begun()
                first = False
            for line in found:
                self._take(line)
            if waiting and not found:
                self._lines.close()
            if self._process.ended:
                self._lines.close()
            if not self._hand_in() or self._process.ended:
                return
            if not found:
                self._host.check()

    def _begun(self) -> None:
        self._complaint = self._process.complaint
        if self._process.ended:
            return
        self._host.reading(self._complaint)
        if hides_entries(self._complaint):
            # Whoever may not see other users' entries sees numbers missing all the time.
            self._lines.numbered = False

    def _take(self, line: bytes | Overlong) -> None:
        try:
            if isinstance(line, Overlong):
                record = overlong_record(line.head, line.tail, line.length)
            else:
                record = self._decoder.decode(line)
        except JournalError as error:
            log.warning("an entry of the journal cannot be read: %s", error)
            return
        if self._looking and self._place is not None and self._known(record, self._place):
            return
        self._lines.feed(record, kept=self._host.wants(record))

    def _known(self, record: JournalRecord, place: Place) -> bool:
        """Whether the entry was handed in before. The first one should be the place itself; when it
        is gone, journalctl begins somewhere near, or at the head."""
        if record.cursor == place.cursor:
            self._looking = False
            return True
        series, number = number_of(record.cursor)
        old_series, old_number = number_of(place.cursor)
        if series and series == old_series:
            if number <= old_number:
                return True
        elif record.entry.time_ns <= place.time_ns:
            return True
        else:
            # Numbered anew: what came between cannot be counted.
            self._lines.gap(place.time_ns, record.entry.time_ns, None)
        self._looking = False
        return False

    def _hand_in(self) -> bool:
        entries = self._lines.take()
        lines = self._lines
        if lines.waiting or not lines.cursor:
            return True
        if not entries:
            now = time.monotonic()
            if lines.cursor == self._stored_cursor or now - self._stored_at < _SKIPPED_S:
                return True
        gaps, self._gaps_told = lines.gaps - self._gaps_told, lines.gaps
        self._stored_at, self._stored_cursor = time.monotonic(), lines.cursor
        return self._host.hand_in(entries, Place(lines.cursor, lines.time_ns), gaps=gaps)


class Wanted:
    """Which entries the settings ask for."""

    def __init__(self, units: Sequence[str], identifiers: Sequence[str]) -> None:
        self._units = tuple(unit if "." in unit or "*" in unit else f"{unit}.service" for unit in units)
        self._identifiers = tuple(identifiers)
        self._known: dict[tuple[tuple[str, ...], str], bool] = {}

    def __call__(self, record: JournalRecord) -> bool:
        """Whether a unit or the identifier of the record is asked for."""
        if not self._units and not self._identifiers:
            return True
        key = (record.units, record.identifier)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN_MOST:
                self._known.clear()
            known = self._known[key] = self._matches(record)
        return known

    def _matches(self, record: JournalRecord) -> bool:
        return any(fnmatchcase(unit, glob) for unit in record.units for glob in self._units) or any(
            fnmatchcase(record.identifier, glob) for glob in self._identifiers
        )
