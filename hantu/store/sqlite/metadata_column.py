"""The column METADATA: the distinct metadata texts and which line has which.

Texts are numbered as line numbers first use them.

    number of texts, number of lines            2 × 8 bytes
    codes                                       a byte each, by line number: 0 no metadata, 1 the first text
                                                not used yet, 2 + number of a text used before; 255: more
    high codes                                  array: code − 255 of those
    texts                                       to the end, joined by newlines

Codes, high codes and texts are sections of their own."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, overload

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets

_HIGH: Final = 255
_NEWLINE: Final = ord("\n")


def distinct(metadata: Sequence[bytes | None], arrival: IntArray) -> tuple[IntArray, bytes, int]:
    """Number the texts: ids by line number (−1: none), the texts joined by newlines, how many."""
    by_line: list[bytes | None] = np.array(metadata, object)[arrival].tolist()
    # A look-up of a text that is not there yet numbers it. Loops in Python take half as long again.
    numbers: dict[bytes | None, int] = defaultdict(itertools.count().__next__, {None: -1})
    ids = np.fromiter(map(numbers.__getitem__, by_line), np.int64, len(by_line))
    texts = [text for text in numbers if text is not None]
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


class Texts(Sequence[bytes]):
    """Texts joined by newlines; one of them is found without splitting all.

    Raises ValueError when there are not `count` of them."""

    __slots__ = ("_blob", "_ends")

    def __init__(self, blob: bytes, count: int) -> None:
        self._blob = blob
        ends = np.flatnonzero(octets(blob) == _NEWLINE)
        if len(ends) + 1 != max(1, count) or (blob and not count):
            raise ValueError("metadata texts are missing")
        self._ends = np.append(ends, len(blob)) if count else ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        """The text of a number."""
        if isinstance(at, slice):
            return self._blob.split(b"\n")[: len(self)][at]
        ends = self._ends
        return self._blob[ends[at - 1] + 1 if at else 0 : ends[at]]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self[:])

    def at(self, places: IntArray) -> IntArray:
        """The numbers of the texts in which these places of the blob lie."""
        return np.searchsorted(self._ends, places)


class MetadataColumn:
    """The metadata of a segment.

    count: of the distinct texts. blob: these texts joined by newlines. What else there is to know is
    made when first asked for. Raises ValueError when `raw` is damaged, then or when made."""

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        self.count = reader.number()
        self._codes = octets(reader.take(reader.number()))
        self._high = reader.pass_array()
        self.blob = reader.rest()

    def __len__(self) -> int:
        """The number of lines."""
        return len(self._codes)

    @cached_property
    def ids(self) -> IntArray:
        """The number of each line's text, by line number; −1: none."""
        codes = self._codes
        ids = codes.astype(np.int64) - 2
        ids[codes == _HIGH] = self._high.copy().array() + (_HIGH - 2)
        ids[codes == 0] = -1
        fresh = np.flatnonzero(codes == 1)
        ids[fresh] = np.arange(len(fresh))
        if len(ids) and int(ids.max()) >= self.count:
            raise ValueError("a line of a metadata text that is not there")
        return ids

    @cached_property
    def texts(self) -> Texts:
        """The distinct texts by number."""
        return Texts(self.blob, self.count)
