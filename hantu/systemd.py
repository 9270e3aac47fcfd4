"""What a service tells systemd, and what systemd gives it. Source: sd_notify(3), sd_watchdog_enabled(3),
systemd.exec(5) "Credentials"."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = ("WATCHDOG_USEC", "WATCHDOG_PID")
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
_PREFIX: Final = "hantu."


class Notifier:
    """Sends the service's state to systemd; does nothing where nobody listens.

    address: of systemd's socket, "" for none. watchdog_s: seconds without alive() after which systemd
    ends the service, None when it does not watch."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> Notifier:
        """The one that systemd asks for. Its variables leave the environment: they are this process's
        and its worker's, not those of gunicorn (it would call itself ready before the worker is) or of
        programs that hantu starts."""
        address = environ.pop(_SOCKET, "")
        usec, pid = (environ.pop(name, "") for name in _WATCHDOG)
        watched = usec.isdigit() and int(usec) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(usec) / 1e6 if watched else None)

    def ready(self, status: str) -> None:
        """The service answers. status: a line for `systemctl status`."""
        self._send(f"READY=1\nSTATUS={status}")

    def busy(self, status: str, *, seconds: int) -> None:
        """The start goes on: systemd shall wait for so many seconds more from now."""
        self._send(f"STATUS={status}\nEXTEND_TIMEOUT_USEC={seconds * 10**6}")

    def status(self, status: str) -> None:
        """A line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service began to end."""
        self._send("STOPPING=1\nSTATUS=writing what waits")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A systemd that does not take it will see by itself; the service goes on.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(self._address)
            sender.send(state.encode())


def credential(name: str, environ: Mapping[str, str]) -> str | None:
    """The text of LoadCredential=hantu.NAME without its line end, None when systemd gave none."""
    folder = environ.get(_CREDENTIALS)
    if not folder:
        return None
    try:
        return Path(folder, _PREFIX + name).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
