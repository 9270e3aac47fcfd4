"""What a test of faults counted, for the table at the end of `make fault`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

COUNTED: Final = ("runs", "lines", "lost", "doubled", "gaps")

_notes: dict[str, Counter[str]] = {}
heard: list[Callable[[Counter[str]], None]] = []
"""Who is told of what the running test has counted so far, each time that it counts."""


def note(**counted: int) -> None:
    """Add to what the running test counted: runs, lines, lost, doubled, gaps."""
    assert set(counted) <= set(COUNTED)
    counter = _notes.setdefault(_running(), Counter())
    counter.update(counted)
    for listener in heard:
        listener(counter)


def noted(test: str) -> Counter[str]:
    """What the test with this id counted."""
    return _notes.get(test, Counter())


def account(
    stored: Iterable[int], wanted: Iterable[int], *, runs: int = 1, gaps: int = 0
) -> tuple[int, int]:
    """Compare the numbers of lines that are stored with those that were written; (lost, doubled), noted."""
    found, numbers = Counter(stored), set(wanted)
    lost = len(numbers - found.keys())
    doubled = sum(times - 1 for times in found.values())
    assert found.keys() <= numbers, f"never written: {sorted(found.keys() - numbers)[:5]}"
    note(runs=runs, lines=len(numbers), lost=lost, doubled=doubled, gaps=gaps)
    return lost, doubled


def _running() -> str:
    return os.environ["PYTEST_CURRENT_TEST"].rsplit(" (", 1)[0]
