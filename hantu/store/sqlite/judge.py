"""Asking a plan about the groups of one block after the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.judged import Judged, Lacking
from hantu.store.sqlite.plan import Plan
from hantu.store.sqlite.shape_search import YES
from hantu.store.sqlite.snapshot import Directory, Segment, View

JUDGED_MOST: Final = 16
"""Blocks whose verdicts stay in memory, 2.6 MB each, while a query goes through them in order of time: with
100 million lines all of them together took 500 MB."""

_TOKENS_MOST: Final = 62
"""So many fit into the bits of a number."""
_NO_LOTS: Final = np.zeros(0, np.int64)


class Judge:
    """The verdicts of one plan over one snapshot."""

    def __init__(self, catalog: Catalog, reader: Reader, view: View, plan: Plan) -> None:
        self._catalog = catalog
        self._reader = reader
        self._view = view
        self._plan = plan
        self._kept: OrderedDict[int, Judged] = OrderedDict()

    def of(self, block_no: int) -> Judged:
        """A block's groups with the verdict on them."""
        judged = self._kept.get(block_no)
        if judged is None:
            judged = self._kept[block_no] = self._made(self._view.blocks[block_no])
            if len(self._kept) > JUDGED_MOST:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(block_no)
        return judged

    def _made(self, block: Sequence[Segment]) -> Judged:
        plan = self._plan
        directory = self._catalog.directory(self._reader, block)
        if plan.all:
            return Judged(directory, np.full((1, len(directory.totals)), YES, np.int8), _NO_LOTS)
        # What words tell makes most looks at filters needless.
        lacking = {} if plan.worded else self._lacking(block)
        judged = self._with(block, directory, lacking)
        if not plan.worded or not judged.open.any():
            return judged
        lacking = self._lacking(block)
        return self._with(block, directory, lacking) if lacking else judged

    def _lacking(self, block: Sequence[Segment]) -> Lacking:
        """What the filters say; nothing when all tokens may be in all segments."""
        held = {token: self._catalog.may_hold(self._reader, block, token) for token in self._plan.hashes}
        if all(each.all() for each in held.values()):
            return {}
        return {token: ~each for token, each in held.items()}

    def _with(self, block: Sequence[Segment], directory: Directory, lacking: Lacking) -> Judged:
        plan = self._plan
        judged = self._of_kinds(directory, lacking)
        if plan.worded and judged.unsure_of_plain:
            words = self._catalog.words(self._reader, block)
            sizes = np.diff(directory.starts)
            of_rows = {token: np.repeat(each, sizes)[words.groups] for token, each in lacking.items()}
            cells = directory.kind_cells.take(directory.kinds[words.groups])
            judged.decide_plain(words, plan.plain(cells, of_rows, words))
        return judged

    def _of_kinds(self, directory: Directory, lacking: Lacking) -> Judged:
        """The plan's verdict on kinds of groups."""
        cells, shapes = directory.kind_cells, directory.kind_shapes
        # Segments that lack the same tokens are judged together.
        of_segment, absent, many = _NO_LOTS, {}, 1
        if lacking:
            said = np.array(list(lacking.values()))
            _, first, of_segment = np.unique(_bits(said), return_index=True, return_inverse=True)
            many = len(first)
            absent = dict(zip(lacking, np.repeat(said[:, first], len(cells), axis=1), strict=True))
        if many > 1:
            cells, shapes = np.tile(cells, many), np.tile(shapes, many)
        verdict = self._plan.groups(cells, shapes, absent)
        return Judged(directory, verdict.reshape(many, -1), of_segment, lacking)


def _bits(said: BoolArray) -> IntArray:
    """A number for each column of bool[T, n], the same for columns that are the same."""
    if len(said) > _TOKENS_MOST:
        return np.unique(said, axis=1, return_inverse=True)[1]
    weights = np.left_shift(1, np.arange(len(said)), dtype=np.int64)
    found: IntArray = weights @ said
    return found
