"""The design's colours, read from static/tokens.css: light, dark, and with high contrast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from hantu.paths import STATIC

TEXT: Final = 4.5
SHAPE: Final = 3.0
"""The least contrast of words, and of what else must be seen (WCAG 2.2, 1.4.3 and 1.4.11)."""
HIGH_TEXT: Final = 7.0
"""The least contrast of words for those who asked for more (1.4.6)."""

_GROUNDS: Final = ("page", "surface", "hover", "selected", "raised")
_LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")
PAIRS: Final = (
    *((ink, ground, TEXT) for ink in ("text", "text-quiet", "text-faint", "accent") for ground in _GROUNDS),
    *((f"level-{level}", ground, TEXT) for level in _LEVELS for ground in _GROUNDS if level != "fatal"),
    *(
        (ink, tint, TEXT)
        for ink in ("text", "text-quiet", "text-faint")
        for tint in ("level-error-tint", "level-warn-tint")
    ),
    *(("good", ground, TEXT) for ground in _GROUNDS),
    ("level-error", "level-error-tint", TEXT),
    ("level-warn", "level-warn-tint", TEXT),
    ("level-fatal", "page", TEXT),
    ("on-fatal", "level-fatal", TEXT),
    ("on-accent", "accent", TEXT),
    ("text", "mark", TEXT),
    ("text", "share", TEXT),
    ("text-quiet", "share", TEXT),
    *((f"level-{level}-fill", "page", SHAPE) for level in _LEVELS[1:]),
    *((f"level-{level}-fill", "surface", SHAPE) for level in _LEVELS[1:]),
    *(("control", ground, SHAPE) for ground in ("page", "surface", "raised")),
)
"""(ink, ground, least contrast) of what stands upon what."""

_COLOUR: Final = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
_HIGH: Final = re.compile(r'\[data-contrast="high"\] \{(.*?)\}', re.S)
_ASKED: Final = re.compile(r"@media \(prefers-contrast: more\) \{\s*:root \{(.*?)\}", re.S)


class Theme(NamedTuple):
    """name; colours: of each token, as #rrggbb."""

    name: str
    colours: Mapping[str, str]


@lru_cache(maxsize=1)
def themes() -> tuple[Theme, ...]:
    """Light and dark, each without and with high contrast."""
    text = (STATIC / "tokens.css").read_text(encoding="utf-8")
    high = _HIGH.search(text)
    every = _colours(text[: text.index("@media (prefers-contrast")])
    more = every | _colours(high.group(1) if high else "")
    return tuple(
        Theme(f"{name}{suffix}", {token: pair[side] for token, pair in colours.items()})
        for suffix, colours in (("", every), (", high contrast", more))
        for side, name in enumerate(("light", "dark"))
    )


def asked_for_by_the_system() -> Mapping[str, tuple[str, str]]:
    """What prefers-contrast changes: the same as what the reader's choice does."""
    found = _ASKED.search((STATIC / "tokens.css").read_text(encoding="utf-8"))
    return _colours(found.group(1) if found else "")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colours(text: str) -> dict[str, tuple[str, str]]:
    return {name: (light, dark) for name, light, dark in _COLOUR.findall(text)}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
