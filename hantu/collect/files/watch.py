"""Watch: one pattern as it is being read, for its collector's status."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hantu.collect.files.globs import FileGlob, Folders
from hantu.collect.files.logpath import LogPath
from hantu.collect.files.opening import trouble
from hantu.collect.meter import Meter


class Watch:
    """A pattern and what was found of it. The reader's thread writes, any thread reads.

    begin: "end" or "start", for files that are there when the pattern is first used. paths: files
    found; left_alone: those of them that are no logs. ended: set when all its files are closed."""

    def __init__(self, pattern: str, *, begin: str = "end") -> None:
        self.glob = FileGlob(pattern)
        self.begin = begin
        self.meter = Meter()
        self.ended = threading.Event()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nothing is known yet."""
        self.ended.clear()
        self.looked = False
        self.paths = 0
        self.unreadable = 0
        self.left_alone = 0
        self.gaps = 0
        self.error = ""
        self.fix = ""
        self.note = ""

    def show(self, paths: Sequence[LogPath], folders: Folders) -> None:
        """Take over how the paths are doing."""
        troubles = [path.trouble for path in paths if path.trouble is not None and not path.trouble.quiet]
        found = troubles[0] if troubles else None
        root_error = folders.unreadable.get(self.glob.root)
        if found is None and root_error is not None:
            found = trouble(self.glob.root, root_error)
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        self.paths = sum(path.there for path in paths)
        self.unreadable = len(troubles)
        self.left_alone = sum(
            bool(path.left_alone) or (path.trouble is not None and path.trouble.quiet) for path in paths
        )
        self.gaps = sum(path.gaps for path in paths)
        prefix = self.glob.root.rstrip("/") + "/"
        closed = [folder for folder in folders.unreadable if folder.startswith(prefix)]
        self.note = f"folders closed to hantu: {len(closed)}" if closed else ""
        self.error = found.reason + more if found is not None else ""
        self.fix = found.fix if found is not None else ""
        self.looked = True
