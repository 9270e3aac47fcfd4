"""The hot tier: batches as they were accepted, committed at once, until a segment takes them in.

A row of the table `hot` holds one batch: zstd over a MessagePack array [times, cells, messages,
metadata], each an array with a value for each entry: int, int, str, and the bytes of a JSON object
or nil. Keys are first_key, first_key + 1 …; all of them share one created_ns."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import zstandard

from hantu.store.sqlite.batch import Batch, IntArray
from hantu.store.sqlite.pressed import PressedMessages, PressedMetadata

_LEVEL: Final = 1
_encode: Final = msgspec.msgpack.Encoder().encode
_Parts = tuple[list[int], list[int], list[str], list[bytes | None]]
_decode: Final = msgspec.msgpack.Decoder(_Parts).decode


@dataclass(slots=True, eq=False, weakref_slot=True)
class HotBatch:
    """A committed batch in memory: a value of each list for each entry.

    first_key: the key of the first. created_ns: of all. times: nanoseconds. cells: stream_no <<
    LEVEL_BITS | level. metadata: JSON objects, None when an entry has none."""

    first_key: int
    created_ns: int
    times: Sequence[int]
    cells: Sequence[int]
    messages: Sequence[str]
    metadata: Sequence[bytes | None]
    _bounds: tuple[int, int] | None = None
    _characters: int | None = None

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def characters(self) -> int:
        """Of all its messages and metadata."""
        if self._characters is None:
            self._characters = sum(map(len, self.messages)) + sum(map(len, filter(None, self.metadata)))
        return self._characters

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

    def press(self) -> None:
        """Take less than half the memory from now on; to read it takes 0.3 µs a line."""
        self.times, self.cells = array("q", self.times), array("q", self.cells)
        self.messages, self.metadata = PressedMessages(self.messages), PressedMetadata(self.metadata)

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
        keys=keys(batches),
        times=ints([batch.times for batch in batches]),
        cells=ints([batch.cells for batch in batches]),
        messages=[message for batch in batches for message in batch.messages],
        metadata=[text for batch in batches for text in batch.metadata],
        created=created(batches),
    )


def ints(lists: Sequence[Sequence[int]]) -> IntArray:
    """All numbers of some lists."""
    return np.concatenate([np.array(each, np.int64) for each in lists])


def keys(batches: Sequence[HotBatch]) -> IntArray:
    """The key of each entry."""
    return np.concatenate([np.arange(batch.first_key, batch.first_key + len(batch)) for batch in batches])


def created(batches: Sequence[HotBatch]) -> IntArray:
    """The time of arrival of each entry."""
    times = np.array([batch.created_ns for batch in batches], np.int64)
    return np.repeat(times, [len(batch) for batch in batches])
