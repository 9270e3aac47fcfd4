"""What one round of reading brought, to be handed in as one submission."""

from __future__ import annotations

from collections.abc import Sequence

from hantu.collect.files.logfile import LogFile
from hantu.collect.meter import Meter
from hantu.model import APP, LogEntry, LogLevel


class Gathered:
    """Entries in order, and the files and checkpoints that they change."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.files: dict[LogFile, None] = {}
        self.checkpoints: dict[str, bytes | None] = {}
        self.metered: list[tuple[Meter, Sequence[LogEntry]]] = []

    def __bool__(self) -> bool:
        return bool(self.entries or self.files or self.checkpoints)

    def add(self, file: LogFile, entries: Sequence[LogEntry], meter: Meter) -> None:
        """Entries of a file, and its mark as it will be when this is handed in."""
        self.files[file] = None
        if entries:
            self.entries += entries
            self.metered.append((meter, entries))

    def marks(self) -> dict[str, bytes | None]:
        """All checkpoints."""
        checkpoints = dict(self.checkpoints)
        for file in self.files:
            checkpoints[file.mark.name] = file.mark.encode()
        return checkpoints


def gap(path: str, reason: str, *, from_ns: int, now_ns: int, lost_bytes: int | None) -> LogEntry:
    """The entry that says that lines of `path` are or may be missing."""
    how_much = "lines may be missing" if lost_bytes is None else f"{lost_bytes:,} bytes or more were lost"
    metadata = {
        "gap": {"from_ns": from_ns, "to_ns": now_ns, "reason": reason, "lines": None},
    }
    if lost_bytes is not None:
        metadata["gap"]["bytes"] = lost_bytes
    return LogEntry(APP, path, LogLevel.WARN, f"{how_much} here: {reason}", now_ns, metadata)
