"""A column's bytes as they lie in the file.

The first byte says how the rest is coded: 0 as it is, 1 one zstd frame that states its content's
size (RFC 8878). The shorter is kept. Each section of a column (fields.py) begins a zstd block of its
own, since a block has one code for all of its bytes. FILTER is not coded while it stands with its
segment: it is looked at often, and an eighth of it is all there is to gain.
Of values a part is tried at two levels: random digits are shorter at level 1, which finds fewer
repetitions, and values that recur are shorter at level 3. HEX is also tried with its characters as halves
(value_column.py), which zstd leaves as they are."""

from __future__ import annotations

from typing import Final

import zstandard

from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.fields import section_lengths
from hantu.store.sqlite.value_column import halved

_PLAIN: Final = b"\x00"
_ZSTD: Final = b"\x01"
_MOST_BYTES: Final = 1 << 30
"""No column of a segment is larger: guards the memory against a damaged length."""

_LEVELS: Final = {
    Column.DIRECTORY: (6,),
    Column.ORDER: (1,),
    Column.TIME: (1,),
    Column.DECIMAL: (1, 3),
    Column.HEX: (1, 3),
    Column.MIXED: (1, 3),
    Column.PLAIN: (6,),
    Column.METADATA: (5,),
    Column.ARRIVAL: (1,),
    Column.WORDS: (3,),
}
"""What gains most for its time, of 1 to 9: metadata take 6 % less with 5 than with 3, plain lines 14 % less
with 6, for 0.1 µs a line together."""
_LARGE: Final = 4 * 1024 * 1024
_LARGE_LEVEL: Final = 3
"""Of columns of more than _LARGE bytes, of long texts: 100 MB take a second with higher levels."""
_SAMPLE: Final = 32 * 1024
"""Bytes from the middle of a column that tell which of several levels is best for it."""
_ROW_LEVEL: Final = 1
_ROW_BEFORE: Final = b" "
"""A row of filters that was written as it is begins with their number, 32."""
_HALVES_LEVEL: Final = 1
_HALVES_WORTH: Final = 32
"""Halves are kept when they take at most 1/32 more than the shorter of the others, for they are searched
and read in less than half the time."""


_idle: Final[list[zstandard.ZstdDecompressor]] = []
"""zstd's memory for reading, 96 kB each: two threads may not use one at a time, and there may be 500 that
follow a live tail. Not for writing: the compressors of all levels take 12 MB, and a new one for each column
takes no longer (bench/soak.py)."""


def pack(column: Column, raw: bytes) -> bytes:
    """The bytes to keep for a column's raw bytes."""
    levels = _LEVELS.get(column, ())
    if not raw or not levels:
        return _PLAIN + raw
    sections = [len(raw)] if column is Column.PLAIN else section_lengths(raw)
    whole = compressed(raw, _level_for(raw, levels), sections)
    halves = halved(raw) if column is Column.HEX else None
    if halves is None:
        return whole
    packed = compressed(halves, _HALVES_LEVEL, section_lengths(halves))
    return packed if len(packed) * _HALVES_WORTH <= len(whole) * (_HALVES_WORTH + 1) else whole


def _level_for(raw: bytes, levels: tuple[int, ...]) -> int:
    """The best of these levels for a column."""
    if len(levels) == 1:
        return levels[0] if len(raw) <= _LARGE else min(levels[0], _LARGE_LEVEL)
    middle = max(0, (len(raw) - _SAMPLE) // 2)
    sample = raw[middle : middle + _SAMPLE]
    return min(levels, key=lambda level: len(zstandard.ZstdCompressor(level=level).compress(sample)))


def unpack(column: Column, data: bytes) -> bytes:
    """The raw bytes that pack() was given. Raises ValueError when `data` is damaged."""
    try:
        return decompressed(data)
    except ValueError as error:
        raise ValueError(f"column {column.name.lower()}: {error}") from error


def compressed(raw: bytes, level: int, sections: list[int]) -> bytes:
    """`raw` behind its codec's byte. sections: lengths that add up to that of `raw`."""
    compressor = zstandard.ZstdCompressor(level=level)
    if len(sections) == 1:
        frame = compressor.compress(raw)
    else:
        stream = compressor.compressobj(size=len(raw))
        parts: list[bytes] = []
        at = 0
        for length in sections:
            parts.append(stream.compress(raw[at : at + length]))
            parts.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
            at += length
        parts.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
        frame = b"".join(parts)
    return _ZSTD + frame if len(frame) < len(raw) else _PLAIN + raw


def decompressed(data: bytes) -> bytes:
    """What compressed() was given. Raises ValueError when `data` is damaged."""
    codec, body = data[:1], data[1:]
    if codec == _PLAIN:
        return body
    if codec != _ZSTD:
        raise ValueError(f"unknown codec {codec!r}")
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= _MOST_BYTES:
            raise ValueError(f"a frame of {size} bytes")
        return _decompressed(body)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def _decompressed(frame: bytes) -> bytes:
    """What a frame holds. Raises ZstdError."""
    try:
        # One step each, as append() is: no other thread comes between.
        decompressor = _idle.pop()
    except IndexError:
        decompressor = zstandard.ZstdDecompressor()
    try:
        return decompressor.decompress(frame)
    finally:
        _idle.append(decompressor)


def pack_row(raw: bytes) -> bytes:
    """The bytes to keep for a row of filters: an eighth shorter, and a wrong bit does not hide an entry."""
    return _ZSTD + zstandard.ZstdCompressor(level=_ROW_LEVEL, write_checksum=True).compress(raw)


def unpack_row(data: bytes) -> bytes:
    """The row that pack_row() was given. Raises ValueError when `data` is damaged."""
    return data if data[:1] == _ROW_BEFORE else decompressed(data)
