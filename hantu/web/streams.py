"""Answers that go on: a client that stops reading must not hold a thread for ever."""

from __future__ import annotations

import socket
import struct
from typing import Any, Final

SEND_LIMIT_S: Final = 10
_TIMEVAL: Final = struct.Struct("ll")


def client_socket(environ: dict[str, Any]) -> socket.socket | None:
    """The connection of a request, None under a server that does not tell."""
    found = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return found if isinstance(found, socket.socket) else None


def bound_sends(environ: dict[str, Any], limit_s: float = SEND_LIMIT_S) -> None:
    """Let every send on the request's connection fail when nothing was taken for limit_s seconds.

    The kernel does this (socket(7), SO_SNDTIMEO), so it holds for the server's own writes, too."""
    connection = client_socket(environ)
    if connection is not None:
        whole = int(limit_s)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL.pack(whole, int((limit_s - whole) * 1_000_000))
        )
