"""The directories of the blocks that were asked for last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from hantu.store.sqlite.snapshot import Directory, Part

DIRECTORY_BYTES: Final = 48 * 1024 * 1024
"""Enough for 50 million lines of a server with some thousand shapes a segment."""


class Directories:
    """Directories by block, within size_most bytes; safe in any thread.

    The segments whose filters do not stand together yet are a block that grows with each seal: what is
    known of it is kept, and only the segments that came are read."""

    def __init__(self, size_most: int = DIRECTORY_BYTES) -> None:
        self._size_most = size_most
        self._lock = threading.Lock()
        self._known: OrderedDict[int, tuple[tuple[int, ...], Directory]] = OrderedDict()
        self._size = 0

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        return self._size

    def get(self, block: Sequence[int], read: Callable[[int], Part]) -> Directory:
        """That of a block, by the numbers of its segments; read(i) reads segment i of them."""
        name = tuple(block)
        known, directory = self._look_up(name)
        if directory is not None and known == name:
            return directory
        parts: list[Part] = []
        if directory is not None:
            parts = [directory.part(at) for at in range(_alike(known, name))]
        made = Directory.of([*parts, *(read(at) for at in range(len(parts), len(name)))])
        self._keep(name, made)
        return made

    def known(self, block: Sequence[int]) -> Directory | None:
        """That of a block when it is at hand."""
        name = tuple(block)
        known, directory = self._look_up(name)
        return directory if known == name else None

    def forget(self, gone: Callable[[int], bool]) -> None:
        """Keep no longer those of blocks whose first segment is gone."""
        with self._lock:
            for first in [each for each in self._known if gone(each)]:
                self._size -= self._known.pop(first)[1].size_bytes

    def _look_up(self, name: tuple[int, ...]) -> tuple[tuple[int, ...], Directory | None]:
        with self._lock:
            found = self._known.get(name[0])
            if found is None:
                return (), None
            self._known.move_to_end(name[0])
            return found

    def _keep(self, name: tuple[int, ...], directory: Directory) -> None:
        with self._lock:
            before = self._known.pop(name[0], None)
            if before is not None:
                self._size -= before[1].size_bytes
            self._known[name[0]] = name, directory
            self._size += directory.size_bytes
            while self._size > self._size_most and len(self._known) > 1:
                self._size -= self._known.popitem(last=False)[1][1].size_bytes


def _alike(known: tuple[int, ...], wanted: tuple[int, ...]) -> int:
    """With how many of the same segments both begin."""
    alike = 0
    for one, other in zip(known, wanted, strict=False):
        if one != other:
            break
        alike += 1
    return alike
