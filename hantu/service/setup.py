"""The one-time set-up link, and the API tokens that programs use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from hantu.pipeline import Pipeline
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
    """A link that works once, printed at the start as long as there is no token yet."""

    def __init__(self, store: LogStorage, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._secret = "" if store.tokens() else secrets.token_urlsafe(16)

    @property
    def open(self) -> bool:
        """Whether the link can still be used."""
        return bool(self._secret)

    @property
    def token(self) -> str:
        """The link's own secret, "" when it is used up."""
        return self._secret

    def check(self, token: str) -> bool:
        """Whether `token` is the open link's."""
        return self.open and hmac.compare_digest(token.encode(), self._secret.encode())

    def finish(self, token: str) -> str:
        """Use the link up: makes the first admin token and returns it. Raises ValueError."""
        if not self.check(token):
            raise ValueError(
                "this link was used already or is not right; "
                "make a token with: hantu token create NAME --scope admin"
            )
        secret = self._pipeline.with_store(lambda store: new_token(store, "setup", "admin"))
        self._secret = ""
        return secret
