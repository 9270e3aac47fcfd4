"""Reads a file of which some reads fail (test_files_unreadable.py), and prints what was stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hantu.collect.files.ledger import Patience
from hantu.query.logquery import LogQuery
from tests.collect.filedesk import FileDesk, write

ROUNDS = 40
LINES = 25


def main(folder: Path) -> None:
    """40 times 25 lines, 5 s of the desk's clock after each."""
    path = folder / "app.log"
    path.touch()
    desk = FileDesk(folder, patience=Patience(failing_s=20.0))
    desk.settle()
    troubles = set()
    for number in range(ROUNDS):
        write(path, *(f"line {number * LINES + at:06}" for at in range(LINES)))
        desk.settle(5)
        troubles.add(desk.watches[0].error)
    desk.settle(30)
    gaps = [
        entry.metadata["gap"] for entry in desk.store.export(LogQuery()) if "gap" in (entry.metadata or {})
    ]
    found = {"messages": desk.messages(), "gaps": gaps, "troubles": sorted(troubles)}
    json.dump({**found, "now": desk.watches[0].error}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
