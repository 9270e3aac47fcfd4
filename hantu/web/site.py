"""Which names hantu answers to, and whether a request comes from one of its own pages (S1–S3)."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from flask import Request

from hantu.config import Config
from hantu.web.errors import ApiError
from hantu.web.peer import Peer

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  compared with, not listened on


def check_host(asked: Request, config: Config) -> None:
    """Refuse names that are not ours: a page of another site may have pointed its own name at this
    machine (DNS rebinding)."""
    name = host_name(asked.headers.get("Host", ""))
    known = LOCAL_NAMES | {_bracketed(config.host)} | {_bracketed(host) for host in config.allowed_hosts}
    if config.public_url:
        known |= {_bracketed(urlsplit(config.public_url).hostname or "")}
    # No name can be pointed elsewhere where there is none.
    if name in known or (config.host in EVERY_ADDRESS and _is_address(name)):
        return
    raise ApiError(
        421,
        f"hantu does not answer as {name or 'a host without name'}; see the setting allowed_hosts",
    )


def check_site(asked: Request, peer: Peer, *, make_one: str) -> None:
    """Refuse what a page of another site makes the browser send. make_one: how to get a token."""
    origin = asked.headers.get("Origin")
    site = asked.headers.get("Sec-Fetch-Site")
    opens_socket = "websocket" in asked.headers.get("Upgrade", "").lower()
    if opens_socket or asked.method not in SAFE_METHODS:
        if origin is not None:
            if not same_origin(origin, asked, peer):
                raise ApiError(403, _why_not(origin, asked), code="cross_origin")
            return
        if opens_socket or site != "same-origin":
            raise ApiError(403, f"a program needs a token for this; {make_one}", code="token_needed")
        return
    # Reading is safe from other sites by the browser's own rule, but would cost a search or a tail.
    if site in ("cross-site", "same-site") and asked.headers.get("Sec-Fetch-Mode") != "navigate":
        raise ApiError(403, "this request comes from a page of another site", code="cross_origin")


def same_origin(origin: str, asked: Request, peer: Peer) -> bool:
    """Whether an Origin header names the scheme, host and port that the request was sent to."""
    ours = _origin_parts(f"{peer.scheme}://{asked.headers.get('Host', '')}")
    return ours is not None and _origin_parts(origin) == ours


def _why_not(origin: str, asked: Request) -> str:
    theirs = _origin_parts(origin)
    if theirs is not None and theirs == _origin_parts(f"https://{asked.headers.get('Host', '')}"):
        return (
            "this page was opened by https, but hantu was asked by http: "
            "name the address of the proxy between them in the setting trusted_proxies"
        )
    return "this request comes from a page of another site"


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port; IPv6 in brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    host = host.strip().lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _origin_parts(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path not in ("", "/") or parts.username is not None:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
