"""The hot tier: batches as they were accepted, committed at once, until a segment takes them in.

A row of the table `hot` holds one batch: zstd over a MessagePack array [times, cells, messages,
metadata], each an array with a value for each entry: int, int, str, and the bytes of a JSON object
or nil. Keys are first_key, first_key + 1 …; all of them share one created_ns."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import zstandard

from hantu.store.sqlite.batch import Batch
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.segment_writer import encode_plain
from hantu.store.sqlite.shapes import Shapes

CHUNK_MOST: Final = 4_096
"""Entries of one frame of the hot tier: few frames, and none that takes long to make."""

_LEVEL: Final = 1
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

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def last_key(self) -> int:
        """The key of its last entry."""
        return self.first_key + len(self.messages) - 1

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

    def ints(values: Any) -> Any:
        return np.concatenate([np.array(each, np.int64) for each in values])

    return Batch(
        keys=ints(range(batch.first_key, batch.first_key + len(batch)) for batch in batches),
        times=ints(batch.times for batch in batches),
        cells=ints(batch.cells for batch in batches),
        messages=[message for batch in batches for message in batch.messages],
        metadata=[text for batch in batches for text in batch.metadata],
        created=np.repeat(
            np.array([batch.created_ns for batch in batches], np.int64),
            [len(batch) for batch in batches],
        ),
    )


class Chunk:
    """Some batches that follow each other, with their frame."""

    __slots__ = ("batches", "frame", "newest_ns", "oldest_ns", "size")

    def __init__(self, batches: tuple[HotBatch, ...], shapes: Shapes) -> None:
        self.batches = batches
        columns = encode_plain(joined(batches))
        self.frame = Frame(columns.__getitem__, shapes)
        self.size = sum(map(len, batches))
        self.oldest_ns = min(min(batch.times) for batch in batches)
        self.newest_ns = max(max(batch.times) for batch in batches)

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
            kept = self._still_right(batches)
            known = sum(len(chunk.batches) for chunk in kept)
            kept += self._made(batches[known:])
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

    def _still_right(self, batches: Sequence[HotBatch]) -> list[Chunk]:
        """The known chunks that hold the first of these batches."""
        right: list[Chunk] = []
        at = 0
        for chunk in self._chunks:
            if chunk.first_key < batches[0].first_key and not right:
                continue
            stop = at + len(chunk.batches)
            if (
                stop > len(batches)
                or chunk.batches[0] is not batches[at]
                or chunk.batches[-1] is not batches[stop - 1]
            ):
                break
            right.append(chunk)
            at = stop
        return right

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
