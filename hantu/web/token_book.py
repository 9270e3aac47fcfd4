"""The API tokens as requests show them."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from typing import Final

from hantu.service import Service, digest
from hantu.store.base import StoreError, Token
from hantu.threads import Worker

log = logging.getLogger(__name__)

TOKEN_TTL_S: Final = 5.0
TOUCH_EVERY_S: Final = 60.0
CONTROL_NAME: Final = "hantu command line"
CANARY: Final = "canary"
"""The scope of hantu's own line that looks whether lines arrive: it hands that in, and may nothing else."""


class TokenBook:
    """The API tokens, read from the store every TOKEN_TTL_S; notes their use once a minute."""

    def __init__(self, owner: Service) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._tokens: tuple[Token, ...] = ()
        self._read_at: float | None = None
        self._used: dict[str, int] = {}
        self._touched_at: float | None = None
        self._touching: Worker | None = None

    def find(self, secret: str) -> Token | None:
        """The token with this secret. An unknown one is looked for in the store itself: it may be new."""
        shown = digest(secret)
        if hmac.compare_digest(shown, digest(self._owner.control_token)):
            return self._control()
        if hmac.compare_digest(shown, digest(self._owner.canary_secret)):
            return Token(CANARY, CANARY, shown, 0)
        found = _with_digest(self._known(), shown)
        if found is None:
            self.forget()
            found = _with_digest(self._known(), shown)
        if found is not None:
            self._note(found.name)
        return found

    def knows(self, shown: bytes) -> bool:
        """Whether a token with this digest is good still."""
        return _with_digest((*self._known(), self._control()), shown) is not None

    def forget(self) -> None:
        """Read the tokens again at the next request."""
        with self._lock:
            self._read_at = None

    def _control(self) -> Token:
        return Token(CONTROL_NAME, "admin", digest(self._owner.control_token), 0)

    def _known(self) -> tuple[Token, ...]:
        now = time.monotonic()
        with self._lock:
            if self._read_at is None or now - self._read_at > TOKEN_TTL_S:
                self._tokens = self._owner.store.tokens()
                self._read_at = now
            return self._tokens

    def _note(self, name: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._used[name] = time.time_ns()
            busy = self._touching is not None and self._touching.alive
            if busy or (self._touched_at is not None and now - self._touched_at < TOUCH_EVERY_S):
                return
            self._touched_at = now
            # On its own thread: a request must not wait until the writer has its turn done.
            self._touching = Worker("token-uses", self._touch)
        self._touching.start()

    def _touch(self, _stop: threading.Event) -> None:
        with self._lock:
            used, self._used = self._used, {}
        try:
            self._owner.pipeline.with_store(lambda store: store.touch_tokens(used))
        except StoreError as error:
            log.info("the last use of tokens was not written down: %s", error)
            with self._lock:
                self._used = used | self._used


def _with_digest(tokens: tuple[Token, ...], shown: bytes) -> Token | None:
    """The token with this digest. Every one is compared, each in constant time."""
    found: Token | None = None
    for token in tokens:
        if hmac.compare_digest(shown, token.digest):
            found = token
    return found
