"""LogPath: a path, and the files that are or were under it, read one after the other."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from hantu.collect.files.content import Content, PlainContent
from hantu.collect.files.gathered import Gathered
from hantu.collect.files.history import History
from hantu.collect.files.ledger import Common
from hantu.collect.files.logfile import CHUNK_BYTES, LogFile, Rewritten
from hantu.collect.files.mark import FileMark, Identity
from hantu.collect.files.opening import Trouble, open_log, trouble
from hantu.collect.meter import Meter

RETRY_S: Final = 2.0


class LogPath(History):
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
        super().__init__(path, meter, common, marks, since_ns=since_ns, fits=fits)
        self.trouble: Trouble | None = None
        self.there = False
        self.absent_s = 0.0
        self._begin = begin
        self._started = False
        self._turned = False
        self._retry_s = 0.0
        self._folder_ns = 0
        self._known: tuple[int, int, int] | None = None
        self._rested: tuple[int, int, int, int] | None = None

    def turn(self, out: Gathered, now_ns: int, now_s: float) -> bool:
        """Look at the path and read up to one chunk of each of its files; True when there is more."""
        self._turned = True
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

    def park(self, out: Gathered) -> bool:
        """Close the file as long as nothing is written to it, when all that was read of it is stored;
        whether that was so. The next turn opens it again where it was, as a start of hantu does."""
        if self._rested is None or len(self.files) != 1 or self.files[0].content.final:
            return False
        file = self.files[0]
        waits = file in out.files or file.submitted > self._common.settled()
        if waits and file.offset != file.first.offset:
            return False
        self.files.remove(file)
        out.files.pop(file, None)
        file.close()
        self._set_closed(file.mark, out)
        return True

    @property
    def rested_s(self) -> float:
        """Since when nothing was written to the file that is open."""
        return self.files[-1].grown_s if self.files else 0.0

    @property
    def begun(self) -> bool:
        """Whether it had a turn."""
        return self._turned

    def rest(self, found: Trouble, now_s: float) -> None:
        """Look again after a while."""
        self.trouble = found
        self._retry_s = now_s + RETRY_S

    def rewind(self, stored: dict[str, FileMark], out: Gathered) -> None:
        """Go back to what is stored."""
        self._rested = None
        super().rewind(stored, out)

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
            self._remember_unread(found, out, now_ns)
            raise
        # From here on, what was opened belongs to self.files or is closed.
        self._folder_ns = 0
        self._foreign = None
        self.left_alone = ""
        if self._started or self.closed or self._begin != "end" or self._since_ns is not None:
            self._arrange(content, out, now_ns)
            return
        self._started = True
        self._claim_rotated(out, now_ns)
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

    def _look_before(self, last: LogFile, out: Gathered, *, packed: bool = True) -> bool:
        """The file was empty and changed: perhaps it was filled, copied and emptied in between; whether
        it was. Then it begins anew behind what was found."""
        since_ns = min(last.changed_ns, last.first.mtime_ns or last.changed_ns)
        found = self._missed_before(last, since_ns, packed=packed)
        if not found:
            return False
        self.files.remove(last)
        out.files.pop(last, None)
        self.drop_mark(last.mark, out)
        for content in (*found, last.content):
            self._open(content, out)
        return True

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
            path.drop_mark(mark, out)
            self._reopen(content, replace(mark, path=self.label, number=self._next()), out)
        return True

    def _grown_elsewhere(self, identity: Identity, size: int) -> bool:
        """Whether the file, known under another path and closed there, goes on here."""
        owner = self._common.claims.get(identity)
        mark = owner[0].closed.get(owner[1]) if owner is not None and owner[0] is not self else None
        return mark is not None and size > mark.offset

    def _remember_unread(self, found: Trouble, out: Gathered, now_ns: int) -> None:
        """A file that may not be read at first sight: what is written from now on will be read."""
        if found.quiet or self.closed or self.files or self._begin != "end" or self._since_ns is not None:
            return
        try:
            status = os.stat(self.path)
        except OSError:
            return
        mark = self._new_mark((status.st_dev, status.st_ino), status.st_size)
        mtime_ns = min(status.st_mtime_ns, now_ns)
        self._set_closed(replace(mark, size=status.st_size, mtime_ns=mtime_ns), out)

    # Reading.

    def _read(self, out: Gathered, now_ns: int, now_s: float) -> bool:
        files = list(self.files)
        # Newest first: what an older file is seen to hold afterwards was written before that.
        for file in reversed(files):
            try:
                file.measure(now_ns, now_s, self._known if file is files[-1] else None)
            except Rewritten:
                self._rewritten(file, out, now_ns)
                return True
            except OSError as error:
                self._failed(file, error, out, now_ns, now_s)
                return False
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
        begins = file.offset == 0
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
            self._failed(file, error, out, now_ns, now_s)
            return False
        file.failing_s = 0.0
        # Another text since it was looked at: the one before lies in a copy, and is to be read first.
        if begins and file.number and file is self.files[-1] and self._look_before(file, out, packed=False):
            return False
        for before in older:
            if before.holding:
                out.add(before, before.flush(now_ns), self.meter)
        out.add(file, entries, self.meter)
        return True

    def _failed(self, file: LogFile, error: Exception, out: Gathered, now_ns: int, now_s: float) -> None:
        """It cannot be read on. Raises OSError as long as that may change: a server of files that was
        away has other handles for the same files (ESTALE)."""
        if isinstance(error, OSError) and not file.content.final:
            file.failing_s = file.failing_s or now_s
            if now_s - file.failing_s < self._common.patience.failing_s:
                self._open_anew(file)
                raise error
        self._tell_gap(
            out,
            f"it cannot be read on: {error}",
            from_ns=file.mtime_ns,
            now_ns=now_ns,
            lost_bytes=max(0, file.size - file.offset) or None,
        )
        if file.content.final:
            self._finish(file, out)
            return
        # What is written from now on may lie on a good part of the disk.
        out.add(file, file.flush(now_ns), self.meter)
        file.skip()

    def _open_anew(self, file: LogFile) -> None:
        """The same file by a new descriptor, when it lies at the path."""
        try:
            content = PlainContent(open_log(self.path, self._common.roots))
        except (OSError, Trouble):
            return
        if content.identity == file.identity:
            file.content, content = content, file.content
        content.close()

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


def _line_start(content: Content) -> int:
    """Where the last line begins that has no newline yet; the end when there is none."""
    size = content.measure()[0]
    start = max(0, size - CHUNK_BYTES)
    newline = content.read_at(start, size - start).rfind(b"\n")
    return start + newline + 1 if newline >= 0 else start
