"""Characters that a person would not see, or be deceived by, made visible. Standard library only."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
)
"""As a character class: C0 but tab and line feed, DEL, C1; marks that change direction; separators
and the byte order mark."""
_HIDDEN_CHAR: Final = re.compile(f"[{HIDDEN}]")
_SGR: Final = re.compile("\x1b\\[[0-9;:]*m")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD, so that it can be encoded as UTF-8."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)


def visible(text: str) -> str:
    """`text` without its colours, and with every other control or direction character as an escape:
    for whatever is no page (a terminal, an attribute, a file). Tab and line feed stay."""
    if not _HIDDEN_CHAR.search(text):
        return text
    return _HIDDEN_CHAR.sub(lambda match: shown(match.group()), _SGR.sub("", text))


def shown(character: str) -> str:
    """How a hidden character is written: \\r, \\x07, \\u202e."""
    if character == "\r":
        return "\\r"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
