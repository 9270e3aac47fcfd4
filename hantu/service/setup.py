"""The one-time set-up link of the first account, and the API tokens that programs use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from hantu.service.accounts import Accounts, Entrance
from hantu.store.base import LogStorage, Token

TOKEN_PREFIX = "hantu_"  # noqa: S105  it names the kind of text, it is no secret
SCOPES = ("ingest", "read", "admin")


def digest(secret: str) -> bytes:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def new_token(store: LogStorage, name: str, scope: str) -> str:
    """Make and store a token; returns the secret, which is shown once and never again.

    Raises ValueError for an unknown scope or an empty name, StoreError when the name is taken."""
    if scope not in SCOPES:
        raise ValueError(f"unknown scope {scope!r}; use one of {', '.join(SCOPES)}")
    if not name.strip() or len(name) > 100:
        raise ValueError("a token needs a name of 1 to 100 characters")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    store.add_token(Token(name.strip(), scope, digest(secret), time.time_ns()))
    return secret


class SetupLink:
    """A link that works once, printed at the start as long as nobody has an account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._secret = secrets.token_urlsafe(16)

    @property
    def open(self) -> bool:
        """Whether the link can still be used."""
        return bool(self._secret) and not self._accounts.exist

    @property
    def token(self) -> str:
        """The link's own secret, "" when it is used up."""
        return self._secret if self.open else ""

    def check(self, token: str) -> bool:
        """Whether `token` is the open link's."""
        return self.open and hmac.compare_digest(
            token.encode(errors="surrogatepass"), self._secret.encode()
        )

    def finish(self, token: str, name: str, password: str, *, address: str, agent: str) -> Entrance:
        """Use the link up: makes the first account, an admin, and signs it in.

        Raises ValueError for a link that is not right, a name or a password that is not allowed."""
        if not self.check(token):
            raise ValueError(
                "this link was used already or is not right; set a password with: hantu passwd"
            )
        entrance = self._accounts.begin_with(name, password, address=address, agent=agent)
        self._secret = ""
        return entrance
