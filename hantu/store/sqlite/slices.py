"""Which keys can hold which times: cutting a search into slices, from its near end to its far end.

Entries arrive nearly in the order of their times, but late ones exist. Each block of keys knows its
oldest and newest time, so that the times beyond a border are known to lie in a few runs of keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hantu.query.logquery import Order
from hantu.store.sqlite.compile import Plan
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.entries import BLOCK_BITS

GROWTH: Final = 4
GROWTH_OPEN_ENDED: Final = 16
"""Each slice of a prefix search costs the same at least, so they must be few."""
SLOW_BLOCKS_MOST: Final = 32
"""Slices of a slow search stay below 131,072 keys, so that one which is cut short loses little."""

_READ_BLOCKS: Final = """
SELECT block_no, oldest_ns, newest_ns
FROM block
WHERE block_no >= :block_no
  AND newest_ns >= :start_ns
  AND oldest_ns < :end_ns
ORDER BY block_no
"""


@dataclass(frozen=True, slots=True)
class Block:
    """4,096 keys and the times in them, at least."""

    block_no: int
    oldest_ns: int
    newest_ns: int

    @property
    def first(self) -> int:
        """The first key."""
        return self.block_no << BLOCK_BITS

    @property
    def last(self) -> int:
        """The last key it can have."""
        return self.first + (1 << BLOCK_BITS) - 1


@dataclass(frozen=True, slots=True)
class Slice:
    """The entries with start_ns ≤ time < end_ns lie in these runs of keys (first, last)."""

    start_ns: int
    end_ns: int
    runs: tuple[tuple[int, int], ...]


def read_blocks(reader: Reader, plan: Plan) -> list[Block]:
    """The blocks that can hold an answer, by key."""
    return [
        Block(*row)
        for row in reader.rows(
            _READ_BLOCKS,
            {
                "block_no": plan.first_key >> BLOCK_BITS,
                "start_ns": plan.start_ns,
                "end_ns": plan.end_ns,
            },
        )
    ]


def runs_of(blocks: list[Block]) -> tuple[tuple[int, int], ...]:
    """Runs of keys (first, last) that these blocks make, by key."""
    runs: list[tuple[int, int]] = []
    for block in sorted(blocks, key=lambda block: block.block_no):
        if runs and runs[-1][1] + 1 == block.first:
            runs[-1] = (runs[-1][0], block.last)
        else:
            runs.append((block.first, block.last))
    return tuple(runs)


def slices(blocks: list[Block], plan: Plan, order: Order) -> Iterator[Slice]:
    """Slices of time from the near end of `order` to the far end; each grows over the one before."""
    if plan.key is not None or plan.trace is not None:
        if blocks:
            yield Slice(plan.start_ns, plan.end_ns, runs_of(blocks))
        return
    newest_first = order is Order.NEWEST
    blocks = sorted(blocks, key=lambda block: -block.newest_ns if newest_first else block.oldest_ns)
    start_ns, end_ns = plan.start_ns, plan.end_ns
    live: list[Block] = []
    growth = GROWTH_OPEN_ENDED if plan.open_ended else GROWTH
    size, at = 1, 0
    while at < len(blocks):
        stop = min(len(blocks), at + size)
        live += blocks[at:stop]
        is_last = stop == len(blocks)
        if newest_first:
            start_ns = plan.start_ns if is_last else max(plan.start_ns, blocks[stop].newest_ns + 1)
        else:
            end_ns = plan.end_ns if is_last else min(plan.end_ns, blocks[stop].oldest_ns)
        if start_ns < end_ns:
            near = [block for block in live if block.newest_ns >= start_ns and block.oldest_ns < end_ns]
            yield Slice(start_ns, end_ns, runs_of(near))
            if newest_first:
                end_ns = start_ns
                live = [block for block in live if block.oldest_ns < end_ns]
            else:
                start_ns = end_ns
                live = [block for block in live if block.newest_ns >= start_ns]
        at = stop
        size *= growth
        if plan.slow:
            size = min(size, SLOW_BLOCKS_MOST)


def key_ranges(first: int, last: int) -> Iterator[tuple[int, int]]:
    """(first, last) of growing parts of a range of keys, in order."""
    size = 1 << BLOCK_BITS
    while first <= last:
        yield first, min(last, first + size - 1)
        first += size
        size = min(size * GROWTH, SLOW_BLOCKS_MOST << BLOCK_BITS)
