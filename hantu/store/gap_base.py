"""What a store promises of gaps: GapStorage, a part of LogStorage (tests/contract/test_gaps.py).

A gap is a time of which hantu knows that it could not see. Those that an entry tells of (metadata "gap")
are in the ledger with that entry, in one transaction; others are noted on their own. Reading may happen
on any thread, writing on one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hantu.model import LogEntry, LogLevel

GAPS_MOST: Final = 10_000
"""So many stay, the newest: some 2 MB, and more than anybody reads."""
_REASON_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Gap:
    """from_ns ≤ time < to_ns could not be seen. source "": whatever programs send by themselves;
    source_id "": all of the source. lines, size_bytes: how much was lost, None when that is not known.
    entry_id: the entry that tells of it, "" without one. noted_ns is set by the store."""

    source: str
    source_id: str
    from_ns: int
    to_ns: int
    reason: str
    lines: int | None = None
    size_bytes: int | None = None
    entry_id: str = ""
    noted_ns: int = 0


@dataclass(frozen=True, slots=True)
class GapSum:
    """What the ledger holds of one source id."""

    source: str
    source_id: str
    gaps: int
    lines: int


class GapStorage(Protocol):
    """Keeps the ledger of gaps."""

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        """Put gaps into the ledger that no entry tells of, durably. Beyond GAPS_MOST the oldest go."""
        ...

    def gaps(
        self,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        sources: Sequence[str] = (),
        source_id: str | None = None,
        most: int = 100,
    ) -> tuple[Gap, ...]:
        """The newest gaps that reach into start_ns ≤ time < end_ns, by their end, newest first.

        sources, source_id: only those that concern them: of all source ids when the gap names none."""
        ...

    def gap_sums(self, *, start_ns: int | None = None) -> tuple[GapSum, ...]:
        """Gaps that end after start_ns, counted for each source and source_id, in their order."""
        ...


def gaps_of(entries: Sequence[LogEntry]) -> Iterator[tuple[int, Gap]]:
    """The gaps that entries tell of, each with the position of its entry."""
    warn = LogLevel.WARN
    for at, entry in enumerate(entries):
        if entry.level is warn and entry.metadata is not None and "gap" in entry.metadata:
            found = _told(entry, entry.metadata["gap"])
            if found is not None:
                yield at, found


def _told(entry: LogEntry, told: object) -> Gap | None:
    if not isinstance(told, dict):
        return None
    start, end = _whole(told, "from_ns"), _whole(told, "to_ns")
    if end is None:
        return None
    return Gap(
        entry.source,
        entry.source_id,
        end if start is None else min(start, end),
        end,
        str(told.get("reason") or "")[:_REASON_CHARS],
        _whole(told, "lines"),
        _whole(told, "bytes"),
    )


def _whole(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return value if type(value) is int and abs(value) < 1 << 62 else None


def concerns(gap: Gap, sources: Sequence[str], source_id: str | None) -> bool:
    """Whether a gap may have taken lines of these sources and this source id."""
    if sources and gap.source not in ("", *sources):
        return False
    return source_id is None or gap.source_id in ("", source_id)
