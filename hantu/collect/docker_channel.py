"""One stream of one container on one connection: engine's lines in, entries and a mark out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from hantu.collect.docker_place import NO_MARK, Mark, Resume, Window
from hantu.formats.docker import Lines
from hantu.formats.parser import LineParser
from hantu.model import DOCKER, LogEntry, LogLevel, Metadata

LOST: Final = "lines may be missing here: the log was rotated before it was read"


class Channel:
    """Takes the lines of one stream, drops those handed in before, makes entries of the rest.

    mark: the last line that the entries given out so far cover; lines that the parser holds back
    are not covered. reading_ns: the time of the oldest line not covered, else of the last one."""

    def __init__(self, stream: str, source_id: str, metadata: Metadata) -> None:
        self.stream = stream
        self.mark = NO_MARK
        self.gaps = 0
        self._window: Window | None = None
        self._resume: Resume | None = None
        self.lost = False
        """The last line handed in did not come again, and the next take() tells so."""
        self._expected = False
        self._waiting: list[int] = []
        self._source_id = source_id
        self._metadata = metadata
        self._parser = self._new_parser()

    def _new_parser(self) -> LineParser:
        # Info unless the text says otherwise, on stderr, too: many programs (Python's logging,
        # Go's log) write everything there, and an inbox full of false errors hides the true ones.
        return LineParser(
            source=DOCKER,
            source_id=self._source_id,
            metadata=self._metadata,
            default_level=LogLevel.INFO,
        )

    def connected(
        self, mark: Mark | None, since_ns: int | None, expected_ns: int | None = None, *, repeats: bool
    ) -> None:
        """A new connection begins, which sends lines from since_ns on (None: from the start).

        expected_ns: a mark before it may be gone without a loss; None: none may. repeats: the engine may
        send lines twice. What was held back is forgotten: it comes again."""
        self._window = Window() if repeats else None
        self._parser = self._new_parser()
        self._waiting = []
        self.lost = False
        self._expected = mark is not None and mark.last_ns >= (expected_ns or 0)
        self.mark = mark or NO_MARK
        # A mark before since_ns does not come again: then every line is new.
        comes_again = mark is not None and mark.count and mark.last_ns >= (since_ns or 0)
        self._resume = Resume(mark) if comes_again and mark is not None else None

    def renamed(self, source_id: str, metadata: Metadata, now_ns: int) -> list[LogEntry]:
        """What was held back, under the old name; what follows gets the new one."""
        entries = self.flush(now_ns)
        self._source_id = source_id
        self._metadata = metadata
        self._parser = self._new_parser()
        return entries

    @property
    def resuming(self) -> bool:
        """Whether lines still come that were handed in before."""
        return self._resume is not None

    @property
    def held(self) -> int:
        """Lines whose entry was not given out yet."""
        return len(self._waiting)

    @property
    def reading_ns(self) -> int:
        """Time of the oldest line held back, else of the last one given out."""
        return self._waiting[0] if self._waiting else self.mark.last_ns

    def fresh(self, batch: Lines) -> Lines:
        """The lines of `batch` that were not handed in before; take() or nothing comes next."""
        times, lines, oversize = batch.times_ns, batch.lines, batch.oversize
        if self._window is not None:
            positions = self._window.fresh(times, lines)
            if positions is not None:
                oversize = {new: oversize[old] for new, old in enumerate(positions) if old in oversize}
                times, lines = [times[at] for at in positions], [lines[at] for at in positions]
        if self._resume is not None:
            first = self._resume.first_new(times)
            self.lost = self._resume.lost and self._expected
            if self._resume.done:
                self._resume = None
            times, lines = times[first:], lines[first:]
            oversize = {at - first: size for at, size in oversize.items() if at >= first}
        return Lines(batch.stream, times, lines, oversize, batch.notices)

    def take(self, fresh: Lines, now_ns: int) -> list[LogEntry]:
        """The entries that these lines finish; before them a gap, when lines were lost."""
        if not fresh.times_ns:
            return []
        done: list[LogEntry] = []
        if self.lost:
            self.lost = False
            done.append(self.gap(self.mark.last_ns, fresh.times_ns[0], LOST))
        done += self._entries(fresh.lines, fresh.times_ns, fresh.oversize, now_ns)
        self._waiting += fresh.times_ns
        self._cover()
        return done

    def flush(self, now_ns: int) -> list[LogEntry]:
        """What was held back, as it is."""
        entries = self._parser.flush(now_ns)
        self._cover()
        return entries

    def gap(self, from_ns: int, to_ns: int, reason: str) -> LogEntry:
        """The entry that tells of lines that may be missing; counted."""
        self.gaps += 1
        told = {"from_ns": from_ns, "to_ns": to_ns, "reason": reason, "lines": None}
        metadata = {**self._metadata, "gap": told}
        return LogEntry(DOCKER, self._source_id, LogLevel.WARN, reason, to_ns, metadata)

    def _cover(self) -> None:
        held = self._parser.held
        covered = len(self._waiting) - held
        if covered > 0:
            self.mark = self.mark.after(self._waiting[:covered])
            self._waiting = self._waiting[covered:]

    def _entries(
        self, lines: list[bytes], times: Sequence[int], oversize: dict[int, int], now_ns: int
    ) -> list[LogEntry]:
        if not oversize:
            return self._parser.feed(lines, times, now_ns)
        done: list[LogEntry] = []
        start = 0
        for at, size in sorted(oversize.items()):
            done += self._parser.feed(lines[start:at], times[start:at], now_ns)
            done += self._parser.flush(now_ns)
            # A record of its own, so that the true length goes to the right entry.
            cut = self._parser.feed(lines[at : at + 1], times[at : at + 1], now_ns)
            cut += self._parser.flush(now_ns)
            done += [_with_length(entry, size) for entry in cut]
            start = at + 1
        done += self._parser.feed(lines[start:], times[start:], now_ns)
        return done


def _with_length(entry: LogEntry, size: int) -> LogEntry:
    return msgspec.structs.replace(entry, metadata={**(entry.metadata or {}), "truncated_bytes": size})
