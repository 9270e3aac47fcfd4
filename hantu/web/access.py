"""Who may ask: token, session, proxy or this machine, and what each may do (RELIABILITY §3, S1–S3, S15)."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from flask import Flask, Request, Response, current_app, g, has_request_context, request

from hantu.config import Config
from hantu.roles import Role
from hantu.service import SCOPES, Service
from hantu.store.base import Token
from hantu.web.command import NAME, command
from hantu.web.current import service
from hantu.web.errors import PROGRAM_PATHS, ApiError, refusal
from hantu.web.peer import Peer, peer_of
from hantu.web.rights import right_of
from hantu.web.site import SAFE_METHODS, check_host, check_site
from hantu.web.token_book import CANARY, CONTROL_NAME, TokenBook

__all__ = ["CONTROL_NAME", "Client", "TokenBook", "client", "register", "token_book"]

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
OPEN_PATHS: Final = frozenset({HEALTH_PATH, "/login", "/setup"})
"""What is answered to those who did not sign in, besides static files."""

LOCAL: Final = "local"
ACCOUNT: Final = "account"
NOBODY: Final = ""

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

SCOPE_WORDS: Final = "--scope ingest|read|admin"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. name: of the token or the account, "" without both. scope: `ingest`, `read`, `admin` of a
    token; `canary` for hantu itself (token_book.CANARY); `account` for who signed in; `local` for someone
    on this machine without a token, as long as there are no accounts; "" for nobody known. local: the
    request came from this machine. account: who signed in, "" for all others. role: of an account; what
    others may do is like that of a role.
    digest: of the session or the token. address: where it comes from."""

    name: str
    scope: str
    local: bool
    account: str = ""
    role: Role | None = None
    digest: bytes = b""
    address: str = ""
    scheme: str = "http"

    @property
    def by_token(self) -> bool:
        """Whether a token was shown, and was right."""
        return self.scope in SCOPES

    @property
    def known(self) -> bool:
        """Whether pages may be shown: somebody signed in, a token, or this machine without accounts."""
        return self.scope != NOBODY

    @property
    def actor(self) -> str:
        """How the audit trail calls it."""
        if self.by_token and self.name != CONTROL_NAME:
            return f"token {self.name}"
        return self.name

    def may(self, role: Role) -> bool:
        """Whether it may do what takes this role."""
        return self.role is not None and self.role.covers(role)


class SignInNeeded(ApiError):
    """Nobody has signed in."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "sign in first, or send a token as `Authorization: Bearer TOKEN`",
            headers={"WWW-Authenticate": "Bearer"},
        )


def register(app: Flask, book: TokenBook) -> None:
    """Check every request before its view, and set the security headers after it."""
    app.extensions["hantu.tokens"] = book
    app.register_error_handler(SignInNeeded, _lead_to_login)

    @app.before_request
    def guard() -> None:
        admit(request, service(), book)

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


def shown_to() -> Client | None:
    """Who a page is shown to, None when nobody is known, as on a refusal."""
    found: Client | None = g.get("client") if has_request_context() else None
    return found if found is not None and found.known else None


def token_book() -> TokenBook:
    """The tokens of the current application."""
    book: TokenBook = current_app.extensions["hantu.tokens"]
    return book


def still_welcome(asker: Client) -> Callable[[], bool]:
    """Whether the session or token that began a long answer is good still: for live tails."""
    desk, book = service(), token_book()
    if asker.scope == ACCOUNT and asker.digest:
        return lambda: desk.accounts.alive(asker.digest)
    if asker.by_token:
        return lambda: book.knows(asker.digest)
    if asker.scope == LOCAL:
        return lambda: not is_guarded(desk)
    return lambda: True


def is_guarded(desk: Service) -> bool:
    """Whether pages are for those who sign in."""
    return desk.accounts.exist or bool(desk.config.proxy_login_header and desk.config.trusted_proxies)


def require_admin() -> None:
    """Go on for an admin or a token with scope admin; tokens are not made by whoever can open a page."""
    asker = client()
    if asker.scope == LOCAL or not asker.may(Role.ADMIN):
        shell = _command(service().config, "token", local=asker.local)
        raise ApiError(
            403, f"this takes an admin, a token with scope admin, or the command line: {shell} …"
        )


def admit(asked: Request, desk: Service, book: TokenBook) -> None:
    """Note the client of this request. Raises ApiError when it may not ask this."""
    config = desk.config
    peer = peer_of(asked, config)
    token = _token(asked, book)
    if token is not None:
        role = {"admin": Role.ADMIN, "read": Role.VIEWER}.get(token.scope)
        g.client = Client(
            token.name, token.scope, peer.local, "", role, token.digest, peer.address, peer.scheme
        )
        _check_scope(asked, config, token.scope, local=peer.local)
        return
    check_host(asked, config)
    if is_guarded(desk):
        _admit_account(asked, desk, peer)
        return
    if not peer.local and asked.path != HEALTH_PATH:
        raise ApiError(
            403,
            f"without a token hantu answers only on its own machine; {_make_one(config, local=peer.local)}",
        )
    g.client = Client("", LOCAL if peer.local else NOBODY, peer.local, "", Role.ADMIN, b"", peer.address)
    check_site(asked, peer, make_one=_make_one(config, local=peer.local))


def _admit_account(asked: Request, desk: Service, peer: Peer) -> None:
    found = _by_session(asked, desk, peer) or _by_proxy(asked, desk, peer)
    g.client = found or Client("", NOBODY, peer.local, address=peer.address, scheme=peer.scheme)
    is_open = asked.path in OPEN_PATHS or asked.path.startswith("/static/")
    if found is None and not is_open:
        raise SignInNeeded
    check_site(asked, peer, make_one=_make_one(desk.config, local=peer.local))
    if is_open:
        return
    rule = "" if asked.url_rule is None else asked.url_rule.rule
    needed = right_of(asked.method, rule).role
    if not client().may(needed):
        raise ApiError(
            403, f"this takes the role {needed.value}; {client().name} has the role {client().role}"
        )


def _by_session(asked: Request, desk: Service, peer: Peer) -> Client | None:
    secret = asked.cookies.get(cookie_name(peer.scheme), "")
    session = desk.accounts.session(secret) if secret else None
    account = desk.accounts.find(session.account) if session is not None else None
    if session is None or account is None:
        return None
    return Client(
        account.name,
        ACCOUNT,
        peer.local,
        account.name,
        account.role,
        session.digest,
        peer.address,
        peer.scheme,
    )


def _by_proxy(asked: Request, desk: Service, peer: Peer) -> Client | None:
    """Whom a trusted proxy names; from anywhere else its header says nothing."""
    config = desk.config
    if not peer.trusted or not config.proxy_login_header:
        return None
    name = _unescaped(asked.headers.get(config.proxy_login_header, "")).strip()
    if not name:
        return None
    account = desk.accounts.find(name)
    if account is None and config.proxy_login_role == "none":
        raise ApiError(
            403,
            "the proxy names somebody without an account here; "
            "an admin makes one, or see the setting proxy_login_role",
        )
    role = Role(config.proxy_login_role) if account is None else account.role
    own = name[:64] if account is None else account.name
    return Client(own, ACCOUNT, False, own, role, b"", peer.address, peer.scheme)


def _unescaped(header: str) -> str:
    """The text of a header that was sent in UTF-8; WSGI gives its bytes as Latin-1 (PEP 3333)."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return ""


def cookie_name(scheme: str) -> str:
    """The name of the session cookie. __Host-: the browser takes it by https from this very host alone."""
    return "__Host-hantu" if scheme == "https" else "hantu"


def _lead_to_login(error: SignInNeeded) -> Response:
    """A page leads to the sign-in and back; a program is told."""
    if request.path.startswith(PROGRAM_PATHS):
        return refusal(error)
    if request.headers.get("HX-Request") == "true":
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))
        target = shown.path + (f"?{shown.query}" if shown.query else "")
        response = refusal(error)
        response.headers["HX-Redirect"] = _login(target)
        return response
    target = request.full_path.rstrip("?") if request.method in SAFE_METHODS else ""
    return Response(status=303, headers={"Location": _login(target)})


def _login(target: str) -> str:
    return "/login" if target in ("", "/") else f"/login?next={quote(target, safe='/')}"


def _command(config: Config, *words: str, local: bool) -> str:
    """What to type; only this machine is told where its files lie."""
    return command(config, *words) if local else shlex.join((NAME, *words))


def _make_one(config: Config, *, local: bool) -> str:
    make = _command(config, "token", "create", "NAME", local=local)
    return f"make one with `{make} {SCOPE_WORDS}` and send it as `Authorization: Bearer TOKEN`"


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


def _check_scope(asked: Request, config: Config, scope: str, *, local: bool) -> None:
    if scope == "admin":
        return
    rule = "" if asked.url_rule is None else asked.url_rule.rule
    if scope == "ingest" and (asked.method, rule) in INGEST_ROUTES:
        return
    if scope == CANARY and (asked.method, rule) == ("POST", "/api/ingest"):
        return  # which takes nothing but canaries from it
    reads = asked.method in SAFE_METHODS and right_of(asked.method, rule).role is Role.VIEWER
    if scope == "read" and reads:
        return
    make_one = _make_one(config, local=local)
    raise ApiError(403, f"a token with scope {scope} may not {asked.method} {asked.path}; {make_one}")
