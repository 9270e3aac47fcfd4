"""Passwords: what is allowed as one, and argon2id."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST: Final = 8
MOST_BYTES: Final = 1024
# OWASP's second choice for argon2id: 20 ms on a small server, and 19 MiB of a machine that may have 1 GB.
# Source: OWASP Password Storage Cheat Sheet.
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
WAIT_S: Final = 3.0

_hasher: Final = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
_one_at_a_time: Final = threading.Lock()


class Busy(Exception):
    """So many passwords are being looked at that this one would wait too long."""


def check_password(password: str) -> None:
    """Raises ValueError for a password that is not allowed; the message says why."""
    if len(password) < LEAST:
        raise ValueError(f"a password has at least {LEAST} characters")
    if len(password.encode(errors="surrogatepass")) > MOST_BYTES:
        raise ValueError(f"a password has at most {MOST_BYTES:,} bytes")


def hash_password(password: str) -> str:
    """The argon2id PHC string of an allowed password. Raises ValueError, Busy."""
    check_password(password)
    with _turn():
        return _hasher.hash(_bytes(password))


def verify(password: str, known: str) -> bool:
    """Whether `known` is the PHC string of this password. Takes as long for "", which no password has.

    Raises Busy."""
    with _turn():
        try:
            fits = _hasher.verify(known or _nobodys(), _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return fits and known != ""


@contextmanager
def _turn() -> Iterator[None]:
    # Each takes 19 MiB: a crowd of guesses must not take the machine's memory.
    if not _one_at_a_time.acquire(timeout=WAIT_S):
        raise Busy("too many sign-ins at once; try again in a moment")
    try:
        yield
    finally:
        _one_at_a_time.release()


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")[: MOST_BYTES + 1]


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """Compared with when there is no such account, so that the time does not tell."""
    return _hasher.hash(secrets.token_bytes(16))
