"""LogPath: a path, and the files that are or were under it, read one after the other."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from hantu.collect.files.content import Content, PlainContent, holds, not_a_log
from hantu.collect.files.finding import Surroundings
from hantu.collect.files.gathered import Gathered, gap
from hantu.collect.files.logfile import CHUNK_BYTES, LogFile, MakeParser, Rewritten
from hantu.collect.files.mark import HEAD_BYTES, NOWHERE, TAIL_BYTES, FileMark, Identity, crc, label
from hantu.collect.files.opening import Trouble, open_log, trouble
from hantu.collect.files.rotation import Snapshot
from hantu.collect.meter import Meter

RETRY_S: Final = 2.0
TRIES: Final = 20
MARKS_MOST: Final = 16
"""Marks kept of files that are no longer there: a compressed copy is known by them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. hold_s: for lines which may go on with the last record. partial_s: for the newline of
    the last line of a file that was rotated away. grace_s: for late writes to such a file."""

    hold_s: float = 0.3
    partial_s: float = 5.0
    grace_s: float = 60.0


@dataclass(slots=True)
class Common:
    """What all paths share. settled: the number of the last submission that the store has answered.
    claims: which path reads the file with an identity, under which number."""

    make_parser: MakeParser
    patience: Patience
    settled: Callable[[], int]
    roots: tuple[str, ...] = ()
    claims: dict[Identity, tuple[LogPath, int]] = field(default_factory=dict)

    def owner(self, content: Content) -> tuple[LogPath, int] | None:
        """Who reads, or has read, this file."""
        owner = self.claims.get(content.identity)
        if owner is None or owner[0].knows(owner[1], content):
            return owner
        # The file system has given the inode to a new file.
        del self.claims[content.identity]
        return None


class LogPath:
    """Reads the files of one path in the order they came, the oldest first.

    begin: "end" of what is there at first sight, or "start"; since_ns, when the path appeared only
    lately: what was rotated away since then is read, too. marks: its stored checkpoints."""

    def __init__(
        self,
        path: str,
        meter: Meter,
        common: Common,
        *,
        begin: str,
        since_ns: int | None,
        marks: Iterable[FileMark],
        fits: Callable[[str], bool],
    ) -> None:
        self.path = path
        self.label = label(path)
        self.meter = meter
        self.trouble: Trouble | None = None
        self.gaps = 0
        self.left_alone = ""
        self.there = False
        self.absent_s = 0.0
        self.files: list[LogFile] = []
        self.closed = {mark.number: mark for mark in marks}
        self._common = common
        self._begin = begin
        self._since_ns = since_ns
        self._fits = fits
        self._started = False
        self._foreign: Identity | None = None
        self._folder_ns = 0
        self._last_ns = since_ns or 0
        self._known: tuple[int, int, int] | None = None
        self._rested: tuple[int, int, int, int] | None = None
        self._dropped: set[str] = set()
        self._retry_s = 0.0
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
        return mark is not None and mark.identity == content.identity and holds(content, mark)

    def turn(self, out: Gathered, now_ns: int, now_s: float) -> bool:
        """Look at the path and read up to one chunk of each of its files; True when there is more."""
        if now_s >= self._retry_s:
            try:
                self._look(out, now_ns)
                self.trouble = None
            except Trouble as found:
                self.rest(found, now_s)
        busy = self._read(out, now_ns, now_s)
        self._let_go(out, now_ns, now_s)
        self._rested = None if busy else self._rests()
        return busy

    def unchanged(self) -> bool:
        """Whether a turn would find nothing: the usual case, told by one look at the path."""
        if self._rested is None:
            return False
        try:
            status = os.stat(self.path)
        except OSError:
            return False
        seen = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
        return seen == self._rested

    def _rests(self) -> tuple[int, int, int, int] | None:
        """How the path looks as long as nothing happens; None while there is something to wait for."""
        if self._known is None or len(self.files) != 1:
            return None
        file = self.files[0]
        if file.holding or not file.at_end:
            return None
        return file.size, file.mtime_ns, file.identity[1], file.identity[0]

    def rest(self, found: Trouble, now_s: float) -> None:
        """Look again after a while."""
        self.trouble = found
        self._retry_s = now_s + RETRY_S

    def rewind(self, stored: dict[str, FileMark], out: Gathered) -> None:
        """Go back to what is stored; what is open stays open, it may have no name any more."""
        self._rested = None
        for file in self.files:
            file.reset(stored.get(file.mark.name, file.first))
            out.add(file, (), self.meter)
        for mark in self.closed.values():
            out.checkpoints[mark.name] = mark.encode()
        for name in self._dropped:
            out.checkpoints.setdefault(name, None)

    def close(self) -> None:
        """Let go of all files; the stored marks tell where to go on."""
        for file in self.files:
            self._forget(file.identity)
            file.close()
        for mark in self.closed.values():
            self._forget(mark.identity)
        self.files = []

    # What lies at the path.

    def _look(self, out: Gathered, now_ns: int) -> None:
        self._known = None
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            self._look_nowhere(out, now_ns)
            return
        except OSError as error:
            raise trouble(self.path, error) from error
        self.there = True
        identity = (status.st_dev, status.st_ino)
        last = self.files[-1] if self.files else None
        if last is None or last.identity != identity:
            if identity != self._foreign or self._grown_elsewhere(identity, status.st_size):
                self._switch(out, now_ns)
            return
        if last.offset == 0 and last.mtime_ns != status.st_mtime_ns:
            self._look_before(last, out)
        self._known = (status.st_size, status.st_mtime_ns, status.st_nlink)

    def _look_nowhere(self, out: Gathered, now_ns: int) -> None:
        """Nothing is at the path: perhaps its file was rotated away and the next is not there yet."""
        self.there = False
        try:
            folder_ns = os.stat(os.path.dirname(self.path)).st_mtime_ns
        except OSError:
            folder_ns = 0
        if folder_ns == self._folder_ns and self._started:
            return
        self._folder_ns = folder_ns
        if self.files or self.closed or self._last_ns:
            self._arrange(None, out, now_ns)

    def _switch(self, out: Gathered, now_ns: int) -> None:
        """Another file lies at the path than before, or it is seen for the first time."""
        try:
            content = PlainContent(open_log(self.path, self._common.roots))
        except FileNotFoundError:
            return
        except Trouble as found:
            self._remember_unread(found, out)
            raise
        # From here on, what was opened belongs to self.files or is closed.
        self._folder_ns = 0
        self._foreign = None
        self.left_alone = ""
        if self._started or self.closed or self._begin != "end" or self._since_ns is not None:
            self._arrange(content, out, now_ns)
            return
        self._started = True
        self._claim_rotated(out)
        if not self._is_known(content, out):
            self._open(content, out, offset=_line_start(content))

    def _arrange(self, content: Content | None, out: Gathered, now_ns: int) -> None:
        """Bring the path's files up to date: those known, those missed, the one at the path now."""
        first = not self._started and not self.closed
        self._started = True
        if self.files:
            self._check_last(out, now_ns)
        self._last_ns = max((mark.mtime_ns for mark in self.closed.values()), default=self._last_ns)
        self._find_again(content, out, now_ns)
        if self.files and self.files[-1].offset == 0:
            self._look_before(self.files[-1], out)
        if content is not None and self._is_known(content, out):
            return
        since_ns = (self._since_ns or 0) if first else self._last_change_ns()
        for missed in self._missed(since_ns, content):
            self._open(missed, out)
        if content is not None:
            self._open(content, out)

    def _check_last(self, out: Gathered, now_ns: int) -> None:
        """The file that was at the path may have been truncated before it was rotated away."""
        last = self.files[-1]
        if not last.content.final and not last.intact():
            self._rewritten(last, out, now_ns)

    def _look_before(self, last: LogFile, out: Gathered) -> None:
        """The file was empty and changed: perhaps it was filled, copied and emptied in between."""
        found = self._missed_before(last, last.mtime_ns)
        if not found:
            return
        self.files.remove(last)
        out.files.pop(last, None)
        self._drop_mark(last.mark, out)
        for content in (*found, last.content):
            self._open(content, out)

    def _is_known(self, content: Content, out: Gathered) -> bool:
        """Whether the file at the path is one that is read already, here or under another path."""
        for file in self.files:
            if file.identity == content.identity:
                if file.content is not content:
                    content.close()
                self.files.remove(file)
                self.files.append(file)
                return True
        owner = self._common.owner(content)
        if owner is None:
            return False
        path, number = owner
        mark = path.closed.get(number)
        if mark is None or (path is not self and content.measure()[0] <= mark.offset):
            self._foreign = content.identity
            content.close()
        elif path is self:
            self._reopen(content, mark, out)
        else:
            path._drop_mark(mark, out)
            self._reopen(content, replace(mark, path=self.label, number=self._next()), out)
        return True

    def _grown_elsewhere(self, identity: Identity, size: int) -> bool:
        """Whether the file, known under another path and closed there, goes on here."""
        owner = self._common.claims.get(identity)
        mark = owner[0].closed.get(owner[1]) if owner is not None and owner[0] is not self else None
        return mark is not None and size > mark.offset

    def _around(self) -> Surroundings:
        folders = {os.path.dirname(self.path), os.path.dirname(os.path.realpath(self.path))}
        folders.update(mark.folder for mark in self.closed.values() if mark.folder and not mark.done)
        common = self._common
        return Surroundings(
            self.path, Snapshot(folders), common.roots, lambda content: common.owner(content) is not None
        )

    def _missed(self, since_ns: int, here: Content | None) -> list[Content]:
        """Files that were rotated away since then and never read, oldest first."""
        until = None if here is None else here.identity
        return self._collect(lambda around: self._never_read(around, since_ns, until))

    def _missed_before(self, file: LogFile, since_ns: int) -> list[Content]:
        """Those of them that are older than `file`."""

        def find(around: Surroundings) -> Iterator[Content]:
            if _at(self.path) == file.identity:
                return self._never_read(around, since_ns, None)
            place = around.place_of(file)
            return iter(()) if place is None else self._never_read(around, since_ns, place)

        return self._collect(find)

    def _never_read(self, around: Surroundings, since_ns: int, until: Identity | None) -> Iterator[Content]:
        return around.missed(
            self.files,
            self.closed.values(),
            since_ns=since_ns,
            until=until,
            packed=since_ns > 0,
            # At first sight, only what the patterns name; later, whatever this path's file was called.
            fits=_any if since_ns else self._fits,
        )

    def _collect(self, find: Callable[[Surroundings], Iterable[Content]]) -> list[Content]:
        """What is found while nothing moves: a file that is renamed meanwhile can be overlooked."""
        found: list[Content] = []
        for _ in range(TRIES):
            for content in found:
                content.close()
            around = self._around()
            found = list(find(around))
            if around.snapshot.current():
                break
        return found

    def _last_change_ns(self) -> int:
        """Until then the path's last file was being written."""
        times = [file.mtime_ns for file in self.files if not file.content.final]
        return min(times, default=self._last_ns)

    # Files known from before.

    def _find_again(self, here: Content | None, out: Gathered, now_ns: int) -> None:
        """Open what is not read to its end. here: what lies at the path now; without it nothing is
        given up yet."""
        gone: list[FileMark] = []
        around = self._around() if self.closed else None
        for number in sorted(self.closed):
            mark = self.closed[number]
            if mark.done:
                if around is not None and not self._still_done(around, mark, out):
                    gone.append(mark)
                continue
            if not mark.offset and not mark.head_length:
                # It was empty: an inode alone tells nothing. It will be found as one never read.
                self._forget(mark.identity)
                self._set_closed(replace(mark, device=0, inode=0, done=True), out)
                continue
            content = self._locate(mark, here)
            if content is not None:
                self._reopen(content, mark, out)
            elif here is not None:
                self._lost(mark, out, now_ns)
        for mark in gone[: max(0, len(gone) - MARKS_MOST)]:
            self._drop_mark(mark, out)
        if here is not None:
            self._go_on_here(here, out)
        self.files.sort(key=lambda file: file.number)

    def _locate(self, mark: FileMark, here: Content | None) -> Content | None:
        """Where the marked file's bytes are now; None when they are nowhere."""
        for _ in range(TRIES):
            around = self._around()
            content = around.by_inode(mark) if mark.identity != NOWHERE else None
            if content is None and here is not None and _same_text(here, mark):
                content = here
            if content is None:
                content = around.copy_of(mark)
            if content is not None:
                return content
            if around.snapshot.current():
                return around.shorter_copy_of(mark)
        return None

    def _still_done(self, around: Surroundings, mark: FileMark, out: Gathered) -> bool:
        """Whether the file is there; it is opened again when it has grown."""
        for path in around.snapshot.by_inode(mark.inode):
            try:
                status = os.stat(path)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) != mark.identity:
                continue
            if status.st_size > mark.offset and (content := around.by_inode(mark)) is not None:
                self._reopen(content, mark, out)
            return True
        return False

    def _go_on_here(self, here: Content, out: Gathered) -> None:
        """The file was replaced by a longer copy of itself, as rsync does: go on in the copy."""
        last = self.files[-1] if self.files else None
        if last is None or last.identity == here.identity or last.content.final:
            return
        if last.content.measure()[2] == 0 and last.at_end and _same_text(here, last.mark):
            self.files.remove(last)
            self._close_content(last)
            out.files.pop(last, None)
            self._reopen(here, last.mark, out)

    def _lost(self, mark: FileMark, out: Gathered, now_ns: int) -> None:
        """The file is gone for good."""
        self._set_closed(replace(mark, device=0, inode=0, done=True), out)
        unread = mark.size - mark.offset
        was_last = mark.number == self._number - 1
        if unread > 0 or (was_last and not self.files):
            self._tell_gap(
                out,
                "the file was replaced before it was read to its end",
                from_ns=mark.mtime_ns,
                now_ns=now_ns,
                lost_bytes=unread or None,
            )

    def _tell_gap(
        self, out: Gathered, reason: str, *, from_ns: int, now_ns: int, lost_bytes: int | None
    ) -> None:
        self.gaps += 1
        entry = gap(self.label, reason, from_ns=from_ns, now_ns=now_ns, lost_bytes=lost_bytes)
        out.entries.append(entry)
        out.metered.append((self.meter, (entry,)))

    def _remember_unread(self, found: Trouble, out: Gathered) -> None:
        """A file that may not be read at first sight: what is written from now on will be read."""
        if found.quiet or self.closed or self.files or self._begin != "end" or self._since_ns is not None:
            return
        try:
            status = os.stat(self.path)
        except OSError:
            return
        mark = self._new_mark((status.st_dev, status.st_ino), status.st_size)
        self._set_closed(replace(mark, size=status.st_size, mtime_ns=status.st_mtime_ns), out)

    def _claim_rotated(self, out: Gathered) -> None:
        """What was rotated away before the first sight is not read."""
        for content in self._collect(lambda around: around.rotated()):
            if self._common.owner(content) is None:
                size, mtime_ns, _ = content.measure()
                mark = _marked(self._new_mark(content.identity, size), content)
                self._set_closed(replace(mark, size=size, mtime_ns=mtime_ns, done=True), out)
            content.close()

    # Reading.

    def _read(self, out: Gathered, now_ns: int, now_s: float) -> bool:
        files = list(self.files)
        # Newest first: what an older file is seen to hold afterwards was written before that.
        for file in reversed(files):
            try:
                file.measure(now_s, self._known if file is files[-1] else None)
            except Rewritten:
                self._rewritten(file, out, now_ns)
                return True
        for at, file in enumerate(files):
            if file.at_end:
                if file.holding and now_s - file.fed_s >= self._common.patience.hold_s:
                    out.add(file, file.flush(now_ns), self.meter)
                continue
            if not self._take(file, files[:at], out, now_ns, now_s):
                return True
            if not file.at_end:
                return True
        return False

    def _take(self, file: LogFile, older: list[LogFile], out: Gathered, now_ns: int, now_s: float) -> bool:
        """Read a chunk; False when the file is no longer what it was."""
        try:
            entries = file.take(now_ns, now_s)
        except Rewritten:
            self._rewritten(file, out, now_ns)
            return False
        except Trouble as found:
            self.left_alone = found.reason
            self._foreign = file.identity
            self._discard(file, out)
            return False
        except (OSError, EOFError, zlib.error) as error:
            self._tell_gap(
                out,
                f"it cannot be read on: {error}",
                from_ns=file.mtime_ns,
                now_ns=now_ns,
                lost_bytes=max(0, file.size - file.offset) or None,
            )
            self._finish(file, out)
            return False
        for before in older:
            if before.holding:
                out.add(before, before.flush(now_ns), self.meter)
        out.add(file, entries, self.meter)
        return True

    def _rewritten(self, file: LogFile, out: Gathered, now_ns: int) -> None:
        """The file was truncated: go on in the copy that was made of it, then at its new start."""
        for before in self.files[: self.files.index(file) + 1]:
            out.add(before, before.flush(now_ns), self.meter)
        mark = file.mark
        if file is not self.files[-1] or file.content.final:
            self._tell_truncated(file, out, now_ns)
            self._finish(file, out)
            return
        self.files.remove(file)
        out.files.pop(file, None)
        self._forget(file.identity)
        copy = self._locate(replace(mark, device=0, inode=0), None)
        if copy is not None:
            self._reopen(copy, mark, out, first=file.first)
        else:
            self._tell_truncated(file, out, now_ns)
            self._set_closed(replace(mark, device=0, inode=0, done=True), out)
        for content in (*self._missed_before(file, mark.mtime_ns), file.content):
            self._open(content, out)

    def _tell_truncated(self, file: LogFile, out: Gathered, now_ns: int) -> None:
        unread = file.size - file.offset
        if unread > 0:
            self._tell_gap(
                out,
                "the file was truncated before it was read to its end",
                from_ns=file.mtime_ns,
                now_ns=now_ns,
                lost_bytes=unread,
            )

    def _let_go(self, out: Gathered, now_ns: int, now_s: float) -> None:
        """Close files to which nothing is written any more, once what they held is stored."""
        patience = self._common.patience
        for file in list(self.files):
            if file is self.files[-1] and (self.there or file.names):
                continue
            idle_s = now_s - max(file.grown_s, file.fed_s)
            if not file.at_end or (not file.content.final and idle_s < patience.partial_s):
                continue
            if file.partial or file.holding:
                out.add(file, file.finish(now_ns), self.meter)
            waits = file in out.files or file.submitted > self._common.settled()
            if not waits and (file.content.final or not file.names or idle_s >= patience.grace_s):
                self._finish(file, out)

    # The books.

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _new_mark(self, identity: Identity, offset: int) -> FileMark:
        folder = label(os.path.dirname(os.path.realpath(self.path)))
        return FileMark(
            self.label, self._next(), *identity, 0, 0, 0, 0, offset, offset, mtime_ns=0, folder=folder
        )

    def _open(self, content: Content, out: Gathered, *, offset: int = 0) -> None:
        """Begin to read a file at `offset`."""
        mark = self._new_mark(content.identity, offset)
        if offset:
            mark = _marked(mark, content)
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
        self._drop_mark(file.mark, out)
        self._close_content(file)

    def _close_content(self, file: LogFile) -> None:
        self._forget(file.identity)
        file.close()

    def _set_closed(self, mark: FileMark, out: Gathered) -> None:
        self.closed[mark.number] = mark
        if mark.identity != NOWHERE:
            self._common.claims[mark.identity] = (self, mark.number)
        out.checkpoints[mark.name] = mark.encode()

    def _drop_mark(self, mark: FileMark, out: Gathered) -> None:
        self.closed.pop(mark.number, None)
        self._dropped.add(mark.name)
        self._forget(mark.identity)
        out.checkpoints[mark.name] = None

    def _forget(self, identity: Identity) -> None:
        owner = self._common.claims.get(identity)
        if owner is not None and owner[0] is self:
            del self._common.claims[identity]


def _at(path: str) -> Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _any(_path: str) -> bool:
    return True


def _same_text(content: Content, mark: FileMark) -> bool:
    """Whether the content is surely the marked file's: a short beginning can be alike by chance."""
    return mark.offset >= HEAD_BYTES and mark.head_length == HEAD_BYTES and holds(content, mark)


def _marked(mark: FileMark, content: Content) -> FileMark:
    """The mark with the checksums of the content."""
    head = content.read_at(0, HEAD_BYTES)
    length = min(TAIL_BYTES, mark.offset)
    tail = content.read_at(mark.offset - length, length)
    return replace(
        mark, head_length=len(head), head_crc=crc(head), tail_length=len(tail), tail_crc=crc(tail)
    )


def _line_start(content: Content) -> int:
    """Where the last line begins that has no newline yet; the end when there is none."""
    size = content.measure()[0]
    start = max(0, size - CHUNK_BYTES)
    newline = content.read_at(start, size - start).rfind(b"\n")
    return start + newline + 1 if newline >= 0 else start
