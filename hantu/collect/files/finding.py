"""Finding a file's bytes again: by its inode, in a copy, in a compressed copy."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hantu.collect.files.content import Content, GzipContent, PlainContent, begins_like, holds, is_certain
from hantu.collect.files.logfile import LogFile
from hantu.collect.files.mark import HEAD_BYTES, TAIL_BYTES, FileMark, Identity
from hantu.collect.files.opening import Trouble, open_log
from hantu.collect.files.rotation import Beside, Snapshot

# Copies keep whole seconds only on some file systems.
SLACK_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around one path at one moment.

    claimed: whether a file is known already, as another one than that of the mark, if there is one."""

    path: str
    snapshot: Snapshot
    roots: tuple[str, ...]
    claimed: Callable[[Content, FileMark | None], bool]

    def by_inode(self, mark: FileMark) -> Content | None:
        """The file of the mark itself, wherever it was moved; None when it is gone or was changed."""
        for path in self.snapshot.by_inode(mark.inode):
            content = self._plain(path)
            if content is None:
                continue
            if content.identity == mark.identity and holds(content, mark):
                return content
            content.close()
        return None

    def copy_of(self, mark: FileMark) -> Content | None:
        """A copy of the file that goes on where the mark ends; a plain one if there is one."""
        beside = self._since(mark)
        plain_first = [found for found in beside if not found.packed] + [b for b in beside if b.packed]
        return self._first(plain_first, holds, mark)

    def shorter_copy_of(self, mark: FileMark) -> Content | None:
        """A copy that ends sooner than what was read."""
        return self._first([found for found in self._since(mark) if not found.packed], begins_like, mark)

    def _since(self, mark: FileMark) -> list[Beside]:
        if not mark.head_length:
            return []
        beside = [found for found in self._beside() if found.mtime_ns >= mark.mtime_ns - SLACK_NS]
        # The newest copy of a file goes furthest. But where so little is known that a later file may
        # begin alike, it is the oldest: those after it came later.
        return beside[::-1] if is_certain(mark) else beside

    def _first(
        self, beside: Iterable[Beside], test: Callable[[Content, FileMark], bool], mark: FileMark
    ) -> Content | None:
        for found in beside:
            content = self._open(found, final=True)
            if content is None:
                continue
            if _safely(test, content, mark) and not self.claimed(content, mark):
                return content
            content.close()
        return None

    def missed(
        self,
        known: Iterable[LogFile],
        done: Iterable[FileMark],
        *,
        since_ns: int,
        until: Identity | None,
        packed: bool,
        fits: Callable[[str], bool],
    ) -> Iterator[Content]:
        """Rotated files that changed since `since_ns` and were never read, oldest first.

        known, done: the files of the path that are open, and the marks of those read before: a copy
        of one of them is passed over. until: the file at which to end. packed: compressed ones too.
        fits: which paths are wanted."""
        known, done = tuple(known), tuple(done)
        for found in self._beside():
            if found.identity == until:
                return
            if not found.size or not fits(found.path) or (found.packed and not packed):
                continue
            if found.mtime_ns < since_ns - (0 if found.packed else SLACK_NS):
                continue
            content = self._open(found)
            if content is None:
                continue
            if (
                not content.measure()[0]
                or self.claimed(content, None)
                or _is_copy(content, known, done)
                or (found.packed and self._is_being_packed(content, found.path))
            ):
                content.close()
            else:
                yield content

    def _is_being_packed(self, content: Content, path: str) -> bool:
        """Whether it is a compressed copy, so far as it goes, of a file that still lies beside it: that one
        is read. gzip removes it once the copy is complete."""
        plain = self._plain(path.removesuffix(".gz"))
        if plain is None:
            return False
        try:
            head = content.read_at(0, HEAD_BYTES)
            return head == plain.read_at(0, len(head))
        except (OSError, EOFError, zlib.error):
            # Not even its beginning is there yet.
            return True
        finally:
            plain.close()

    def place_of(self, file: LogFile) -> Identity | None:
        """Which of the rotated files is this one: itself, or the compressed copy that replaced it."""
        beside = self._beside()
        if any(found.identity == file.identity for found in beside):
            return file.identity
        if file.content.measure()[2]:
            return None
        for found in beside:
            if found.packed and (content := self._open(found)) is not None:
                same = _is_copy(content, (file,), ())
                content.close()
                if same:
                    return found.identity
        return None

    def rotated(self) -> Iterator[Content]:
        """All rotated files that are not compressed, oldest first."""
        for found in self._beside():
            if not found.packed and (content := self._open(found)) is not None:
                yield content

    def _beside(self) -> list[Beside]:
        beside = self.snapshot.rotated(self.path)
        if os.path.islink(self.path):
            beside += self.snapshot.like(os.path.realpath(self.path))
        return beside

    def _open(self, found: Beside, *, final: bool = False) -> Content | None:
        content: Content | None
        if found.packed:
            try:
                content = GzipContent(open_log(found.path, self.roots))
            except (OSError, Trouble):
                return None
        else:
            content = self._plain(found.path, final=final)
        if content is not None and content.identity != found.identity:
            content.close()
            return None
        return content

    def _plain(self, path: str, *, final: bool = False) -> Content | None:
        try:
            return PlainContent(open_log(path, self.roots), final=final)
        except (OSError, Trouble):
            return None


def _safely(test: Callable[[Content, FileMark], bool], content: Content, mark: FileMark) -> bool:
    try:
        return test(content, mark)
    except (OSError, EOFError, zlib.error):
        return False


def _is_copy(content: Content, known: Iterable[LogFile], done: Iterable[FileMark]) -> bool:
    """Whether the content is the whole, or the beginning, of a file that is known."""
    size = content.measure()[0]
    if not size:
        return False
    for file in known:
        if size > file.content.measure()[0]:
            continue
        if not isinstance(file.content, PlainContent):
            # Reading it here and there would unpack it from its start each time.
            if size == file.size and file.mark.head_length and _safely(begins_like, content, file.mark):
                return True
            continue
        head, last = min(HEAD_BYTES, size), max(0, size - TAIL_BYTES)
        try:
            if content.read_at(0, head) == file.content.read_at(0, head) and content.read_at(
                last, size - last
            ) == file.content.read_at(last, size - last):
                return True
        except (OSError, EOFError, zlib.error):
            return False
    return any(mark.offset and size == mark.offset and _safely(holds, content, mark) for mark in done)
