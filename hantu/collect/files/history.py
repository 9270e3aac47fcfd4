"""History: the files that a path had before, found again after rotation and after a pause."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from hantu.collect.files.content import Content, holds, is_certain
from hantu.collect.files.finding import Surroundings
from hantu.collect.files.gathered import Gathered
from hantu.collect.files.ledger import Common, Ledger, marked
from hantu.collect.files.logfile import LogFile
from hantu.collect.files.mark import NOWHERE, FileMark, Identity
from hantu.collect.files.rotation import Snapshot
from hantu.collect.meter import Meter

TRIES: Final = 20
MARKS_MOST: Final = 16
"""Marks kept of files that are no longer there: a compressed copy is known by them."""


class History(Ledger):
    """A ledger that can find its files again, and those that it missed.

    since_ns: the path was not there before this time; None: it was. fits: which paths are wanted when
    nothing is known yet."""

    def __init__(
        self,
        path: str,
        meter: Meter,
        common: Common,
        marks: Iterable[FileMark],
        *,
        since_ns: int | None,
        fits: Callable[[str], bool],
    ) -> None:
        super().__init__(path, meter, common, marks)
        self._since_ns = since_ns
        self._fits = fits
        self._last_ns = since_ns or 0

    def _around(self) -> Surroundings:
        folders = {os.path.dirname(self.path), os.path.dirname(os.path.realpath(self.path))}
        folders.update(mark.folder for mark in self.closed.values() if mark.folder and not mark.done)
        return Surroundings(
            self.path, Snapshot(folders, self._common.listings), self._common.roots, self._is_claimed
        )

    def _is_claimed(self, content: Content, mark: FileMark | None) -> bool:
        owner = self._common.owner(content)
        # A packed copy in which reading goes on is known by its own mark: no reason to leave it.
        return owner is not None and (mark is None or owner != (self, mark.number))

    def _missed(self, since_ns: int, here: Content | None) -> list[Content]:
        """Files that were rotated away since then and never read, oldest first."""
        until = None if here is None else here.identity
        return self._collect(lambda around: self._never_read(around, since_ns, until))

    def _missed_before(self, file: LogFile, since_ns: int, *, packed: bool = True) -> list[Content]:
        """Those of them that are older than `file`. packed: compressed ones too."""

        def find(around: Surroundings) -> Iterator[Content]:
            if _at(self.path) == file.identity:
                return self._never_read(around, since_ns, None, packed=packed)
            place = around.place_of(file)
            return iter(()) if place is None else self._never_read(around, since_ns, place, packed=packed)

        return self._collect(find)

    def _never_read(
        self, around: Surroundings, since_ns: int, until: Identity | None, *, packed: bool = True
    ) -> Iterator[Content]:
        return around.missed(
            self.files,
            self.closed.values(),
            since_ns=since_ns,
            until=until,
            packed=packed and since_ns > 0,
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

    def lower(self, bound_ns: int, out: Gathered) -> None:
        """The clock was set back, to `bound_ns` at the lowest."""
        self._last_ns = min(self._last_ns, bound_ns)
        if self._since_ns is not None:
            self._since_ns = min(self._since_ns, bound_ns)
        super().lower(bound_ns, out)

    def _last_change_ns(self) -> int:
        """Until then the path's last file was being written."""
        times = [file.changed_ns for file in self.files if not file.content.final]
        return min(times, default=self._last_ns)

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
            self.drop_mark(mark, out)
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

    def _claim_rotated(self, out: Gathered, now_ns: int) -> None:
        """What was rotated away before the first sight is not read."""
        for content in self._collect(lambda around: around.rotated()):
            if self._common.owner(content) is None:
                size, mtime_ns, _ = content.measure()
                mark = marked(self._new_mark(content.identity, size), content)
                mtime_ns = min(mtime_ns, now_ns)
                self._set_closed(replace(mark, size=size, mtime_ns=mtime_ns, done=True), out)
            content.close()


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
    return is_certain(mark) and holds(content, mark)
