"""/settings: how the pages look for this reader, and what the settings of the service say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request

from hantu.web import i18n, preferences
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import page, see

SECTIONS: Final = (
    (("pages", "/settings", "Pages"),),
)
"""The list at the side, in groups: key, address, name. A page of it is made by section_page()."""

OPTIONS: Final = {
    preferences.LANGUAGE: ("Language", (("", "As the browser"), ("ko", "한국어"), ("en", "English"))),
    preferences.THEME: ("Colours", (("", "As the system"), ("light", "Light"), ("dark", "Dark"))),
    preferences.CONTRAST: ("Contrast", (("", "As the system"), ("high", "High"))),
    preferences.DENSITY: ("Density", (("", "Dense"), ("roomy", "Roomy"))),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its options as (value, text), the value chosen now. fixed: a setting decides."""

    name: str
    title: str
    options: tuple[tuple[str, str], ...]
    now: str
    fixed: bool


def register(blueprint: Blueprint) -> None:
    """Add the routes of these pages."""
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
        sections=SECTIONS,
        section=section,
        section_title=title,
        lead=lead,
        **values,
    )


def settings() -> Response:
    """What this reader chose."""
    return section_page(
        "settings/page.html",
        "pages",
        lead=i18n.translate("How the pages look for you."),
        choices=_choices(),
        saved="saved" in request.args,
    )


def save() -> Response:
    """Keep what the form says."""
    given = {name: request.form[name] for name in preferences.NAMES if name in request.form}
    for name, value in given.items():
        if not preferences.allowed(name, value):
            raise ApiError(400, i18n.translate("{name} cannot be that.", name=name))
    response = see("/settings?saved=1", 303)
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
