"""ANSI escape sequences: kept in messages (pages render them), out of the way of detection."""

from __future__ import annotations

import re
from typing import Final

ESCAPE: Final = "\x1b"
_SEQUENCE: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_]|[()][A-Z0-9])"
)


def strip(text: str) -> str:
    """`text` without its escape sequences. Source: ECMA-48, 5.4 "Control sequences"."""
    return _SEQUENCE.sub("", text)


def tail(text: str, plain: str) -> str:
    """The end of `text` that reads as `plain` once stripped, with its escape sequences; `plain`
    itself when `text` does not end so."""
    whole = strip(text)
    if not plain or not whole.endswith(plain):
        return plain
    missing = len(whole) - len(plain)
    at = 0
    for match in _SEQUENCE.finditer(text):
        gap = match.start() - at
        if gap > missing:
            break
        missing -= gap
        at = match.end()
        if not missing and match.group() not in {"\x1b[0m", "\x1b[m"}:
            # The sequence that colours the message's first character belongs to the message.
            return text[match.start() :]
    return text[at + missing :]
