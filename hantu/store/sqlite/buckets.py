"""Putting the matches of a unit into the buckets of a histogram: LEVELS_MOST numbers for each bucket."""

from __future__ import annotations

from typing import Final

import numpy as np

from hantu.store.sqlite.batch import LEVEL_BITS, ByteArray, IntArray
from hantu.store.sqlite.entries import LEVEL_MASK
from hantu.store.sqlite.shape_search import YES
from hantu.store.sqlite.sweep import SECOND_NS, Unit

LEVELS_MOST: Final = 1 << LEVEL_BITS
_NO_LEVEL: Final = LEVELS_MOST - 1
"""In the place of a level: a line that is not counted."""
_EDGES_MOST: Final = 12
"""With more edges of buckets in one segment, the bucket of each line is told apart by itself."""
_PAIRS_MOST: Final = 32


def add(counts: IntArray, at: IntArray, many: IntArray) -> None:
    """Add `many` at these places."""
    counts += np.bincount(at, weights=many, minlength=len(counts)).astype(np.int64)


def add_unit(counts: IntArray, unit: Unit, start_ns: int, width_ns: int) -> None:
    """Add the matches of a unit to the buckets, the first of which begins at start_ns."""

    first = (unit.oldest_ns - start_ns) // width_ns
    if unit.settled and first == (unit.newest_ns - start_ns) // width_ns:
        cells, many = unit.groups[0], unit.matching
        add(counts, first * LEVELS_MOST + (cells & LEVEL_MASK), many)
        return
    plan = unit.plan
    fractions = any(time_ns % SECOND_NS for time_ns in (start_ns, width_ns, plan.start_ns, plan.end_ns))
    if not fractions and not plan.first_key and plan.key is None and unit.decided:
        _add_by_time(counts, unit, start_ns // SECOND_NS, width_ns // SECOND_NS)
        return
    lines = unit.lines()
    if not len(lines):
        return
    frame = unit.frame
    if start_ns % SECOND_NS or width_ns % SECOND_NS:
        buckets = (frame.times(lines) - start_ns) // width_ns
    else:
        buckets = (frame.seconds()[lines] - start_ns // SECOND_NS) // (width_ns // SECOND_NS)
    levels = np.repeat(frame.cells & LEVEL_MASK, frame.counts)[lines]
    counts += np.bincount(buckets * LEVELS_MOST + levels, minlength=len(counts))


def _add_by_time(counts: IntArray, unit: Unit, start_s: int, width_s: int) -> None:
    """As add_unit(), where groups and seconds say all: no line is looked at by itself."""
    plan, timeline = unit.plan, unit.timeline
    levels = unit.groups[0] & LEVEL_MASK
    from_s, to_s = unit.oldest_ns // SECOND_NS, unit.newest_ns // SECOND_NS + 1
    begin, end = 0, len(timeline.groups)
    if unit.oldest_ns < plan.start_ns:
        from_s = plan.start_ns // SECOND_NS
        begin = timeline.at(from_s)
    if unit.newest_ns >= plan.end_ns:
        to_s = plan.end_ns // SECOND_NS
        end = timeline.at(to_s)
    groups = timeline.groups[begin:end]
    codes = np.where(unit.verdict == YES, levels, _NO_LEVEL).astype(np.uint8).take(groups)
    rows = unit.rows
    if len(rows):
        places = timeline.plain[rows].astype(np.int64) - begin
        places = places[(places >= 0) & (places < len(codes))]
        codes[places] = levels[groups[places]]
    first = (from_s - start_s) // width_s
    last = (to_s - 1 - start_s) // width_s
    cuts = [timeline.at(start_s + bucket * width_s) - begin for bucket in range(first + 1, last + 1)]
    if len(cuts) > _EDGES_MOST:
        sizes = np.diff([0, *cuts, len(codes)])
        at = np.repeat(np.arange(first, last + 1) * LEVELS_MOST, sizes) + codes
        counts += np.bincount(at, minlength=len(counts))
        return
    for cut in cuts:
        codes[cut:] += LEVELS_MOST
    found = counted(codes, (len(cuts) + 1) * LEVELS_MOST)
    counts[first * LEVELS_MOST :][: len(found)] += found


def counted(codes: ByteArray, size: int) -> IntArray:
    """How often each code below `size` occurs."""
    if size > _PAIRS_MOST:
        return np.bincount(codes, minlength=size)
    # Two at a time: half the work, and neighbours, which are often alike, do not wait for each other.
    even = len(codes) & ~1
    pairs = np.bincount(codes[:even].view(np.uint16), minlength=size << 8).reshape(size, 1 << 8)[:, :size]
    found: IntArray = pairs.sum(0) + pairs.sum(1)
    found += np.bincount(codes[even:], minlength=size)
    return found
