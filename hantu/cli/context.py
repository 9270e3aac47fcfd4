"""What every command shares: the configuration, the store, the running service, and output."""

from __future__ import annotations

import datetime
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import click

from hantu.client.levels import ERROR
from hantu.client.stdio import is_journal, with_priority
from hantu.config import Config, Loaded
from hantu.store import open_store
from hantu.store.base import LogStorage, StoreError

T = TypeVar("T")
STDERR_FD: Final = 2
FAILED: Final = 1
WRONG_USE: Final = 2
HTTP_TIMEOUT_S: Final = 60.0
LISTENS_S: Final = 5.0
SAY_S: Final = 2.0


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command with a sentence on stderr, at the priority of an error when the journal reads it."""
    text = f"hantu: {message}"
    click.echo(with_priority(text, ERROR) if is_journal(STDERR_FD) else text, err=True)
    sys.exit(code)


def local_zone() -> datetime.tzinfo:
    """The operator's zone, as this machine has it."""
    zone = datetime.datetime.now().astimezone().tzinfo
    return zone if zone is not None else datetime.UTC


class ServiceError(Exception):
    """The running service refused or failed; the message is its own."""


@dataclass(frozen=True, slots=True)
class Control:
    """The way to the service that runs on this machine over the same data folder."""

    url: str
    token: str
    pid: int

    def call(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Any:
        """The decoded JSON answer. Raises ServiceError with the service's own message."""
        request = urllib.request.Request(  # noqa: S310  the URL is the control file's, always http
            self.url + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ServiceError(_message(error)) from error
        except (OSError, ValueError) as error:
            raise ServiceError(f"the service at {self.url} did not answer: {error}") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"


@dataclass(frozen=True, slots=True)
class Desk:
    """The configuration a command was started with."""

    loaded: Loaded
    as_json: bool = False

    @property
    def config(self) -> Config:
        """The settings."""
        return self.loaded.config

    def with_json(self, as_json: bool) -> Desk:
        """This desk, printing JSON when asked before or after the command's name."""
        return Desk(self.loaded, as_json or self.as_json)

    def read_store(self) -> LogStorage:
        """The store, for reading; works with the service up or down."""
        database = self.config.database
        self._need_database(database)
        try:
            return open_store(database, read_only=True)
        except StoreError as error:
            fail(str(error))

    def ask(self, question: Callable[[LogStorage], T]) -> T:
        """The store's answer to a question; ends the command with a sentence when there is none."""
        store = self.read_store()
        try:
            return question(store)
        except StoreError as error:
            fail(str(error))
        finally:
            store.close()

    def write_store(self) -> LogStorage:
        """The store, for writing; only with the service down."""
        self.config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return open_store(self.config.database, progress=_Anew())
        except StoreError as error:
            fail(str(error))

    def control(self) -> Control | None:
        """The running service, None when there is none."""
        path = self.config.control_file
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            control = Control(str(found["url"]), str(found["token"]), int(found["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return control if _alive(control.pid) and _listens(control.url) else None

    def need_control(self) -> Control:
        """The running service; ends the command when there is none."""
        control = self.control()
        if control is None:
            fail(f"no service runs over {self.config.data_dir}; start it with: hantu serve")
        return control

    def _need_database(self, database: Path) -> None:
        try:
            there = database.is_file()
        except PermissionError:
            fail(f"you may not read {database}; try: sudo hantu …")
        if not there:
            fail(
                f"there is no {database} yet; start the service with: hantu serve "
                "(or name its folder: --data-dir)"
            )
        if not os.access(database, os.R_OK):
            fail(f"you may not read {database}; try: sudo hantu …")


class _Anew:
    """Says on stderr how far it got when a file of an older version is made anew."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + SAY_S
            share = 100 * done // total if total else 100
            click.echo(f"making the database anew in a smaller format: {share} %", err=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _listens(url: str) -> bool:
    """Whether anybody answers there: what a killed service left behind names a process id that
    another program may have by now, as after a restart of the machine."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=LISTENS_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def human_bytes(size: float) -> str:
    """1.5 GB, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def query_args(
    text: str,
    *,
    since: str | None,
    until: str | None,
    level: str | None,
    source: tuple[str, ...],
    trace_id: str | None,
) -> Mapping[str, list[str]]:
    """Command options as the URL's arguments, so that one parser reads both."""
    if trace_id:
        quoted = trace_id.replace('"', "")
        text = f'{text} trace:"{quoted}"'.strip()
    given: dict[str, list[str | None]] = {
        "q": [text],
        "since": [since],
        "until": [until],
        "minLevel": [level],
        "sources": list(source),
    }
    return {name: kept for name, values in given.items() if (kept := [value for value in values if value])}
