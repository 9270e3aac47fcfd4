"""Telling a program by HTTP: one POST to an address that a client named, under rules of its own.

Whoever may report executions chooses the address, so it is not trusted: the machine's own and private
networks are where receivers live and are allowed, addresses that only routers and clouds answer at are not;
the name is resolved once and that very address is connected to; redirects are not followed, proxies of the
environment not used, and nothing of the answer but its status is looked at."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import hmac
import http.client
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

LIMIT_S: Final = 5.0
"""For all of it: resolving the name, connecting, sending, the head of the answer."""
SIGNATURE: Final = "X-Hantu-Signature"
TIMESTAMP: Final = "X-Hantu-Timestamp"


class CallbackError(Exception):
    """It was not taken; says why, never where: an address may hold a secret. answered: with a status."""

    def __init__(self, reason: str, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.answered = answered


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What X-Hantu-Signature says: HMAC-SHA256 over `timestamp.body`."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def post_callback(
    url: str,
    body: bytes,
    *,
    secret: str,
    hosts: Sequence[str],
    agent: str,
    now_s: int,
    limit_s: float = LIMIT_S,
) -> None:
    """POST a JSON body. secret: "": without a signature. hosts: names that may be called, * for any
    characters. agent: User-Agent. now_s: what the timestamp says.

    Raises CallbackError unless the answer is 2xx."""
    host = urlsplit(url).hostname or ""
    if not any(fnmatch.fnmatchcase(host.lower(), allowed.lower()) for allowed in hosts):
        raise CallbackError("its host is not one of callback_hosts")
    headers = {"Content-Type": "application/json", "User-Agent": agent, TIMESTAMP: str(now_s)}
    if secret:
        headers[SIGNATURE] = signature(secret, str(now_s), body)
    until = time.monotonic() + limit_s
    try:
        status = _exchange(url, body, headers, until)
    except TimeoutError:
        raise CallbackError(f"it did not answer within {limit_s:g} s") from None
    except socket.gaierror:
        raise CallbackError("its name cannot be resolved") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallbackError(_reason(error)) from None
    if not 200 <= status < 300:
        raise CallbackError(f"it answered {status}", answered=True)


def _exchange(url: str, body: bytes, headers: dict[str, str], until: float) -> int:
    """The status of the answer."""
    parts = urlsplit(url)
    host, port, secure = parts.hostname or "", parts.port, parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port or (443 if secure else 80))
    held = _connected(host, connection.port, until)
    with contextlib.closing(connection):
        try:
            if secure:
                held.settimeout(_left(until))
                held = ssl.create_default_context().wrap_socket(held, server_hostname=host)
        except BaseException:
            held.close()
            raise
        connection.sock = held
        held.settimeout(_left(until))
        connection.request("POST", target, body, {**headers, "Connection": "close"})
        held.settimeout(_left(until))
        return connection.getresponse().status


def _connected(host: str, port: int, until: float) -> socket.socket:
    """A connection to the first address of the name that may be called and answers. Raises OSError,
    CallbackError."""
    failed: OSError | None = None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if is_allowed(str(each[4][0]))]
    if not allowed:
        raise CallbackError("its address is none that may be called: link-local, multicast or reserved")
    for family, kind, protocol, _, address in allowed:
        held = socket.socket(family, kind, protocol)
        try:
            held.settimeout(_left(until))
            held.connect(address)
        except OSError as error:
            held.close()
            failed = error
        else:
            return held
    raise failed or OSError("there is no address")


def is_allowed(address: str) -> bool:
    """Whether an IP address may be called: public ones, private networks and this machine itself.

    Not link-local ones, at which clouds hand out their keys (169.254.169.254)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    within = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None) or found
    if within.is_loopback:
        return True
    return not (
        within.is_link_local or within.is_multicast or within.is_unspecified or within.is_reserved
    ) and str(within) not in ("255.255.255.255", "fd00:ec2::254")


def _left(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not right: {error.verify_message}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return f"the answer is no HTTP ({type(error).__name__})"
