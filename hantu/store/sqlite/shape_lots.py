"""Shapes as they lie in the file: those of one seal, or many of them, together in a lot.

A lot is zstd over: the number of shapes, 4 bytes; their shape numbers, 4 bytes each; their texts,
joined by newlines (a shape has none). Integers are little-endian. Texts of one program are much
alike: together they take a tenth of what they take alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import apsw
import numpy as np
import zstandard

from hantu.store.sqlite.word_index import add_documents, documents

LOT_SHAPES: Final = 2_000

_LEVEL: Final = 6

Numbered = tuple[int, bytes]
"""A shape's number and its text."""


def pack_lot(shapes: Sequence[Numbered]) -> bytes:
    """The bytes of a lot."""
    numbers = np.array([number for number, _ in shapes], "<u4").tobytes()
    raw = len(shapes).to_bytes(4, "little") + numbers + b"\n".join([text for _, text in shapes])
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(raw)


def unpack_lot(data: bytes) -> list[Numbered]:
    """The shapes of a lot. Raises ValueError when data is not what pack_lot() made."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"a lot of shapes is damaged: {error}") from error
    count = int.from_bytes(raw[:4], "little")
    numbers = np.frombuffer(raw, "<u4", count, 4).tolist()
    return list(zip(numbers, raw[4 + 4 * count :].split(b"\n"), strict=True))


class NewShapes:
    """New shapes and their words, made ready before the transaction that stores them."""

    def __init__(self, fresh: Sequence[Numbered]) -> None:
        self._data = pack_lot(fresh) if fresh else b""
        self._words = documents(fresh)

    def put(self, connection: apsw.Connection) -> None:
        """Store them, within a transaction."""
        if self._words:
            connection.execute("INSERT INTO shape_lot (data) VALUES (?)", (self._data,))
            add_documents(connection, self._words)


def in_lots(shapes: Sequence[Numbered]) -> Iterator[Sequence[Numbered]]:
    """Shapes in lots of a good size."""
    for at in range(0, len(shapes), LOT_SHAPES):
        yield shapes[at : at + LOT_SHAPES]
