"""A later version of hantu: the file for hosts with Python, unpacked, with one migration more."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hantu.store.sqlite.migrate import VERSION
from tests.install.machine import Machine

NEXT_SCHEMA: Final = VERSION + 1
MIGRATION: Final = (
    "CREATE TABLE parcel (entries INTEGER NOT NULL) STRICT;"
    " INSERT INTO parcel (entries) SELECT value FROM meta WHERE name = 'cursor';"
)
_LAUNCHER: Final = """#!/usr/bin/python3 -I
import sys
sys.path.insert(0, {folder!r})
from hantu.cli.entry import main
main()
"""


def next_version(machine: Machine, build: str, *, works: bool) -> str:
    """Put a next version on the machine; returns its command.

    build: its id. works: whether it starts; one that does not brings the database to its format first."""
    folder = f"/root/next-{build}"
    machine.run("sh", "-c", f"/dist/hantu --version && cp -a /root/.shiv/*/site-packages {folder}")
    modules = machine.root / folder.lstrip("/")
    (modules / "hantu/files/build-id").write_text(f"{build}\n")
    change(
        modules / "hantu/store/sqlite/migrate.py",
        "\nVERSION: Final",
        f"\nMIGRATIONS = (*MIGRATIONS, {MIGRATION!r})\nVERSION: Final",
    )
    if not works:
        change(
            modules / "hantu/serve.py",
            "    _check_port(config)\n",
            '    raise ServeError("this version is broken")\n',
        )
    command = modules / "run"
    command.write_text(_LAUNCHER.format(folder=folder))
    command.chmod(0o755)
    return f"{folder}/run"


def change(file: Path, old: str, new: str) -> None:
    """Change the one place of a file that says so."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} says {old!r} {text.count(old)} times"
    file.write_text(text.replace(old, new), encoding="utf-8")
