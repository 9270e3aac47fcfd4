"""Going through what may match a plan, segment by segment, from the near end of its order.

What is settled without reading a line: times by the bounds of a segment, sources, levels and words
by the directory of 32 segments at once, values by the filter, words of plain lines by WORDS. What is
left is a Unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import apsw
import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.grouping import Groups
from hantu.store.sqlite.hot_frames import Chunk
from hantu.store.sqlite.judge import Judge
from hantu.store.sqlite.judged import Judged
from hantu.store.sqlite.plan import Plan
from hantu.store.sqlite.shape_search import MAYBE, YES
from hantu.store.sqlite.snapshot import Segment, View
from hantu.store.sqlite.timeline import Timeline

SECOND_NS: Final = 1_000_000_000
_NOWHERE: Final = np.zeros(0, np.int64)


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
    ) -> None:
        self._sweep = sweep
        self._source = source
        self._place = place
        self._verdict: VerdictArray | None = None
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
            if isinstance(source, Segment):
                groups = None if self._place is None else _groups_of(self._judged, self._place[1])
                self._frame = self._sweep.open(source, groups)
                if self._place is not None:
                    self._frame.lacking = self._judged.lacking_of(self._place[1])
            else:
                self._frame = source.frame
        return self._frame

    @property
    def timeline(self) -> Timeline:
        """When the lines of its groups are."""
        if isinstance(self._source, Segment):
            return self._sweep.timeline(self._source.segment_no, lambda: self.frame)
        return Timeline.of(self.frame)

    def keep(self) -> None:
        """Let frames that are made later begin with what its frame has read."""
        if isinstance(self._source, Segment) and self._frame is not None:
            self._sweep.keep(self._source.segment_no, self._frame)

    def release(self) -> None:
        """Let go of its columns; they are read again when asked for."""
        self._frame = None

    @property
    def verdict(self) -> VerdictArray:
        """Of each of its groups whether the plan holds for all its lines, for some perhaps, for none."""
        if self._verdict is None:
            if self._place is None:
                self._verdict = self._sweep.judge(self.frame.cells, self.frame.shapes)
            else:
                self._verdict = self._judged.verdict_of(self._place[1])
        return self._verdict

    @property
    def groups(self) -> tuple[IntArray, IntArray, IntArray]:
        """The cell, the shape and the number of lines of each of its groups."""
        if self._place is None:
            return self.frame.cells, self.frame.shapes, self.frame.counts
        return self._judged.groups_of(self._place[1])

    @property
    def matching(self) -> IntArray:
        """How many lines of each of its groups match, when it is decided."""
        if self._place is None:
            return np.where(self.verdict == YES, self.frame.counts, 0)
        return self._judged.matching_of(self._place[1])

    @property
    def rows(self) -> IntArray:
        """Which of its plain lines match, as far as these are decided one by one."""
        return _NOWHERE if self._place is None else self._judged.rows_of(self._place[1])

    @property
    def _judged(self) -> Judged:
        """Of its block; not for the hot tier."""
        assert self._place is not None  # noqa: S101 — for the type checker; the caller has looked
        return self._sweep.judged(self._place[0])

    @property
    def plan(self) -> Plan:
        """What it is asked."""
        return self._sweep.plan

    def excuse(self, error: ValueError) -> None:
        """As Catalog.excuse()."""
        self._sweep.excuse(error)

    @property
    def decided(self) -> bool:
        """Whether nothing has to be read to know which of its lines match."""
        if self._place is None:
            return not (self.verdict == MAYBE).any()
        return not self._judged.open[self._place[1]]

    @property
    def settled(self) -> bool:
        """Whether its groups say all: it is decided, and no bound cuts it."""
        plan = self._sweep.plan
        inside = plan.key is None and self.within(plan.start_ns, plan.end_ns, plan.first_key)
        return inside and self.decided

    def within(self, start_ns: int, end_ns: int, first_key: int) -> bool:
        """Whether all its lines lie in these bounds."""
        return self.oldest_ns >= start_ns and self.newest_ns < end_ns and self.first_key >= first_key

    def lines(self) -> IntArray:
        """The numbers of its lines that match, within the plan's times and keys."""
        plan = self._sweep.plan
        found = self._within_groups(plan)
        inside = plan.key is None and self.within(plan.start_ns, plan.end_ns, plan.first_key)
        return found if inside or not len(found) else found[self._bounded(plan, found)]

    def _within_groups(self, plan: Plan) -> IntArray:
        """As lines(), apart from times and keys."""
        if self._place is None:
            return plan.lines(self.frame, self.verdict, None)
        found = plan.lines(self.frame, self._judged.asked_of(self._place[1]), None)
        rows = self.rows
        return np.union1d(found, self.frame.plain_numbers()[rows]) if len(rows) else found

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


@dataclass(frozen=True, slots=True)
class Lot:
    """Settled segments of one block: the cells and counts of their matching groups, int64[M], and the
    oldest time of the segment that each lies in."""

    cells: IntArray
    counts: IntArray
    oldest_ns: IntArray


Accept = Callable[[IntArray, IntArray], BoolArray]
"""By the oldest and newest time of segments, which of them may be counted whole."""


class Sweep:
    """The units of one query over one snapshot."""

    def __init__(self, catalog: Catalog, reader: Reader, view: View, plan: Plan) -> None:
        self.plan = plan
        self._catalog = catalog
        self._reader = reader
        self._view = view
        self.frontier_ns: int | None = None
        """All matches on the near side of it have been given; None before the second unit."""
        self._judge = Judge(catalog, reader, view, plan)
        self._counted = np.zeros(len(view.segments), np.bool_)

    def open(self, segment: Segment, groups: Callable[[], Groups] | None) -> Frame:
        """The frame of a segment, with its groups where they are known."""
        return self._catalog.frame(self._reader, segment, groups)

    def keep(self, segment_no: int, frame: Frame) -> None:
        """Keep what was read of a segment for other queries."""
        self._catalog.decoded.put(segment_no, frame.decoded)

    def timeline(self, segment_no: int, frame: Callable[[], Frame]) -> Timeline:
        """That of a segment, made of its frame when it is not at hand."""
        return self._catalog.timelines.get(segment_no, lambda: Timeline.of(frame()))

    def excuse(self, error: ValueError) -> None:
        """As Catalog.excuse()."""
        self._catalog.excuse(error)

    def judge(self, cells: IntArray, shapes: IntArray) -> VerdictArray:
        """The plan's verdict on groups."""
        return self.plan.groups(cells, shapes)

    def judged(self, block_no: int) -> Judged:
        """A block's groups with the verdict on them."""
        return self._judge.of(block_no)

    def settled(self, accept: Accept) -> Iterator[Lot]:
        """What whole segments say without being read; units() leaves those segments out afterwards.

        Raises InterruptError when the time is over."""
        bounds = self._view.bounds
        for block_no, judged, whole in self._whole(accept(bounds.oldest_ns, bounds.newest_ns)):
            own = slice(int(bounds.starts[block_no]), int(bounds.starts[block_no + 1]))
            sizes = np.diff(judged.starts)
            matching = judged.matching
            chosen = np.flatnonzero(np.repeat(whole, sizes) & (matching > 0))
            oldest_ns = np.repeat(bounds.oldest_ns[own], sizes)
            yield Lot(judged.cells_of(chosen), matching[chosen], oldest_ns[chosen])

    def totals(self) -> Iterator[tuple[IntArray, IntArray]]:
        """As settled(), of whatever times: cells, in any order and perhaps several times each, and how many
        lines match."""
        for _, judged, whole in self._whole(np.ones(len(self._view.segments), np.bool_)):
            if whole.all():
                yield judged.totals()
                continue
            for at in np.flatnonzero(whole).tolist():
                yield judged.groups_of(at)[0], judged.matching_of(at)

    def _whole(self, wanted: BoolArray) -> Iterator[tuple[int, Judged, BoolArray]]:
        """(block, verdicts, which of its segments may be counted whole) of wanted segments.

        Raises InterruptError when the time is over."""
        plan, bounds = self.plan, self._view.bounds
        if plan.nothing or plan.key is not None:
            return
        inside = wanted & (
            (bounds.oldest_ns >= plan.start_ns)
            & (bounds.newest_ns < plan.end_ns)
            & (bounds.first_key >= plan.first_key)
        )
        for block_no in np.unique(bounds.block_no[inside]).tolist():
            if self._reader.deadline.passed:
                raise apsw.InterruptError
            judged = self.judged(block_no)
            own = slice(int(bounds.starts[block_no]), int(bounds.starts[block_no + 1]))
            whole = inside[own] & ~judged.open
            self._counted[own] = whole
            yield block_no, judged, whole

    def units(self, *, newest_first: bool | None) -> Iterator[Unit]:
        """Newest first, oldest first, or (None) by key. Raises InterruptError when the time is over."""
        if self.plan.nothing:
            return
        best: dict[int, list[int]] = {}
        for number, (near_ns, source, block_no, at) in enumerate(self._near(newest_first)):
            known = best.get(block_no)
            if known is not None and not known[at]:
                continue
            if number:
                self.frontier_ns = near_ns if newest_first is False else near_ns + 1
            if self._reader.deadline.passed:
                raise apsw.InterruptError
            if not isinstance(source, Segment):
                unit = Unit(self, source, None)
                if unit.verdict.any():
                    yield unit
                continue
            if known is None:
                known = best[block_no] = self.judged(block_no).best
            if known[at]:
                yield Unit(self, source, (block_no, at))

    def _near(self, newest_first: bool | None) -> Iterator[tuple[int, Segment | Chunk, int, int]]:
        """(near end, source, block, place in the block) of what the plan's bounds let through, in order."""
        plan, bounds, view = self.plan, self._view.bounds, self._view
        near = (
            (bounds.newest_ns >= plan.start_ns)
            & (bounds.oldest_ns < plan.end_ns)
            & (bounds.last_key >= plan.first_key)
            & ~self._counted
        )
        if plan.key is not None:
            near &= (bounds.first_key <= plan.key) & (bounds.last_key >= plan.key)
        at = np.flatnonzero(near)
        chunks = [chunk for chunk in self._catalog.hot_frames.chunks(view.hot) if self._in_bounds(chunk)]
        if newest_first:
            ends, own = bounds.newest_ns, [chunk.newest_ns for chunk in chunks]
        elif newest_first is None:
            ends, own = bounds.first_key, [chunk.first_key for chunk in chunks]
        else:
            ends, own = bounds.oldest_ns, [chunk.oldest_ns for chunk in chunks]
        every = np.concatenate((ends[at], np.array(own, np.int64)))
        order = np.argsort(every, kind="stable")
        # One by one: most pages end long before the last.
        for number in (order[::-1] if newest_first else order).tolist():
            if number < len(at):
                block_no, place = int(bounds.block_no[at[number]]), int(bounds.at[at[number]])
                yield int(every[number]), view.blocks[block_no][place], block_no, place
            else:
                yield int(every[number]), chunks[number - len(at)], -1, 0

    def _in_bounds(self, chunk: Chunk) -> bool:
        plan = self.plan
        if plan.key is not None and not chunk.first_key <= plan.key <= chunk.last_key:
            return False
        return (
            chunk.newest_ns >= plan.start_ns
            and chunk.oldest_ns < plan.end_ns
            and chunk.last_key >= plan.first_key
        )


def survivors(units: Iterator[Unit]) -> Iterator[tuple[Unit, IntArray]]:
    """Units with their matching lines; those without any, and damaged ones, are left out."""
    for unit in units:
        try:
            lines = unit.lines()
        except ValueError as error:
            unit.excuse(error)
            continue
        if len(lines):
            yield unit, lines


def _groups_of(judged: Judged, at: int) -> Callable[[], Groups]:
    """The groups of a segment for its frame. Not by way of the unit, which holds the frame: both would stay
    until Python looks for cycles."""
    return lambda: Groups(*judged.groups_of(at))
