"""Frames over what is not sealed yet: every line is text, and a column is made when it is asked for.

A query beside a writer meets lines that no query has seen: of most it needs groups and times, of some
the text, and of the few that it shows the rest."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import Column, IntArray
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.grouping import Groups, group, write_directory
from hantu.store.sqlite.hot import HotBatch, created, ints, keys
from hantu.store.sqlite.metadata_column import distinct, write_metadata
from hantu.store.sqlite.order import write_order
from hantu.store.sqlite.plain_text import PlainText
from hantu.store.sqlite.segment_writer import ShapeBook
from hantu.store.sqlite.shapes import Shapes
from hantu.store.sqlite.times import SECOND_NS
from hantu.store.sqlite.value_column import write_values

CHUNK_MOST: Final = 4_096
"""Entries of one frame of the hot tier: few frames, and none that takes long to make."""

_NONE: Final = np.zeros(0, np.int64)


class HotFrame(Frame):
    """The entries of some batches that follow each other.

    What the batches have at hand is taken from there; the rest is coded as in a segment."""

    def __init__(self, batches: Sequence[HotBatch], shapes: ShapeBook) -> None:
        super().__init__(_loading(weakref.ref(self)), shapes)
        self._batches = batches

    def times(self, lines: IntArray | None = None) -> IntArray:
        """As Frame.times()."""
        return self._times_by_arrival[self._arrival_of(lines)]

    def messages(self, lines: IntArray) -> list[str]:
        """As Frame.messages()."""
        return [batch.messages[at] for batch, at in self._at(lines)]

    def metadata_texts(self, lines: IntArray) -> list[bytes | None]:
        """As Frame.metadata_texts()."""
        return [batch.metadata[at] for batch, at in self._at(lines)]

    def plain_statics(self) -> tuple[list[bytes], IntArray]:
        """As Frame.plain_statics(); taken out of the lines once for all queries."""
        return self._plain_statics

    @cached_property
    def plain(self) -> PlainText:
        """Its lines as searches see them: made small and folded once for all of them."""
        # It would hold its frame, and the frame holds it.
        return PlainText(weakref.proxy(self))

    def _at(self, lines: IntArray) -> list[tuple[HotBatch, int]]:
        """The batch of each of these lines, and its place there."""
        arrival = self._arrival[lines]
        number = np.searchsorted(self._starts_of_batches, arrival, "right") - 1
        place = arrival - self._starts_of_batches[number]
        batches = self._batches
        return [(batches[each], at) for each, at in zip(number.tolist(), place.tolist(), strict=True)]

    def _coded(self, column: Column) -> bytes:
        """The raw bytes of a column."""
        groups, arrival, group_of_line = self._grouped
        match column:
            case Column.DIRECTORY:
                return write_directory(groups, len(arrival), _NONE)
            case Column.ORDER:
                by_arrival = np.empty(len(arrival), np.int64)
                by_arrival[arrival] = group_of_line
                return write_order(by_arrival, groups.counts, self._seconds)
            case Column.PLAIN:
                messages = [message for batch in self._batches for message in batch.messages]
                return escape_lines([messages[at] for at in arrival.tolist()])
            case Column.METADATA:
                metadata = [text for batch in self._batches for text in batch.metadata]
                return write_metadata(*distinct(metadata, arrival))
            case Column.DECIMAL | Column.HEX | Column.MIXED:
                return write_values(_NONE, b"")
            case _:
                raise ValueError(f"unsealed lines have no column {column.name.lower()}")

    @cached_property
    def _plain_statics(self) -> tuple[list[bytes], IntArray]:
        return super().plain_statics()

    @cached_property
    def _grouped(self) -> tuple[Groups, IntArray, IntArray]:
        """The groups, the arrival index and the group of each line."""
        cells = ints([batch.cells for batch in self._batches])
        return group(cells, np.zeros(len(cells), np.int64))

    @cached_property
    def _starts_of_batches(self) -> IntArray:
        """The arrival index with which each batch begins."""
        return np.cumsum([0, *map(len, self._batches)])[:-1]

    @cached_property
    def _groups(self) -> Groups:
        return self._grouped[0]

    @cached_property
    def _arrival(self) -> IntArray:
        return self._grouped[1]

    @cached_property
    def _times_by_arrival(self) -> IntArray:
        return ints([batch.times for batch in self._batches])

    @cached_property
    def _seconds(self) -> IntArray:
        return self._times_by_arrival // SECOND_NS

    @cached_property
    def _keys_and_created(self) -> tuple[IntArray, IntArray]:
        return keys(self._batches), created(self._batches)


def _loading(frame: weakref.ref[HotFrame]) -> Callable[[Column], bytes]:
    """What gives a frame its columns and does not hold it: a frame that held itself would stay, with its
    batches and all that was decoded, until Python looks for cycles: tens of megabytes under load."""

    def load(column: Column) -> bytes:
        asking = frame()
        assert asking is not None  # noqa: S101 — for the type checker; it is the one that asks
        return asking._coded(column)

    return load


class Chunk:
    """Some batches that follow each other, with their frame."""

    __slots__ = ("batches", "frame", "newest_ns", "oldest_ns", "size")

    def __init__(self, batches: tuple[HotBatch, ...], shapes: Shapes) -> None:
        self.batches = batches
        self.frame = HotFrame(batches, shapes)
        self.size = sum(map(len, batches))
        self.oldest_ns = min(batch.oldest_ns for batch in batches)
        self.newest_ns = max(batch.newest_ns for batch in batches)

    @property
    def first_key(self) -> int:
        """The key of its first entry."""
        return self.batches[0].first_key

    @property
    def last_key(self) -> int:
        """The key of its last entry."""
        return self.batches[-1].last_key


class HotFrames:
    """Frames over the hot tier, made when a query asks and kept for the next one: new batches become
    a small chunk, small neighbours are put together."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._lock = threading.Lock()
        self._chunks: list[Chunk] = []

    def chunks(self, batches: Sequence[HotBatch]) -> list[Chunk]:
        """Chunks that hold exactly these batches, in order of keys."""
        if not batches:
            return []
        with self._lock:
            kept = self._laid_out(batches)
            while len(kept) > 1 and kept[-1].size * 2 >= kept[-2].size:
                if kept[-1].size + kept[-2].size > CHUNK_MOST:
                    break
                last = kept.pop()
                kept[-1] = Chunk((*kept[-1].batches, *last.batches), self._shapes)
            if not self._chunks or kept[-1].last_key >= self._chunks[-1].last_key:
                self._chunks = kept
            return list(kept)

    def forget(self) -> None:
        """Make all frames anew: shapes were removed."""
        with self._lock:
            self._chunks = []

    def _laid_out(self, batches: Sequence[HotBatch]) -> list[Chunk]:
        """The known chunks that are part of these batches, and new ones for what is before, between and
        after them: a segment takes the oldest batches, and may end within a chunk."""
        places = {batch.first_key: at for at, batch in enumerate(batches)}
        chunks: list[Chunk] = []
        done = 0
        for chunk in self._chunks:
            at = places.get(chunk.first_key, -1)
            stop = at + len(chunk.batches)
            if at < done or stop > len(batches):
                continue
            if chunk.batches[0] is not batches[at] or chunk.batches[-1] is not batches[stop - 1]:
                continue
            chunks += self._made(batches[done:at])
            chunks.append(chunk)
            done = stop
        return chunks + self._made(batches[done:])

    def _made(self, batches: Sequence[HotBatch]) -> list[Chunk]:
        made: list[Chunk] = []
        some: list[HotBatch] = []
        size = 0
        for batch in batches:
            if some and size + len(batch) > CHUNK_MOST:
                made.append(Chunk(tuple(some), self._shapes))
                some, size = [], 0
            some.append(batch)
            size += len(batch)
        if some:
            made.append(Chunk(tuple(some), self._shapes))
        return made
