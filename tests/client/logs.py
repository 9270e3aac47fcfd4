"""Reads what the log library wrote to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hantu.client import lifecycle


class Logs:
    """The files of one log folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def text(self) -> str:
        """All text files, oldest first, with what waits in this process."""
        if lifecycle.current.desk is not None:
            lifecycle.current.desk.text.flush()
        return "".join(path.read_text("utf-8") for path in sorted(self.folder.glob("info/info_*.log")))

    @property
    def lines(self) -> list[str]:
        """The lines of the text files."""
        return self.text.splitlines()

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The objects of the error files, oldest first."""
        return [
            json.loads(line)
            for path in sorted(self.folder.glob("errors/error_*.json"))
            for line in path.read_text("utf-8").splitlines()
        ]

    def everything(self) -> bytes:
        """Every byte of every file in the folder, file names included."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return b"".join(path.name.encode() + b"\n" + path.read_bytes() for path in found)
