"""Going through what may match a plan, segment by segment, from the near end of its order.

What is settled without reading a line: times by the bounds of a segment, sources, levels and words
by the directory of 32 segments at once, values by the filter. What is left is a Unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import apsw
import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.catalog import Catalog, DamagedColumn, Directory, Segment, View
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.hot import Chunk
from hantu.store.sqlite.plan import Plan
from hantu.store.sqlite.shape_search import MAYBE

SECOND_NS: Final = 1_000_000_000


class Unit:
    """A segment or a chunk of the hot tier that may hold matches: its frame is made when asked for.

    place: where its groups stand in the directories, None for the hot tier."""

    __slots__ = (
        "_frame",
        "_place",
        "_source",
        "_sweep",
        "_verdict",
        "first_key",
        "last_key",
        "newest_ns",
        "oldest_ns",
    )

    def __init__(
        self,
        sweep: Sweep,
        source: Segment | Chunk,
        place: tuple[int, int] | None,
        verdict: VerdictArray | None = None,
    ) -> None:
        self._sweep = sweep
        self._source = source
        self._place = place
        self._verdict = verdict
        self._frame: Frame | None = None
        self.first_key = source.first_key
        self.last_key = source.last_key
        self.oldest_ns = source.oldest_ns
        self.newest_ns = source.newest_ns

    @property
    def frame(self) -> Frame:
        """Its columns."""
        if self._frame is None:
            source = self._source
            self._frame = self._sweep.open(source) if isinstance(source, Segment) else source.frame
        return self._frame

    def forget(self) -> None:
        """Let go of its columns, until they are asked for again."""
        self._frame = None

    def release(self) -> None:
        """Let go of its columns; they are read again when asked for."""
        self._frame = None

    @property
    def verdict(self) -> VerdictArray:
        """Of each of its groups whether the plan holds for all its lines, for some perhaps, for none."""
        if self._verdict is None:
            cells, shapes, _ = self.groups
            self._verdict = self._sweep.judge(cells, shapes)
        return self._verdict

    @property
    def groups(self) -> tuple[IntArray, IntArray, IntArray]:
        """The cell, the shape and the number of lines of each of its groups."""
        if self._place is None:
            return self.frame.cells, self.frame.shapes, self.frame.counts
        block_no, at = self._place
        directory = self._sweep.directory(block_no)
        own = slice(int(directory.starts[at]), int(directory.starts[at + 1]))
        return directory.cells[own], directory.shapes[own], directory.counts[own]

    @property
    def settled(self) -> bool:
        """Whether its groups say all: none is decided line by line, no bound cuts it."""
        plan = self._sweep.plan
        return (
            plan.key is None
            and self.within(plan.start_ns, plan.end_ns, plan.first_key)
            and not (self.verdict == MAYBE).any()
        )

    def within(self, start_ns: int, end_ns: int, first_key: int) -> bool:
        """Whether all its lines lie in these bounds."""
        return self.oldest_ns >= start_ns and self.newest_ns < end_ns and self.first_key >= first_key

    def lines(self) -> IntArray:
        """The numbers of its lines that match, within the plan's times and keys."""
        plan = self._sweep.plan
        found = plan.lines(self.frame, self.verdict, None)
        inside = plan.key is None and self.within(plan.start_ns, plan.end_ns, plan.first_key)
        return found if inside or not len(found) else found[self._bounded(plan, found)]

    def _bounded(self, plan: Plan, lines: IntArray) -> BoolArray:
        keep = np.ones(len(lines), np.bool_)
        if self.oldest_ns < plan.start_ns or self.newest_ns >= plan.end_ns:
            if plan.start_ns % SECOND_NS or plan.end_ns % SECOND_NS:
                times = self.frame.times(lines)
                keep &= (times >= plan.start_ns) & (times < plan.end_ns)
            else:
                seconds = self.frame.seconds()[lines]
                keep &= (seconds >= plan.start_ns // SECOND_NS) & (seconds < plan.end_ns // SECOND_NS)
        if plan.key is not None:
            keep &= self.frame.keys(lines) == plan.key
        elif self.first_key < plan.first_key:
            keep &= self.frame.keys(lines) >= plan.first_key
        return keep


class Sweep:
    """The units of one query over one snapshot."""

    def __init__(self, catalog: Catalog, reader: Reader, view: View, plan: Plan) -> None:
        self.plan = plan
        self._catalog = catalog
        self._reader = reader
        self._view = view
        self.frontier_ns: int | None = None
        """All matches on the near side of it have been given; None before the second unit."""
        self._judged: dict[int, VerdictArray] = {}

    def open(self, segment: Segment) -> Frame:
        """The frame of a segment."""
        return self._catalog.frame(self._reader, segment)

    def judge(self, cells: IntArray, shapes: IntArray) -> VerdictArray:
        """The plan's verdict on groups."""
        return self.plan.groups(cells, shapes)

    def units(self, *, newest_first: bool | None) -> Iterator[Unit]:
        """Newest first, oldest first, or (None) by key. Raises InterruptError when the time is over."""
        plan = self.plan
        if plan.nothing:
            return
        chunks = self._catalog.hot_frames.chunks(self._view.hot)
        sources: list[tuple[Segment | Chunk, int, int]] = [(chunk, -1, 0) for chunk in chunks]
        for number, block in enumerate(self._view.blocks):
            sources += [(segment, number, at) for at, segment in enumerate(block)]
        near = [item for item in sources if self._in_bounds(item[0])]
        if newest_first is None:
            near.sort(key=lambda item: item[0].first_key)
        elif newest_first:
            near.sort(key=lambda item: item[0].newest_ns, reverse=True)
        else:
            near.sort(key=lambda item: item[0].oldest_ns)
        for number, (source, block_no, at) in enumerate(near):
            if number:
                self.frontier_ns = source.oldest_ns if newest_first is False else source.newest_ns + 1
            if self._reader.deadline.passed:
                raise apsw.InterruptError
            unit = self._unit(source, block_no, at)
            if unit is not None:
                yield unit

    def _in_bounds(self, source: Segment | Chunk) -> bool:
        plan = self.plan
        if plan.key is not None and not source.first_key <= plan.key <= source.last_key:
            return False
        return (
            source.newest_ns >= plan.start_ns
            and source.oldest_ns < plan.end_ns
            and source.last_key >= plan.first_key
        )

    def _unit(self, source: Segment | Chunk, block_no: int, at: int) -> Unit | None:
        """The unit, None when it is settled that nothing in it matches."""
        if not isinstance(source, Segment):
            unit = Unit(self, source, None)
            return unit if unit.verdict.any() else None
        if self.plan.all:
            return Unit(self, source, (block_no, at))
        own = self.of_block(block_no, at)
        return Unit(self, source, (block_no, at), own) if own.any() else None

    def of_block(self, block_no: int, at: int) -> VerdictArray:
        """The verdict on the groups of one segment, by that of its whole block."""
        directory = self.directory(block_no)
        verdict = self._judged.get(block_no)
        if verdict is None:
            verdict = self._judged[block_no] = self._judge_block(block_no, directory)
        return verdict[directory.starts[at] : directory.starts[at + 1]]

    def _judge_block(self, block_no: int, directory: Directory) -> VerdictArray:
        verdict = self.judge(directory.cells, directory.shapes)
        if not self.plan.hashes or not (verdict == MAYBE).any():
            return verdict
        block = self._view.blocks[block_no]
        sizes = np.diff(directory.starts)
        absent = {
            token: np.repeat(~self._catalog.may_hold(self._reader, block, token), sizes)
            for token in self.plan.hashes
        }
        return self.plan.groups(directory.cells, directory.shapes, absent)

    def directory(self, block_no: int) -> Directory:
        """The groups of a block's segments."""
        return self._catalog.directory(self._reader, self._view.blocks[block_no])


def survivors(units: Iterator[Unit]) -> Iterator[tuple[Unit, IntArray]]:
    """Units with their matching lines; those without any, and damaged ones, are left out."""
    for unit in units:
        try:
            lines = unit.lines()
        except DamagedColumn:
            continue
        if len(lines):
            yield unit, lines
