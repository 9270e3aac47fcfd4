"""Which errors the log library tells of itself, as it notes in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hantu.client.files import DatedFile, day_of
from hantu.errors import ErrorRecord

_FILES_MOST: Final = 4
_READ_MOST: Final = 16 << 20


class ToldFiles:
    """The files `errors/error_YYYYMMDD.told` of a library's folder: an id a line. Used by one thread."""

    def __init__(self, log_dir: Path) -> None:
        self._files = DatedFile(log_dir / "errors", "error", ".told")
        self._known: dict[str, tuple[int, set[bytes]]] = {}

    def has(self, record: ErrorRecord) -> bool:
        """Whether the library of the program told people of this error, or counts it for that."""
        return bool(record.id) and record.id.encode() in self._of(day_of(record.time_ns))

    def _of(self, day: str) -> set[bytes]:
        size, ids = self._known.pop(day, (0, set()))
        path = self._files.path_of(day)
        try:
            if path.stat().st_size < size:
                size, ids = 0, set()
            with path.open("rb") as file:
                file.seek(size)
                # A line that is being written is read the next time.
                lines, end, _ = file.read(_READ_MOST).rpartition(b"\n")
        except OSError:
            return ids
        ids.update(lines.split(b"\n"))
        self._known[day] = (size + len(lines) + len(end), ids)
        while len(self._known) > _FILES_MOST:
            self._known.pop(next(iter(self._known)))
        return ids
