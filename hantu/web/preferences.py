"""What a reader chose for the pages: this browser's cookies, else what the account chose last.

A browser keeps its own choice; one where nothing was chosen yet begins with the account's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from flask import Response, g, has_request_context, request

from hantu.store.base import StoreError
from hantu.web.current import service

LANGUAGE: Final = "lang"
THEME: Final = "theme"
CONTRAST: Final = "contrast"
DENSITY: Final = "density"
ZONE: Final = "zone"
START: Final = "start"

AUTO: Final = "auto"
"""Chosen on purpose: as if nothing was chosen, whatever the account says."""

VALUES: Final[Mapping[str, frozenset[str]]] = {
    LANGUAGE: frozenset(("ko", "en")),
    THEME: frozenset(("light", "dark")),
    CONTRAST: frozenset(("high",)),
    DENSITY: frozenset(("roomy",)),
}
NAMES: Final = (*VALUES, ZONE, START)
DAYS: Final = 365
_ADDRESS_MOST: Final = 2_000


def chosen(name: str) -> str:
    """What the reader chose for `name`, "" when nothing, or nothing that is allowed."""
    if not has_request_context():
        return ""
    kept = request.cookies.get(name, "") or _of_account().get(name, "")
    return kept if kept != AUTO and allowed(name, kept) else ""


def allowed(name: str, value: str) -> bool:
    """Whether `value` may be chosen for `name`; "" always may."""
    if not value:
        return True
    if name == START:
        return own_address(value)
    if name == ZONE:
        return value in _zones()
    return value in VALUES.get(name, frozenset())


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """All names of zones; finding them goes through hundreds of files."""
    return frozenset(available_timezones())


def own_address(text: str) -> bool:
    """Whether `text` is the address of a page of this hantu, so that a redirect cannot lead elsewhere."""
    if not text.startswith("/") or len(text) > _ADDRESS_MOST or not text.isprintable() or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return not parts.netloc and not parts.scheme and not text.startswith("//")


def remember(response: Response, choices: Mapping[str, str]) -> None:
    """Keep what was chosen, "" for nothing: in this browser, and for the account of who asks."""
    for name, value in choices.items():
        keep(response, name, value)
    account = _account()
    if account:
        service().pipeline.with_store(lambda store: store.prefer(account, dict(choices)))


def keep(response: Response, name: str, value: str) -> None:
    """Keep one choice in this browser alone."""
    response.set_cookie(
        name,
        value or AUTO,
        max_age=DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )


def _of_account() -> Mapping[str, str]:
    """What the account of this request chose; nothing when the store cannot tell."""
    account = _account()
    if not account:
        return {}
    if "preferences" not in g:
        try:
            g.preferences = service().store.preferences(account)
        except StoreError:
            g.preferences = {}
    return cast("Mapping[str, str]", g.preferences)


def _account() -> str:
    # A refused request has no client yet, but gets a page, too.
    return cast(str, getattr(g.get("client"), "account", ""))
