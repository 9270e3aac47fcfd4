"""Where a request comes from: the connection's other end, or what a trusted proxy says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from flask import Request

from hantu.config import Config

# A proxy on this machine makes every visitor look local; these headers give it away.
PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Peer:
    """address: of who asks, "" when it cannot be told. scheme: http or https, as the browser sees it.
    local: a program on this machine, not through a proxy. trusted: through one of trusted_proxies."""

    address: str
    scheme: str
    local: bool
    trusted: bool


def peer_of(asked: Request, config: Config) -> Peer:
    """Where the request comes from. What headers say counts from trusted proxies alone."""
    nearest = _address(asked.environ.get("REMOTE_ADDR", ""))
    trusted = nearest is not None and _within(nearest, config.trusted_proxies)
    proto = asked.headers.get("X-Forwarded-Proto")
    scheme = asked.scheme
    if proto is not None:
        scheme = "https" if trusted and proto.rpartition(",")[2].strip().lower() == "https" else "http"
    address = nearest
    if trusted:
        address = _visitor(asked.headers.get("X-Forwarded-For", ""), config.trusted_proxies) or nearest
    proxied = any(name in asked.headers for name in PROXY_HEADERS)
    return Peer(
        "" if address is None else str(address),
        {"ws": "http", "wss": "https"}.get(scheme, scheme),
        nearest is not None and nearest.is_loopback and not proxied,
        trusted,
    )


def _visitor(forwarded: str, proxies: tuple[str, ...]) -> Address | None:
    """The last address that no trusted proxy has: what stands before it, anybody may have written."""
    for text in reversed(forwarded.split(",")):
        address = _address(text.strip())
        if address is None:
            return None
        if not _within(address, proxies):
            return address
    return None


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _within(address: Address, networks: Iterable[str]) -> bool:
    return any(address in _network(each) for each in networks)


@lru_cache(maxsize=256)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)
