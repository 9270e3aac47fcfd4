"""Ledger: the files of one path, open and closed, and the marks by which they are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from hantu.collect.files.content import Content, holds, not_a_log
from hantu.collect.files.gathered import Gathered, gap
from hantu.collect.files.listing import Listings
from hantu.collect.files.logfile import LogFile, MakeParser
from hantu.collect.files.mark import HEAD_BYTES, NOWHERE, TAIL_BYTES, FileMark, Identity, crc, label
from hantu.collect.meter import Meter


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. hold_s: for lines which may go on with the last record. partial_s: for the newline of
    the last line of a file that was rotated away. grace_s: for late writes to such a file. failing_s:
    for a file that cannot be read."""

    hold_s: float = 0.1
    partial_s: float = 5.0
    grace_s: float = 60.0
    failing_s: float = 60.0


@dataclass(slots=True)
class Common:
    """What all paths share. settled: the number of the last submission that the store has answered.
    claims: which path reads the file with an identity, under which number. listings: of this round."""

    make_parser: MakeParser
    patience: Patience
    settled: Callable[[], int]
    roots: tuple[str, ...] = ()
    claims: dict[Identity, tuple[Ledger, int]] = field(default_factory=dict)
    listings: Listings = field(default_factory=Listings)

    def owner(self, content: Content) -> tuple[Ledger, int] | None:
        """Who reads, or has read, this file."""
        owner = self.claims.get(content.identity)
        if owner is None or owner[0].knows(owner[1], content):
            return owner
        # The file system has given the inode to a new file.
        del self.claims[content.identity]
        return None


class Ledger:
    """Which files of a path are open (oldest first) and which are closed, by number.

    Every file that was read under the path has a number and a mark; `claims` tells all paths whose it
    is, so that no file is read twice under two names."""

    def __init__(self, path: str, meter: Meter, common: Common, marks: Iterable[FileMark]) -> None:
        self.path = path
        self.label = label(path)
        self.meter = meter
        self.gaps = 0
        self.left_alone = ""
        self.files: list[LogFile] = []
        self.closed = {mark.number: mark for mark in marks}
        self._common = common
        self._foreign: Identity | None = None
        self._dropped: set[str] = set()
        self._number = max(self.closed, default=-1) + 1
        for mark in self.closed.values():
            if mark.identity != NOWHERE:
                common.claims.setdefault(mark.identity, (self, mark.number))

    def knows(self, number: int, content: Content) -> bool:
        """Whether `content` is still the file that it reads, or has read, under `number`."""
        for file in self.files:
            if file.number == number:
                return file.identity == content.identity
        mark = self.closed.get(number)
        if mark is None or not (mark.offset or mark.head_length):
            # It was empty, and an inode alone tells nothing: file systems give it to the next file.
            return False
        return mark.identity == content.identity and holds(content, mark)

    def rewind(self, stored: dict[str, FileMark], out: Gathered) -> None:
        """Go back to what is stored; what is open stays open, it may have no name any more."""
        for file in self.files:
            file.reset(stored.get(file.mark.name, file.first))
            out.add(file, (), self.meter)
        for mark in self.closed.values():
            out.checkpoints[mark.name] = mark.encode()
        for name in self._dropped:
            out.checkpoints.setdefault(name, None)

    def lower(self, bound_ns: int, out: Gathered) -> None:
        """The clock was set back, to `bound_ns` at the lowest: what comes may be that old."""
        for file in self.files:
            if file.changed_ns > bound_ns:
                file.changed_ns = bound_ns
                out.add(file, (), self.meter)
        for mark in list(self.closed.values()):
            if mark.mtime_ns > bound_ns:
                self.closed[mark.number] = lowered = replace(mark, mtime_ns=bound_ns)
                out.checkpoints[lowered.name] = lowered.encode()

    def close(self) -> None:
        """Let go of all files; the stored marks tell where to go on."""
        for file in self.files:
            self._forget(file.identity)
            file.close()
        for mark in self.closed.values():
            self._forget(mark.identity)
        self.files = []

    def _open(self, content: Content, out: Gathered, *, offset: int = 0) -> None:
        """Begin to read a file at `offset`."""
        mark = self._new_mark(content.identity, offset)
        if offset:
            mark = marked(mark, content)
            what = not_a_log(content.read_at(0, HEAD_BYTES))
            if what:
                self.left_alone = f"{self.path} is {what}"
                self._foreign = content.identity
                content.close()
                return
        self._reopen(content, replace(mark, mtime_ns=content.measure()[1]), out)

    def _reopen(
        self, content: Content, mark: FileMark, out: Gathered, *, first: FileMark | None = None
    ) -> None:
        """Read on where the mark stands."""
        self.closed.pop(mark.number, None)
        self._forget(mark.identity)
        file = LogFile(content, mark, self._common.make_parser)
        file.first = first or mark
        self.files.append(file)
        self._common.claims[content.identity] = (self, mark.number)
        out.add(file, (), self.meter)

    def _finish(self, file: LogFile, out: Gathered) -> None:
        """Close a file that is read to its end."""
        mark = file.mark
        self.files.remove(file)
        out.files.pop(file, None)
        file.close()
        self._forget(mark.identity)
        if not file.names:
            # Its inode will be another file's.
            mark = replace(mark, device=0, inode=0)
        self._set_closed(replace(mark, done=True), out)

    def _discard(self, file: LogFile, out: Gathered) -> None:
        """Close a file of which nothing was read, and forget it."""
        self.files.remove(file)
        out.files.pop(file, None)
        self.drop_mark(file.mark, out)
        self._close_content(file)

    def _close_content(self, file: LogFile) -> None:
        self._forget(file.identity)
        file.close()

    def _set_closed(self, mark: FileMark, out: Gathered) -> None:
        self.closed[mark.number] = mark
        if mark.identity != NOWHERE:
            self._common.claims[mark.identity] = (self, mark.number)
        out.checkpoints[mark.name] = mark.encode()

    def drop_mark(self, mark: FileMark, out: Gathered) -> None:
        """Forget a file."""
        self.closed.pop(mark.number, None)
        self._dropped.add(mark.name)
        self._forget(mark.identity)
        out.checkpoints[mark.name] = None

    def _forget(self, identity: Identity) -> None:
        owner = self._common.claims.get(identity)
        if owner is not None and owner[0] is self:
            del self._common.claims[identity]

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _new_mark(self, identity: Identity, offset: int) -> FileMark:
        folder = label(os.path.dirname(os.path.realpath(self.path)))
        return FileMark(
            self.label, self._next(), *identity, 0, 0, 0, 0, offset, offset, mtime_ns=0, folder=folder
        )

    def _tell_gap(
        self, out: Gathered, reason: str, *, from_ns: int, now_ns: int, lost_bytes: int | None
    ) -> None:
        self.gaps += 1
        entry = gap(self.label, reason, from_ns=from_ns, now_ns=now_ns, lost_bytes=lost_bytes)
        out.entries.append(entry)
        out.metered.append((self.meter, (entry,)))


def marked(mark: FileMark, content: Content) -> FileMark:
    """The mark with the checksums of the content."""
    head = content.read_at(0, HEAD_BYTES)
    length = min(TAIL_BYTES, mark.offset)
    tail = content.read_at(mark.offset - length, length)
    return replace(
        mark, head_length=len(head), head_crc=crc(head), tail_length=len(tail), tail_crc=crc(tail)
    )
