"""The journal through the real service, from a private journald."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.measure import Work
from bench.streams import reading
from hantu.model import LogEntry, LogLevel
from tests.journald import private_journal
from tests.running import NOTHING, RunningService

JOURNAL_MOST: Final = 100_000
PRIORITIES: Final = {
    LogLevel.TRACE: 7,
    LogLevel.DEBUG: 7,
    LogLevel.INFO: 6,
    LogLevel.WARN: 4,
    LogLevel.ERROR: 3,
    LogLevel.FATAL: 2,
}


def journal(folder: Path, entries: Sequence[LogEntry], start: Work) -> Work:
    """Entries that a journal holds, read from its start. journalctl's own time is not counted."""
    with private_journal() as journald:
        for entry in entries:
            journald.write(entry.message, entry.source_id.rsplit("/", 1)[-1], PRIORITIES[entry.level])
        journald.journalctl("--sync")
        settings = {"HANTU_JOURNAL": "auto", "HANTU_JOURNAL_NAMESPACE": journald.namespace}
        return reading(RunningService(folder / "journal", NOTHING | settings), len(entries), start)
