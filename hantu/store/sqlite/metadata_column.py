"""The column METADATA: the distinct metadata texts and which line has which.

Texts are numbered as line numbers first use them.

    number of texts, number of lines            2 × 8 bytes
    codes                                       a byte each, by line number: 0 no metadata, 1 the first text
                                                not used yet, 2 + number of a text used before; 255: more
    high codes                                  array: code − 255 of those
    texts                                       to the end, joined by newlines

Codes, high codes and texts are sections of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets

_HIGH: Final = 255


def distinct(metadata: Sequence[bytes | None], arrival: IntArray) -> tuple[IntArray, bytes, int]:
    """Number the texts: ids by line number (−1: none), the texts joined by newlines, how many."""
    by_line = [metadata[at] for at in arrival.tolist()]
    texts = [text for text in dict.fromkeys(by_line) if text is not None]
    numbers: dict[bytes | None, int] = dict(zip(texts, range(len(texts)), strict=True))
    numbers[None] = -1
    ids = np.array([numbers[text] for text in by_line], np.int64)
    blob = b"\n".join(texts)
    if blob.count(b"\n") > max(0, len(texts) - 1):
        # Outside a JSON string a newline is mere space, and inside it is always written \n.
        blob = b"\n".join([text.replace(b"\n", b" ") for text in texts])
    return ids, blob, len(texts)


def write_metadata(ids: IntArray, blob: bytes, count: int) -> bytes:
    """The raw column of what distinct() returned."""
    used = np.zeros(len(ids), np.int64)
    np.maximum.accumulate(ids[:-1] + 1, out=used[1:])
    codes = np.where(ids == used, 1, ids + 2)
    codes[ids < 0] = 0
    out = FieldWriter()
    out.number(count)
    out.number(len(ids))
    out.cut()
    out.rest(np.minimum(codes, _HIGH).astype(np.uint8).tobytes())
    out.cut()
    out.array(codes[codes >= _HIGH] - _HIGH)
    out.cut()
    out.rest(blob)
    return out.raw()


class MetadataColumn:
    """The metadata of a segment. Raises ValueError when `raw` is damaged.

    ids: int64[n] by line number, −1 for none. blob: the distinct texts joined by newlines."""

    __slots__ = ("_texts", "blob", "count", "ids")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        self.count = reader.number()
        codes = octets(reader.take(reader.number()))
        self.ids: IntArray = codes.astype(np.int64) - 2
        self.ids[codes == _HIGH] = reader.array() + (_HIGH - 2)
        self.ids[codes == 0] = -1
        fresh = np.flatnonzero(codes == 1)
        self.ids[fresh] = np.arange(len(fresh))
        self.blob = reader.rest()
        if len(self.ids) and int(self.ids.max()) >= self.count:
            raise ValueError("a line of a metadata text that is not there")
        self._texts: list[bytes] | None = None

    @property
    def texts(self) -> Sequence[bytes]:
        """The distinct texts by number."""
        if self._texts is None:
            texts = self.blob.split(b"\n") if self.count else []
            if len(texts) != self.count:
                raise ValueError("metadata texts are missing")
            self._texts = texts
        return self._texts
