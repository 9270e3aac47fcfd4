"""Journal records in their order: the lines of a stack trace joined, what is missing told.

journald makes an entry of each line that a service writes, so a stack trace is many entries, with
those of other services between them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from hantu.formats import multiline
from hantu.formats.journal import NO_SOURCE, JournalRecord, number_of
from hantu.formats.multiline import Group
from hantu.model import JOURNAL, LogEntry, LogLevel

IDLE_NS: Final = 300_000_000
"""A trace whose next line did not come for so long is whole."""
HELD_MOST: Final = 5_000
"""With so many entries held behind an open trace, it is closed."""
_ERROR: Final = LogLevel.ERROR


class _Trace:
    """A record that may go on."""

    def __init__(self, stream: str, group: Group) -> None:
        self.stream = stream
        self.group = group
        self.last_ns = group.entry.time_ns

    def close(self) -> LogEntry | None:
        return self.group.close()


class _Hole:
    """Numbers `first` to `last` that were passed over and may still come."""

    def __init__(self, first: int, last: int, from_ns: int, to_ns: int) -> None:
        self.first = first
        self.last = last
        self.from_ns = from_ns
        self.last_ns = to_ns
        self.came = 0

    def close(self) -> LogEntry | None:
        missing = self.last - self.first + 1 - self.came
        return gap_entry(self.from_ns, self.last_ns, missing) if missing > 0 else None


def gap_entry(from_ns: int, to_ns: int, lines: int | None) -> LogEntry:
    """The entry which says that the journal forgot entries before they were read; its time is to_ns."""
    count = "Entries" if lines is None else "1 entry" if lines == 1 else f"{lines:,} entries"
    reason = "removed by journald before hantu could read them"
    gap = {"from_ns": from_ns, "to_ns": to_ns, "reason": reason, "lines": lines}
    message = f"{count} of the journal missing: {reason}"
    return LogEntry(JOURNAL, NO_SOURCE, LogLevel.WARN, message, to_ns, {"gap": gap})


class JournalLines:
    """Joins and orders. take() gives entries with the cursor that they reach: everything up to that
    entry of the journal is in what was taken so far, and nothing beyond it.

    numbered: the reader sees every entry, so that a number passed over is a lost entry."""

    def __init__(self, *, numbered: bool = True) -> None:
        self.numbered = numbered
        self.gaps = 0
        self.cursor = ""
        self.time_ns = 0
        self._held: list[LogEntry | _Trace | _Hole] = []
        self._traces: dict[str, _Trace] = {}
        self._holes: list[_Hole] = []
        self._oldest_ns = 0
        self._series = ""
        self._number = 0

    @property
    def waiting(self) -> bool:
        """Whether entries are held until a trace is whole."""
        return bool(self._traces or self._holes)

    def begin(self, cursor: str, time_ns: int) -> None:
        """Go on after this entry."""
        self.cursor, self.time_ns = cursor, time_ns
        self._series, self._number = number_of(cursor)

    def feed(self, record: JournalRecord, *, kept: bool) -> None:
        """The next record. kept: whether its entry is wanted; its place counts in any case."""
        entry = record.entry
        if (self._traces or self._holes) and entry.time_ns - self._oldest_ns >= IDLE_NS:
            self._close_idle(entry.time_ns)
        self._count(record.cursor, entry.time_ns)
        if kept:
            if record.stream:
                self._line(record)
            else:
                self._held.append(entry)
        self.cursor, self.time_ns = record.cursor, entry.time_ns
        if len(self._held) >= HELD_MOST:
            self.close()

    def gap(self, from_ns: int, to_ns: int, lines: int | None) -> None:
        """Tell of a loss that the numbers do not show."""
        self.gaps += 1
        self._held.append(gap_entry(from_ns, to_ns, lines))

    def take(self) -> list[LogEntry]:
        """The finished entries up to `cursor`; none while something before it may still change."""
        if self._traces or self._holes:
            return []
        entries = [entry for entry in self._held if isinstance(entry, LogEntry)]
        self._held.clear()
        return entries

    def close(self) -> None:
        """Whatever is open is whole."""
        for item in self._items():
            self._finish(item)

    def _items(self) -> list[_Trace | _Hole]:
        return [*self._traces.values(), *self._holes]

    def _close_idle(self, now_ns: int) -> None:
        for item in self._items():
            if now_ns - item.last_ns >= IDLE_NS:
                self._finish(item)
        self._oldest_ns = min((item.last_ns for item in self._items()), default=0)

    def _finish(self, item: _Trace | _Hole) -> None:
        if isinstance(item, _Trace):
            self._traces.pop(item.stream, None)
        else:
            self._holes.remove(item)
        # From the end: what closes is mostly among the newest.
        at = len(self._held) - 1
        while self._held[at] is not item:
            at -= 1
        entry = item.close()
        if entry is None:
            del self._held[at]
            return
        self._held[at] = entry
        if isinstance(item, _Hole):
            self.gaps += 1

    def _hold(self, item: _Trace | _Hole) -> None:
        if not self.waiting or item.last_ns < self._oldest_ns:
            self._oldest_ns = item.last_ns
        self._held.append(item)

    def _count(self, cursor: str, time_ns: int) -> None:
        """Note numbers that were passed over. Two files may be read a little out of turn, so they are
        lost only when they have not come after IDLE_NS."""
        series, number = number_of(cursor)
        if not series:
            return
        if number <= self._number and series == self._series:
            for hole in self._holes:
                hole.came += hole.first <= number <= hole.last
            return
        if number > self._number + 1 and series == self._series and self._number and self.numbered:
            hole = _Hole(self._number + 1, number - 1, self.time_ns, time_ns)
            self._hold(hole)
            self._holes.append(hole)
        self._series, self._number = series, number

    def _line(self, record: JournalRecord) -> None:
        entry = record.entry
        plain = multiline.plain_of(entry.message)
        blank = not plain or plain.isspace()
        open_trace = self._traces.get(record.stream)
        if open_trace is not None:
            if not record.headed and self._goes_on(open_trace, entry, plain, blank=blank):
                return
            self._finish(open_trace)
        if blank or entry.level < _ERROR:
            self._held.append(entry)
            return
        group = Group(entry, headed=record.headed)
        if not record.headed:
            group.begin(plain)
        self._open(record.stream, group)

    def _goes_on(self, trace: _Trace, entry: LogEntry, plain: str, *, blank: bool) -> bool:
        group = trace.group
        trace.last_ns = entry.time_ns
        if blank:
            group.blank()
            return True
        if not group.takes(entry.message, plain=plain):
            return False
        if group.full:
            self._finish(trace)
            metadata = {**(entry.metadata or {}), "continued": True}
            self._open(trace.stream, group.renew(msgspec.structs.replace(entry, metadata=metadata)))
        else:
            group.add(entry.message)
        return True

    def _open(self, stream: str, group: Group) -> None:
        trace = _Trace(stream, group)
        self._hold(trace)
        self._traces[stream] = trace
