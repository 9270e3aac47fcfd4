"""The ways that canaries take: a journal, a file of their own, hantu's own address."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hantu.service.canary import Absent, CanaryError

JOURNAL_SOCKET: Final = Path("/run/systemd/journal/socket")
IDENTIFIER: Final = "hantu-canary"
FILE_BYTES_MOST: Final = 64 * 1024
"""The file begins anew from here on: some 1,000 lines, a week."""
ANSWER_S: Final = 40.0
"""POST /api/ingest answers within 30 s, or says that the commit takes long."""
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound: where to connect to


class JournalWay:
    """Writes into a journal as debug (systemd.journal-fields; "Native Journal Protocol").

    reads: whether it is being read; a person may have stopped that."""

    def __init__(self, path: Path = JOURNAL_SOCKET, *, reads: Callable[[], bool] = lambda: True) -> None:
        self._path = path
        self._reads = reads

    def __call__(self, line: str) -> None:
        """Raises Absent when there is no journal to write to, and when nobody reads it."""
        if not self._reads():
            raise Absent("the journal is not read")
        text = f"MESSAGE={line}\nPRIORITY=7\nSYSLOG_IDENTIFIER={IDENTIFIER}\n"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.settimeout(1.0)
                sending.sendto(text.encode(), str(self._path))
        except OSError as error:
            raise Absent(str(error)) from error


class FileWay:
    """Writes to a file that is there for this alone and stays small."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, line: str) -> None:
        """Raises CanaryError."""
        try:
            self._append(line)
        except OSError as error:
            raise CanaryError(f"the file of its own cannot be written ({error.strerror})") from error

    def _append(self, line: str) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            if os.fstat(descriptor).st_size > FILE_BYTES_MOST:
                os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)


class IngestWay:
    """Posts to hantu's own address, as a program does.

    url: where it answers, "" when it does not; secret: what it knows the canary by."""

    def __init__(self, url: Callable[[], str], secret: str) -> None:
        self._url = url
        self._secret = secret

    def __call__(self, line: str) -> None:
        """Raises Absent, CanaryError."""
        parts = urlsplit(self._url())
        if not parts.hostname:
            raise Absent("hantu answers nowhere")
        # Not through a proxy that the environment may name: it is this process that is asked.
        connection = http.client.HTTPConnection(
            _ANYWHERE.get(parts.hostname, parts.hostname), parts.port, timeout=ANSWER_S
        )
        headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
        body = json.dumps([{"message": line, "level": "debug", "sourceId": IDENTIFIER}])
        try:
            connection.request("POST", "/api/ingest", body, headers)
            answer = connection.getresponse()
            said = answer.read(1_000)
        except http.client.HTTPException as error:
            raise CanaryError(f"its own address gave no HTTP answer ({type(error).__name__})") from error
        except OSError as error:
            raise CanaryError(f"its own address does not answer ({error.strerror or error})") from error
        finally:
            connection.close()
        if answer.status == 200:
            return
        told = _told(said)
        if told:
            raise CanaryError(told)
        raise CanaryError(f"its own address answered HTTP {answer.status}")


def _told(said: bytes) -> str:
    """The sentence of a refusal, "" when there is none."""
    try:
        return str(json.loads(said)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
