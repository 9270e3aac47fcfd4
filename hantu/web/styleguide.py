"""/styleguide: every part of the pages on one, for those who work on them (the setting development)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from flask import Blueprint, Response, abort

from hantu.paths import TEMPLATES
from hantu.web import spark
from hantu.web.current import service
from hantu.web.render import page
from hantu.web.tokens import PAIRS, contrast, themes

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
STATES: Final = (
    ("bad", "open", "Unresolved"),
    ("warn", "again", "Reconnecting"),
    ("good", "good", "Collecting"),
    ("off", "stop", "Stopped"),
)
_SYMBOL: Final = re.compile(r'<symbol id="i-([\w-]+)"')
_COUNTS: Final = (3, 5, 2, 8, 13, 7, 0, 0, 4, 6, 21, 3, 9, 4, 12)


def register(blueprint: Blueprint) -> None:
    """Add the route of this page."""
    blueprint.add_url_rule("/styleguide", view_func=styleguide)


def styleguide() -> Response:
    """The page; elsewhere than in development there is none."""
    if not service().config.development:
        abort(404)
    light, dark, *_ = themes()
    return page(
        "styleguide.html",
        grounds=[
            (name, light.colours[name], dark.colours[name]) for name in light.colours if name not in _inks()
        ],
        pairs=[
            (
                ink,
                ground,
                least,
                [contrast(theme.colours[ink], theme.colours[ground]) for theme in themes()],
            )
            for ink, ground, least in PAIRS
        ],
        theme_names=[theme.name for theme in themes()],
        symbols=symbols(),
        levels=LEVELS,
        states=STATES,
        bars=spark.bars(_COUNTS),
    )


@lru_cache(maxsize=1)
def symbols() -> tuple[str, ...]:
    """The names of the icons in the sprite."""
    return tuple(_SYMBOL.findall((TEMPLATES / "_icons.html").read_text(encoding="utf-8")))


def _inks() -> frozenset[str]:
    return frozenset(ink for ink, _, _ in PAIRS)
