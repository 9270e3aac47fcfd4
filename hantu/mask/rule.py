"""What a masking rule is, and the values it writes in place of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MASKED: Final = "[masked]"
"""In place of a whole value; rules that know more write `[masked:jwt]` and the like."""


@dataclass(frozen=True, slots=True)
class Needle:
    """What stands in every text that a rule matches, found at the price of a substring search.

    start: sought in the folded text (lower case; `0` for any digit; `-` for any of `-_. `; see
    fold()). rest: a pattern that follows it there; start is then one of the letters of FAMILIES. All
    needles of a family are sought in one pass, and at most one may match at a place. A pass goes from
    one letter of its family to the next: 30 to 60 ns for a line of 83 characters, where patterns that
    begin with anything else cost 600. A rest has no ranges of letters and no escapes with letters of
    a family.
    near: over the text itself, tried where the needle was found; tells a real place from a chance one."""

    start: bytes
    rest: bytes = b""
    near: re.Pattern[bytes] | None = None


FAMILIES: Final = (b"kjxz", b"ugpb")
"""Letters that are one letter to the search. All are rare, and each secret's name has one of them."""


def _fold_table(*, text: bool) -> bytes:
    table = bytearray(range(256))
    for family in FAMILIES:
        for letter in family:
            table[letter] = family[0]
    if not text:
        return bytes(table)
    for upper in range(ord("A"), ord("Z") + 1):
        table[upper] = table[upper + 32]
    for digit in b"123456789":
        table[digit] = ord("0")
    for joint in b"_. ":
        table[joint] = ord("-")
    return bytes(table)


_FOLD: Final = _fold_table(text=True)
_FOLD_PATTERN: Final = _fold_table(text=False)


def fold(text: bytes) -> bytes:
    """`text` as it is searched, byte for byte."""
    return text.translate(_FOLD)


def fold_pattern(pattern: bytes) -> bytes:
    """A needle's rest as it fits folded text."""
    return pattern.translate(_FOLD_PATTERN)


@dataclass(frozen=True, slots=True)
class Rule:
    """What to mask in a text.

    pattern: linear in the length of the text. replacement: as for re.sub; masking its result again
    must change nothing. needles: one of them stands in every text to mask (a str for a word that is
    not ASCII), and rules may share one. A rule without needles is tried on every text, which costs
    about a microsecond each."""

    name: str
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    needles: tuple[Needle | str, ...] = ()


def ascii_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """`pattern` with \\d, \\w and \\s for ASCII alone: 전화010-1234-5678 has a border after 화."""
    return re.compile(pattern, re.ASCII | flags)


def any_case(pattern: str) -> re.Pattern[str]:
    """ascii_pattern() without regard to case."""
    return ascii_pattern(pattern, re.IGNORECASE)


# A quoted value (its quotes perhaps escaped, as JSON in JSON; perhaps cut short) or a bare one.
VALUE: Final = (
    r"""(?:\\(?P<q>["'])(?P<escaped>(?:[^"'\\\n]|\\(?!(?P=q)).|(?!(?P=q))["'])*)"""
    r"""|(?P<d>["'])(?P<quoted>(?:[^"'\\\n]|\\.|(?!(?P=d))["'])*)"""
    r"""|(?P<bare>[^\s,;&"'\\]*[^\s,;&"'\\)}\]>]))"""
)
ASSIGN: Final = r"""(?:\\?["'])?\]?[ \t]*(?:=>|:=|[:=])[ \t]*"""

_NOTHING: Final = frozenset(
    ("", "none", "null", "nil", "undefined", "true", "false", "bearer", "basic", "****")
)


def says_nothing(value: str) -> bool:
    """Whether a value needs no mask: empty, null, true or masked already."""
    return value.lower() in _NOTHING or value.startswith(("[masked", "****"))


def digits_of(text: str) -> str:
    """The digits of `text`."""
    return "".join([c for c in text if "0" <= c <= "9"])


def tail(value: str, keep: int) -> str:
    """**** and the last `keep` characters, or **** alone when the rest would be too short to guess."""
    return "****" + value[-keep:] if len(value) >= keep + 4 else "****"


def value_group(match: re.Match[str]) -> str:
    """The name of the group that holds the value."""
    groups = match.groupdict()
    return next(name for name in ("value", "escaped", "quoted", "bare") if groups.get(name) is not None)


def with_value(match: re.Match[str], group: str, value: str) -> str:
    """The match with one group replaced."""
    start, end = match.span(group)
    first, text = match.start(), match.group()
    return text[: start - first] + value + text[end - first :]


def whole(match: re.Match[str]) -> str:
    """The match with its value masked as a whole."""
    group = value_group(match)
    return match.group() if says_nothing(match[group]) else with_value(match, group, MASKED)


def user_id(match: re.Match[str]) -> str:
    """The match with its value masked to its last two characters."""
    group = value_group(match)
    value = match[group]
    return match.group() if says_nothing(value) else with_value(match, group, tail(value, 2))
