"""Addresses of servers, taken apart; loaded without the modules that talk to them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit


class Address(NamedTuple):
    """Scheme, host, port and path prefix of a server."""

    secure: bool
    host: str
    port: int
    prefix: str

    @property
    def place(self) -> str:
        """Host and port: what may be shown."""
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """The address in an http:// or https:// URL. Raises ValueError, never with the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("is no http:// or https:// address with a host")
    secure = parts.scheme == "https"
    return Address(secure, host, port or (443 if secure else 80), parts.path.rstrip("/"))
