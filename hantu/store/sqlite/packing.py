"""A column's bytes as they lie in the file.

The first byte says how the rest is coded: 0 as it is, 1 one zstd frame that states its content's
size (RFC 8878). The shorter is kept. Each section of a column (fields.py) begins a zstd block of its
own, since a block has one code for all of its bytes. FILTER is never coded: its bytes are random.
Values and metadata are tried at two levels: random digits are shorter at level 1, which finds fewer
repetitions, and values that recur are shorter at level 3. HEX is also tried with its characters as halves
(value_column.py), which zstd leaves as they are."""

from __future__ import annotations

import threading
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
    Column.DIRECTORY: (3,),
    Column.ORDER: (1,),
    Column.TIME: (1,),
    Column.DECIMAL: (1, 3),
    Column.HEX: (1, 3),
    Column.MIXED: (1, 3),
    Column.PLAIN: (3,),
    Column.METADATA: (3,),
    Column.ARRIVAL: (1,),
    Column.WORDS: (3,),
}
_HALVES_LEVEL: Final = 1
_HALVES_WORTH: Final = 32
"""Halves are kept when they take at most 1/32 more than the shorter of the others, for they are searched
and read in less than half the time."""


class _Contexts(threading.local):
    """zstd's work memory: one for each thread, since two may not share it."""

    def __init__(self) -> None:
        self._compressors: dict[int, zstandard.ZstdCompressor] = {}
        self.decompressor = zstandard.ZstdDecompressor()

    def compressor(self, level: int) -> zstandard.ZstdCompressor:
        compressor = self._compressors.get(level)
        if compressor is None:
            compressor = self._compressors[level] = zstandard.ZstdCompressor(level=level)
        return compressor


_contexts = _Contexts()


def pack(column: Column, raw: bytes) -> bytes:
    """The bytes to keep for a column's raw bytes."""
    levels = _LEVELS.get(column, ())
    if not raw or not levels:
        return _PLAIN + raw
    sections = [len(raw)] if column is Column.PLAIN else section_lengths(raw)
    whole = min((compressed(raw, level, sections) for level in levels), key=len)
    halves = halved(raw) if column is Column.HEX else None
    if halves is None:
        return whole
    packed = compressed(halves, _HALVES_LEVEL, section_lengths(halves))
    return packed if len(packed) * _HALVES_WORTH <= len(whole) * (_HALVES_WORTH + 1) else whole


def unpack(column: Column, data: bytes) -> bytes:
    """The raw bytes that pack() was given. Raises ValueError when `data` is damaged."""
    try:
        return decompressed(data)
    except ValueError as error:
        raise ValueError(f"column {column.name.lower()}: {error}") from error


def compressed(raw: bytes, level: int, sections: list[int]) -> bytes:
    """`raw` behind its codec's byte. sections: lengths that add up to that of `raw`."""
    compressor = _contexts.compressor(level)
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
        return _contexts.decompressor.decompress(body)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
