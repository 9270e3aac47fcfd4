"""The hot tier: batches as they were accepted, committed at once, until a segment takes them in.

A row of the table `hot` holds one batch: zstd over a MessagePack array [times, cells, messages,
metadata], each an array with a value for each entry: int, int, str, and the bytes of a JSON object
or nil. Keys are first_key, first_key + 1 …; all of them share one created_ns."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import zstandard

from hantu.store.sqlite.arrival import write_arrival
from hantu.store.sqlite.batch import Batch, Column, IntArray
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.grouping import Groups, group, write_directory
from hantu.store.sqlite.metadata_column import distinct, write_metadata
from hantu.store.sqlite.order import write_order
from hantu.store.sqlite.shapes import Shapes
from hantu.store.sqlite.times import SECOND_NS, write_times
from hantu.store.sqlite.value_column import write_values

CHUNK_MOST: Final = 4_096
"""Entries of one frame of the hot tier: few frames, and none that takes long to make."""

_LEVEL: Final = 1
_NONE: Final = np.zeros(0, np.int64)
_encode: Final = msgspec.msgpack.Encoder().encode
_Parts = tuple[list[int], list[int], list[str], list[bytes | None]]
_decode: Final = msgspec.msgpack.Decoder(_Parts).decode


@dataclass(slots=True, eq=False)
class HotBatch:
    """A committed batch in memory: a value of each list for each entry.

    first_key: the key of the first. created_ns: of all. times: nanoseconds. cells: stream_no <<
    LEVEL_BITS | level. metadata: JSON objects, None when an entry has none."""

    first_key: int
    created_ns: int
    times: list[int]
    cells: list[int]
    messages: list[str]
    metadata: list[bytes | None]
    _bounds: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def last_key(self) -> int:
        """The key of its last entry."""
        return self.first_key + len(self.messages) - 1

    @property
    def oldest_ns(self) -> int:
        """The earliest of its times."""
        return self._of_times()[0]

    @property
    def newest_ns(self) -> int:
        """The latest of its times."""
        return self._of_times()[1]

    def _of_times(self) -> tuple[int, int]:
        if self._bounds is None:
            self._bounds = min(self.times), max(self.times)
        return self._bounds

    def pack(self) -> bytes:
        """The row's `data`. Raises UnicodeError, OverflowError for what cannot be written."""
        raw = _encode((self.times, self.cells, self.messages, self.metadata))
        # A compressor is not safe in several threads at once; making one costs 2 µs.
        return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(raw)

    @classmethod
    def unpack(cls, first_key: int, created_ns: int, data: bytes) -> HotBatch:
        """The batch of a row. Raises ValueError when data is not what pack() made."""
        try:
            times, cells, messages, metadata = _decode(zstandard.ZstdDecompressor().decompress(data))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise ValueError(
                f"the batch of entries from number {first_key} on is damaged: {error}"
            ) from error
        return cls(first_key, created_ns, times, cells, messages, metadata)


def joined(batches: Sequence[HotBatch]) -> Batch:
    """Batches that follow each other as one."""
    return Batch(
        keys=_keys(batches),
        times=_ints([batch.times for batch in batches]),
        cells=_ints([batch.cells for batch in batches]),
        messages=[message for batch in batches for message in batch.messages],
        metadata=[text for batch in batches for text in batch.metadata],
        created=_created(batches),
    )


def _ints(lists: Sequence[list[int]]) -> IntArray:
    return np.concatenate([np.array(each, np.int64) for each in lists])


def _keys(batches: Sequence[HotBatch]) -> IntArray:
    return np.concatenate([np.arange(batch.first_key, batch.first_key + len(batch)) for batch in batches])


def _created(batches: Sequence[HotBatch]) -> IntArray:
    created = np.array([batch.created_ns for batch in batches], np.int64)
    return np.repeat(created, [len(batch) for batch in batches])


class HotColumns:
    """The raw columns of some batches, each made when it is first asked for: every line is text.

    A query beside a writer meets lines that no query has seen; of most chunks it needs the groups and
    the times, of some the text, of the one that it shows the rest."""

    def __init__(self, batches: Sequence[HotBatch]) -> None:
        self._batches = batches

    def load(self, column: Column) -> bytes:
        """The raw bytes of a column."""
        match column:
            case Column.DIRECTORY:
                return write_directory(self._groups, len(self._arrival), _NONE)
            case Column.ORDER:
                return self._order()
            case Column.TIME:
                fractions = self._times - self._times // SECOND_NS * SECOND_NS
                return write_times(fractions, self._arrival, self._groups.starts)
            case Column.ARRIVAL:
                return write_arrival(_keys(self._batches), _created(self._batches))
            case Column.PLAIN:
                messages = [message for batch in self._batches for message in batch.messages]
                return escape_lines([messages[at] for at in self._arrival.tolist()])
            case Column.METADATA:
                metadata = [text for batch in self._batches for text in batch.metadata]
                return write_metadata(*distinct(metadata, self._arrival))
            case _:
                return write_values(_NONE, b"")

    def _order(self) -> bytes:
        by_arrival = np.empty(len(self._arrival), np.int64)
        by_arrival[self._arrival] = self._group_of_line
        return write_order(by_arrival, self._groups.counts, self._times // SECOND_NS)

    @cached_property
    def _times(self) -> IntArray:
        return _ints([batch.times for batch in self._batches])

    @cached_property
    def _grouped(self) -> tuple[Groups, IntArray, IntArray]:
        cells = _ints([batch.cells for batch in self._batches])
        return group(cells, np.zeros(len(cells), np.int64))

    @property
    def _groups(self) -> Groups:
        return self._grouped[0]

    @property
    def _arrival(self) -> IntArray:
        return self._grouped[1]

    @property
    def _group_of_line(self) -> IntArray:
        return self._grouped[2]


class Chunk:
    """Some batches that follow each other, with their frame."""

    __slots__ = ("batches", "frame", "newest_ns", "oldest_ns", "size")

    def __init__(self, batches: tuple[HotBatch, ...], shapes: Shapes) -> None:
        self.batches = batches
        self.frame = Frame(HotColumns(batches).load, shapes)
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
