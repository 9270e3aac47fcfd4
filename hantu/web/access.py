"""Who may ask: Host, address, origin and token of every request (RELIABILITY §3, S1–S3)."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import shlex
import threading
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request

from hantu.config import Config
from hantu.service import Service, digest
from hantu.store.base import StoreError, Token
from hantu.threads import Worker
from hantu.web.command import NAME, command
from hantu.web.current import service
from hantu.web.errors import ApiError

log = logging.getLogger(__name__)

TOKEN_TTL_S: Final = 5.0
TOUCH_EVERY_S: Final = 60.0
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
RUN: Final = "/api/executions/<execution_id>"
INGEST_ROUTES: Final = frozenset(
    {
        ("POST", "/api/ingest"),
        ("POST", "/api/executions"),
        ("PATCH", RUN),
        ("POST", f"{RUN}/heartbeat"),
        ("POST", f"{RUN}/artifacts"),
        ("PUT", "/api/artifacts/<artifact_id>/content"),
    }
)
"""What a token with scope ingest may do: hand in, never look."""
HEALTH_PATH: Final = "/healthz"
CONTROL_NAME: Final = "hantu command line"
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
# A proxy on this machine makes every visitor look local; these headers give it away.
PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP")

CSP: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

SCOPES: Final = "--scope ingest|read|admin"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. name: of the token, "" without one. scope: `ingest`, `read`, `admin`, or `local` for
    someone on this machine without a token. local: the request came from this machine. account: who
    signed in, "" for programs and for a hantu without accounts."""

    name: str
    scope: str
    local: bool
    account: str = ""

    @property
    def by_token(self) -> bool:
        """Whether a token was shown, and was right."""
        return self.scope != "local"


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
            return Token(CONTROL_NAME, "admin", shown, 0)
        found = _with_digest(self._known(), shown)
        if found is None:
            self.forget()
            found = _with_digest(self._known(), shown)
        if found is not None:
            self._note(found.name)
        return found

    def forget(self) -> None:
        """Read the tokens again at the next request."""
        with self._lock:
            self._read_at = None

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


def register(app: Flask, book: TokenBook) -> None:
    """Check every request before its view, and set the security headers after it."""
    app.extensions["hantu.tokens"] = book

    @app.before_request
    def guard() -> None:
        g.client = admit(request, service().config, book)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def client() -> Client:
    """Who asks in the current request."""
    found: Client = g.client
    return found


def token_book() -> TokenBook:
    """The tokens of the current application."""
    book: TokenBook = current_app.extensions["hantu.tokens"]
    return book


def require_admin() -> None:
    """Go on for a token with scope admin; tokens are not made by whoever can open a page."""
    asker = client()
    if asker.scope != "admin":
        shell = _command(service().config, "token", local=asker.local)
        raise ApiError(403, f"this takes a token with scope admin, or the command line: {shell} …")


def admit(asked: Request, config: Config, book: TokenBook) -> Client:
    """The client of this request. Raises ApiError when it may not ask this."""
    local = _is_local(asked)
    token = _token(asked, book)
    if token is not None:
        _check_scope(asked, config, token.scope)
        return Client(token.name, token.scope, local)
    _check_host(asked, config)
    if not local and asked.path != HEALTH_PATH:
        raise ApiError(
            403, f"without a token hantu answers only on its own machine; {_make_one(asked, config)}"
        )
    _check_site(asked, config)
    return Client("", "local", local)


def _command(config: Config, *words: str, local: bool) -> str:
    """What to type; only this machine is told where its files lie."""
    return command(config, *words) if local else shlex.join((NAME, *words))


def _make_one(asked: Request, config: Config) -> str:
    make = _command(config, "token", "create", "NAME", local=_is_local(asked))
    return f"make one with `{make} {SCOPES}` and send it as `Authorization: Bearer TOKEN`"


def _token(asked: Request, book: TokenBook) -> Token | None:
    """The token shown, None when none was. Raises ApiError for one that is not right."""
    kind, _, secret = asked.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    token = book.find(secret.strip())
    if token is None:
        raise ApiError(
            401,
            "this token is unknown or was revoked; see `hantu token list`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token


def _check_scope(asked: Request, config: Config, scope: str) -> None:
    if scope == "admin":
        return
    rule = "" if asked.url_rule is None else asked.url_rule.rule
    if scope == "ingest" and (asked.method, rule) in INGEST_ROUTES:
        return
    if scope == "read" and asked.method in SAFE_METHODS:
        return
    make_one = _make_one(asked, config)
    raise ApiError(403, f"a token with scope {scope} may not {asked.method} {asked.path}; {make_one}")


def _check_host(asked: Request, config: Config) -> None:
    """Refuse names that are not ours: a page of another site may have pointed its own name at this
    machine (DNS rebinding)."""
    name = host_name(asked.headers.get("Host", ""))
    known = LOCAL_NAMES | {_bracketed(config.host)} | {_bracketed(host) for host in config.allowed_hosts}
    if name not in known:
        raise ApiError(
            421,
            f"hantu does not answer as {name or 'a host without name'}; see the setting allowed_hosts",
        )


def _bracketed(host: str) -> str:
    host = host.strip().lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port; IPv6 in brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")


def _is_local(asked: Request) -> bool:
    if any(name in asked.headers for name in PROXY_HEADERS):
        return False
    try:
        address = ipaddress.ip_address(asked.environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _check_site(asked: Request, config: Config) -> None:
    """Refuse what a page of another site makes the browser send."""
    origin = asked.headers.get("Origin")
    site = asked.headers.get("Sec-Fetch-Site")
    opens_socket = "websocket" in asked.headers.get("Upgrade", "").lower()
    if opens_socket or asked.method not in SAFE_METHODS:
        if origin is not None:
            if not same_origin(origin, asked):
                raise ApiError(403, "this request comes from a page of another site", code="cross_origin")
            return
        if opens_socket or site != "same-origin":
            make_one = _make_one(asked, config)
            raise ApiError(403, f"a program needs a token for this; {make_one}", code="token_needed")
        return
    # Reading is safe from other sites by the browser's own rule, but would cost a search or a tail.
    if site in ("cross-site", "same-site") and asked.headers.get("Sec-Fetch-Mode") != "navigate":
        raise ApiError(403, "this request comes from a page of another site", code="cross_origin")


def same_origin(origin: str, asked: Request) -> bool:
    """Whether an Origin header names the scheme, host and port that the request was sent to."""
    ours = _origin_parts(f"{asked.scheme}://{asked.headers.get('Host', '')}")
    return ours is not None and _origin_parts(origin) == ours


def _origin_parts(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path not in ("", "/") or parts.username is not None:
        return None
    # Behind the WebSocket's own scheme names the page's origin is still http(s).
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https"):
        return None
    return scheme, parts.hostname, port or (443 if scheme == "https" else 80)
