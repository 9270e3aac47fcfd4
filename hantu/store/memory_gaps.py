"""MemoryGaps: the ledger of gaps in memory, within MemoryStore."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from hantu.store.gap_base import GAPS_MOST, Gap, GapSum, concerns


class MemoryGaps:
    """A GapStorage that forgets everything at its end."""

    def __init__(self) -> None:
        self._gaps_lock = threading.Lock()
        self._gaps: list[Gap] = []

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        """Put gaps into the ledger."""
        now_ns = time.time_ns()
        with self._gaps_lock:
            self._gaps += [replace(gap, noted_ns=now_ns) for gap in gaps]
            del self._gaps[: max(0, len(self._gaps) - GAPS_MOST)]

    def gaps(
        self,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        sources: Sequence[str] = (),
        source_id: str | None = None,
        most: int = 100,
    ) -> tuple[Gap, ...]:
        """The newest gaps that reach into a time."""
        with self._gaps_lock:
            found = [
                gap
                for gap in reversed(self._gaps)
                if (start_ns is None or gap.to_ns >= start_ns)
                and (end_ns is None or gap.from_ns < end_ns)
                and concerns(gap, sources, source_id)
            ]
        return tuple(sorted(found, key=lambda gap: gap.to_ns, reverse=True)[:most])

    def gap_sums(self, *, start_ns: int | None = None) -> tuple[GapSum, ...]:
        """Gaps counted for each source and source_id."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        with self._gaps_lock:
            for gap in self._gaps:
                if start_ns is None or gap.to_ns >= start_ns:
                    gaps, lines = sums.get((gap.source, gap.source_id), (0, 0))
                    sums[gap.source, gap.source_id] = gaps + 1, lines + (gap.lines or 0)
        return tuple(GapSum(*origin, *sums[origin]) for origin in sorted(sums))
