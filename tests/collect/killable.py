"""Collects from an engine into a database until it is killed: python -m tests.collect.killable DB HOST."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from hantu.store import open_store
from tests.collect.desk import Desk


def main() -> None:
    database, host = sys.argv[1:]
    with Desk({"DOCKER_HOST": host}, open_store(Path(database)), batch_ms=20) as desk:
        desk.watching()
        print("watching", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
