"""A line's own colours and hidden characters, made harmless and visible.

Of the escape sequences only SGR (`ESC [ … m`) with the eight colours, bold, dim, italic and underline
becomes a class; every other control or direction-changing character is shown as an escape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from markupsafe import Markup, escape

from hantu.text import HIDDEN, shown

SPECIAL: Final = re.compile(f"[{HIDDEN}]")
_PIECE: Final = re.compile(f"\x1b\\[([0-9;:]*)m|([{HIDDEN}])")

_COLOURS: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES: Final = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_STYLES_OFF: Final = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",)}
_EXTENDED: Final = (38, 48)


def render(text: str, mark: Callable[[str], Markup] = escape) -> Markup:
    """`text` as HTML: colours as classes, hidden characters as escapes, the rest through `mark`.

    mark: turns a run of ordinary text into HTML (escapes it, may highlight words)."""
    if not SPECIAL.search(text):
        return mark(text)
    out: list[str] = []
    for piece, classes, hidden in _pieces(text):
        html = f'<span class="entry-escape">{escape(shown(piece))}</span>' if hidden else str(mark(piece))
        out.append(f'<span class="{classes}">{html}</span>' if classes else html)
    return Markup("".join(out))  # noqa: S704  every piece above is escaped


def _pieces(text: str) -> Iterator[tuple[str, str, bool]]:
    """(text, class names, hidden) in order."""
    style: dict[str, None] = {}
    colour = ""
    classes = ""
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], classes, False
        end = match.end()
        if match.group(2) is not None:
            yield match.group(2), classes, True
            continue
        colour = _apply(match.group(1), style, colour)
        classes = " ".join(f"ansi-{name}" for name in (*style, colour) if name)
    if end < len(text):
        yield text[end:], classes, False


def _apply(parameters: str, style: dict[str, None], colour: str) -> str:
    """Apply one SGR sequence to `style`; returns the new colour. Source: ECMA-48, 8.3.117."""
    codes = [
        int(code) if code.isascii() and code.isdigit() and len(code) < 4 else 0
        for code in re.split("[;:]", parameters)
    ]
    at = 0
    while at < len(codes):
        code = codes[at]
        at += 1
        if code == 0:
            style.clear()
            colour = ""
        elif code in _STYLES:
            style[_STYLES[code]] = None
        elif code in _STYLES_OFF:
            for name in _STYLES_OFF[code]:
                style.pop(name, None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colour = _COLOURS[code % 10]
        elif code == 39:
            colour = ""
        elif code in _EXTENDED:
            # 38;5;N is a palette colour, of which the first 16 have names here; 38;2;R;G;B is passed over.
            kind = codes[at] if at < len(codes) else 0
            if code == 38 and kind == 5 and at + 1 < len(codes) and codes[at + 1] < 16:
                colour = _COLOURS[codes[at + 1] % 8]
            at += 2 if kind == 5 else 4 if kind == 2 else 1
    return colour
