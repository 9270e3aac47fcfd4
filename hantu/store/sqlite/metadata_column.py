"""The column METADATA: the distinct metadata texts and which line has which.

number of texts                             8 bytes
ids                                         array by line number: 0 no metadata, else 1 + the text's
                                            number; texts are numbered as line numbers first use them
texts                                       to the end, joined by newlines"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter


def distinct(metadata: Sequence[bytes | None], arrival: IntArray) -> tuple[IntArray, bytes, int]:
    """Number the texts: ids by line number (−1: none), the texts joined by newlines, how many."""
    numbers: dict[bytes | None, int] = {None: -1}
    number = numbers.setdefault
    ids = np.array([number(metadata[at], len(numbers) - 1) for at in arrival.tolist()], np.int64)
    del numbers[None]
    count = len(numbers)
    blob = b"\n".join(numbers)  # type: ignore[arg-type]  # None was taken out
    if blob.count(b"\n") > max(0, count - 1):
        # Outside a JSON string a newline is mere space, and inside it is always written \n.
        blob = b"\n".join([text.replace(b"\n", b" ") for text in numbers if text is not None])
    return ids, blob, count


def write_metadata(ids: IntArray, blob: bytes, count: int) -> bytes:
    """The raw column of what distinct() returned."""
    out = FieldWriter()
    out.number(count)
    out.array(ids + 1)
    out.rest(blob)
    return out.raw()


class MetadataColumn:
    """The metadata of a segment. Raises ValueError when `raw` is damaged.

    ids: int64[n] by line number, −1 for none. blob: the distinct texts joined by newlines."""

    __slots__ = ("_texts", "blob", "count", "ids")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        self.count = reader.number()
        self.ids: IntArray = reader.array() - 1
        self.blob = reader.rest()
        self._texts: list[bytes] | None = None

    @property
    def texts(self) -> Sequence[bytes]:
        """The distinct texts by number."""
        if self._texts is None:
            self._texts = self.blob.split(b"\n") if self.count else []
            if len(self._texts) != self.count:
                raise ValueError("metadata texts are missing")
        return self._texts
