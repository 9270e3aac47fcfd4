"""/palette: from a few letters to any page, source, error or run, or to an act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from flask import Blueprint, Response, request

from hantu.web import i18n, palette_found, preferences, views
from hantu.web.current import service
from hantu.web.fuzzy import match, parts
from hantu.web.korean import TEXTS
from hantu.web.palette_found import SHOWN, SHOWN_UNASKED, Group, Item
from hantu.web.render import NAV, fragment, page, url, wants_fragment
from hantu.web.settings import LIVE, sections

TYPED_MOST: Final = 100

PAGE_ICONS: Final = {
    "logs": "context",
    "errors": "bad",
    "executions": "run",
    "sources": "docker",
    "status": "good",
}
THEMES: Final = (("light", "Light colours"), ("dark", "Dark colours"), ("", "Colours of the system"))
CONTRASTS: Final = (("high", "High contrast"), ("", "Contrast of the system"))


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/palette", view_func=palette)


def palette() -> Response:
    """What is meant by ?q: as a page, or its lines alone for the dialog."""
    typed = request.args.get("q", "").strip()[:TYPED_MOST]
    groups = find(typed)
    if wants_fragment():
        return fragment("palette/_found.html", typed=typed, groups=groups, in_dialog=True)
    return page("palette/page.html", typed=typed, groups=groups, in_dialog=False)


def find(typed: str) -> list[Group]:
    """The groups of lines, that with the best line first; of none typed, the newest and the pages."""
    most = SHOWN if typed else SHOWN_UNASKED
    groups = []
    for title, look in LOOKS:
        items = sorted(look(typed), key=lambda item: -item.score)
        if items:
            groups.append(Group(title, tuple(items if title == "Pages" and not typed else items[:most])))
    if typed:
        groups.sort(key=lambda group: -group.items[0].score)
        groups.append(Group("Search", (_search(typed),)))
    return groups


def _search(typed: str) -> Item:
    text = i18n.translate("Search the logs for {words}", words=typed)
    return Item(((text, False),), "search", url("/logs", q=typed))


def _pages(typed: str) -> Iterator[Item]:
    for key, href, text in NAV:
        yield from _fixed(typed, text, icon=PAGE_ICONS[key], href=href)
    yield from _fixed(typed, "Logs, live", icon="run", href=LIVE)
    if not typed:
        yield from _fixed(typed, "Settings", icon="settings", href="/settings")
        return
    for group in sections():
        for _key, href, text in group:
            yield from _fixed(typed, text, icon="settings", href=href, note="Settings")


def _views(typed: str) -> Iterator[Item]:
    for view in views.shown(""):
        found = match(typed, view.name, loose=True)
        within = found or match(typed, view.query, loose=False)
        if within is not None:
            text = tuple(parts(view.name, found.at if found else frozenset()))
            yield Item(text, "link", view.address, note=view.query, score=within.score)


def _acts(typed: str) -> Iterator[Item]:
    for value, text in THEMES:
        if typed or value not in ("", preferences.chosen(preferences.THEME)):
            yield from _fixed(typed, text, icon="theme", choice=(preferences.THEME, value))
    for value, text in CONTRASTS if typed else ():
        yield from _fixed(typed, text, icon="theme", choice=(preferences.CONTRAST, value))
    for code, name in (("ko", "한국어"), ("en", "English")):
        if (typed or code != i18n.language()) and service().config.language == "auto":
            found = match(typed, name, loose=True)
            if found:
                choice = (preferences.LANGUAGE, code)
                yield Item(tuple(parts(name, found.at)), "note", choice=choice, score=found.score)


def _fixed(
    typed: str, text: str, *, icon: str, href: str = "", choice: tuple[str, str] = ("", ""), note: str = ""
) -> Iterator[Item]:
    """A line whose name is known: it is meant in either language, and shown in the reader's."""
    shown = i18n.translate(text)
    said = i18n.translate(note) if note else ""
    found = match(typed, shown, loose=True)
    if found is not None:
        yield Item(tuple(parts(shown, found.at)), icon, href, choice, said, found.score)
        return
    others = (text, TEXTS.get(text, text), f"{said} {shown}")
    within = next((found for other in others if (found := match(typed, other, loose=True))), None)
    if within is not None:
        yield Item(((shown, False),), icon, href, choice, said, within.score - 10)


LOOKS: Final[tuple[tuple[str, Callable[[str], Iterable[Item]]], ...]] = (
    ("By its number or id", palette_found.named),
    ("Pages", _pages),
    ("Saved views", _views),
    ("Sources", palette_found.sources),
    ("Errors", palette_found.errors_like),
    ("Executions", palette_found.runs_like),
    ("Acts", _acts),
)
"""The kinds of lines and what finds them."""
