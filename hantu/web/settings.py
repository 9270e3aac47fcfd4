"""/settings: how the pages look for this reader, within the frame of all settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from flask import Blueprint, Response, request

from hantu.roles import Role
from hantu.web import clock, i18n, preferences, views
from hantu.web.access import client
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import NAV, page, see
from hantu.web.rights import OF_ADMINS

SECTIONS: Final = (
    (("pages", "/settings", "Pages"), ("sessions", "/settings/sessions", "Sign-in")),
    (
        ("accounts", "/settings/accounts", "Accounts"),
        ("tokens", "/settings/tokens", "Tokens"),
        ("audit", "/settings/audit", "Audit trail"),
    ),
    (
        ("keeping", "/settings/keeping", "Keeping"),
        ("collecting", "/settings/collecting", "Collection"),
        ("alerts", "/settings/alerts", "Alerts"),
        ("service", "/settings/service", "Service"),
    ),
    (("about", "/settings/about", "About"),),
)
"""The list at the side, in groups: key, address, name. A page of it is made by section_page()."""

Options = tuple[tuple[str, str], ...]

OPTIONS: Final[dict[str, tuple[str, Options]]] = {
    preferences.LANGUAGE: ("Language", (("", "As the browser"), ("ko", "한국어"), ("en", "English"))),
    preferences.THEME: ("Colours", (("", "As the system"), ("light", "Light"), ("dark", "Dark"))),
    preferences.CONTRAST: ("Contrast", (("", "As the system"), ("high", "High"))),
    preferences.DENSITY: ("Density", (("", "Dense"), ("roomy", "Roomy"))),
}
NAMES_OF_THEMSELVES: Final = frozenset(("한국어", "English"))
LIVE: Final = "/logs?q=level%3A%3E%3Dinfo&live=1"
_NEAR: Final = ("UTC", "Asia/Seoul")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose by a tick: its options as (value, text), the one chosen.

    fixed: a setting decides."""

    name: str
    title: str
    options: Options
    now: str
    fixed: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """One thing to choose from a long list, in its final words: groups of (name, options)."""

    name: str
    title: str
    groups: tuple[tuple[str, Options], ...]
    now: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/settings", view_func=settings)
    blueprint.add_url_rule("/settings", view_func=save, methods=["POST"], endpoint="save_settings")


def section_page(
    template: str, section: str, *, status: int = 200, lead: str = "", **values: object
) -> Response:
    """A page within the frame of the settings: a template that extends settings/_frame.html.

    section: its key in SECTIONS."""
    title = next(text for group in SECTIONS for key, _, text in group if key == section)
    return page(
        template,
        name="settings",
        status=status,
        sections=sections(),
        section=section,
        section_title=title,
        lead=lead,
        **values,
    )


def sections() -> list[tuple[tuple[str, str, str], ...]]:
    """The list at the side, without what is for admins alone when the reader is none."""
    if client().may(Role.ADMIN):
        return list(SECTIONS)
    groups = (tuple(each for each in group if not each[1].startswith(OF_ADMINS)) for group in SECTIONS)
    return [group for group in groups if group]


def settings() -> Response:
    """What this reader chose."""
    return section_page(
        "settings/page.html",
        "pages",
        lead=i18n.translate("How the pages look for you."),
        choices=_choices(),
        selections=(_zones(), _starts()),
        saved="saved" in request.args,
        names_of_themselves=NAMES_OF_THEMSELVES,
    )


def save() -> Response:
    """Keep what the form says."""
    back = request.form.get("back", "")
    given = {name: request.form[name] for name in preferences.NAMES if name in request.form}
    for name, value in given.items():
        if not preferences.allowed(name, value):
            raise ApiError(400, i18n.translate("{name} cannot be that.", name=name))
    response = see(back if preferences.own_address(back) else "/settings?saved=1", 303)
    preferences.remember(response, given)
    return response


def _choices() -> list[Choice]:
    fixed = service().config.language != "auto"
    return [
        Choice(
            name,
            title,
            options,
            service().config.language
            if fixed and name == preferences.LANGUAGE
            else preferences.chosen(name),
            fixed and name == preferences.LANGUAGE,
        )
        for name, (title, options) in OPTIONS.items()
    ]


def _zones() -> Selection:
    servers = i18n.translate("The server's: {zone}", zone=clock.server_zone())
    first: Options = (("", servers), *((name, name) for name in _NEAR))
    return Selection(
        preferences.ZONE,
        "Time zone",
        (("", first), *_regions()),
        preferences.chosen(preferences.ZONE),
    )


@lru_cache(maxsize=1)
def _regions() -> tuple[tuple[str, Options], ...]:
    """The zones of the world by region; those of other kinds are alike to one of these."""
    regions: dict[str, list[str]] = {}
    for name in sorted(available_timezones()):
        region, _, city = name.partition("/")
        if city and region not in ("Etc", "SystemV", "US", "Canada", "Brazil", "Chile", "Mexico"):
            regions.setdefault(region, []).append(name)
    return tuple(
        (region, tuple((name, name.partition("/")[2].replace("_", " ")) for name in names))
        for region, names in regions.items()
    )


def _starts() -> Selection:
    now = preferences.chosen(preferences.START)
    options = [("", i18n.translate("Logs")), (LIVE, i18n.translate("Logs, live"))]
    options += [(href, i18n.translate(text)) for _, href, text in NAV if href != "/logs"]
    kept = tuple((view.address, view.name) for view in views.shown(""))
    if now not in dict(options) | dict(kept):
        options.append((now, now))
    groups: tuple[tuple[str, Options], ...] = (("", tuple(options)),)
    if kept:
        groups += ((i18n.translate("Saved views"), kept),)
    return Selection(preferences.START, "First page", groups, now)
