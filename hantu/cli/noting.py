"""The audit trail for what a command does itself."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Final

import click

from hantu.cli.context import Desk, ServiceError
from hantu.store import open_store
from hantu.store.account_base import Act
from hantu.store.base import LogStorage, StoreError

ACTOR: Final = "hantu command line"
ABOUT_MOST: Final = 500


def note(store: LogStorage, act: str, about: str = "", /, **detail: Any) -> None:
    """Note what was done, to what, by which user of this machine. Raises StoreError."""
    store.add_act(Act(time.time_ns(), ACTOR, "", act, about, {**detail, "user": user_of_machine()}))


def user_of_machine() -> str:
    """Who runs this command."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or str(os.getuid())


def note_backup(desk: Desk, file: str, entries: int) -> None:
    """Note a backup, by way of the running service or in the file. One that cannot be noted is made all the
    same: that is said."""
    try:
        control = desk.control()
        if control is not None:
            told = {"file": file[-ABOUT_MOST:], "entries": entries, "user": user_of_machine()}
            control.call("POST", "/api/backups", json.dumps(told).encode())
            return
        database = desk.config.database
        # For reading first, which refuses a file of an older version: a backup must not make it anew.
        open_store(database, read_only=True).close()
        store = open_store(database)
        try:
            note(store, "backup made", file, entries=entries)
        finally:
            store.close()
    except (StoreError, ServiceError) as error:
        click.echo(f"the audit trail does not tell of this backup: {error}", err=True)
