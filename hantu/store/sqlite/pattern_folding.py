"""The patterns of a count put into families, and what a family has in all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hantu.store.pattern_families import NEWLINE, families, parts_of, seen
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.escape import COLOUR_BEGIN, ESCAPED_COLOUR, unescape_lines
from hantu.store.sqlite.pattern_counts import PatternCounts
from hantu.store.sqlite.pattern_variety import variable
from hantu.store.sqlite.shapes import SLOT


class Folding:
    """Some patterns of a PatternCounts by family. ids: theirs; family: of each, a number. Of each family:
    totals, first_s, last_s, levels, variants, and the pattern that leads, with the most lines."""

    def __init__(self, counts: PatternCounts, ids: IntArray) -> None:
        self.ids = ids
        self.alike = families(texts_of(map(counts.static, ids.tolist())), variable)
        self.family = np.array(self.alike.family, np.int64)
        self._counts = counts
        many = counts.counts[ids].sum(1)
        order = np.lexsort((ids, -many, self.family))
        starts = np.flatnonzero(np.diff(self.family[order], prepend=-1))
        own = ids[order]
        self._own = np.split(own, starts[1:])
        self.lead = own[starts]
        self.variants = np.diff(starts, append=len(ids))
        self.totals = _by(np.add, many[order], starts)
        self.first_s = _by(np.minimum, counts.first_s[own], starts)
        self.last_s = _by(np.maximum, counts.last_s[own], starts)
        self.levels = _by(np.maximum, counts.levels[own], starts)

    def __len__(self) -> int:
        return len(self.lead)

    def buckets(self, family: int) -> tuple[int, ...]:
        """Its lines in each part of the time."""
        return tuple(self._counts.counts[self._own[family]].sum(0).tolist())

    def parts(self, family: int) -> tuple[str, ...]:
        """The texts around its values; those of a single pattern as they are."""
        if self.variants[family] > 1:
            return parts_of(self.alike.texts[family])
        pieces = self._counts.static(int(self.lead[family])).split(SLOT)
        return tuple(unescape_lines(b"\n".join(pieces), len(pieces)))


def texts_of(statics: Iterable[bytes]) -> list[bytes]:
    """The texts of shapes, as pattern_families puts them into families."""
    texts = list(statics)
    # What has several lines stays as it is: stack traces are long.
    single = [at for at, text in enumerate(texts) if NEWLINE not in text]
    if single:
        blob = b"\n".join([texts[at] for at in single])
        if COLOUR_BEGIN in blob:
            blob = ESCAPED_COLOUR.sub(b"", blob)
        lines = seen(blob).split(b"\n")
        for at, line in zip(single, lines, strict=True):
            texts[at] = line
    return texts


def _by(combine: np.ufunc, values: IntArray, starts: IntArray) -> IntArray:
    found: IntArray = combine.reduceat(values, starts) if len(starts) else values[:0]
    return found
