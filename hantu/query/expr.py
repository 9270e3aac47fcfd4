"""The expression tree of a search: what must hold for the text and the fields of an entry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Word:
    """A word, a "phrase" or a prefix*: its index tokens stand next to each other in the message.

    quoted: it was written in quotes. prefix: its last word may go on. See text.needle()."""

    text: str
    quoted: bool = False
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Substring:
    """*text*: the folded message contains the folded text, anywhere (text.fold)."""

    text: str


@dataclass(frozen=True, slots=True)
class Regex:
    """/pattern/: an RE2 pattern found somewhere in the message; case counts unless it says (?i)."""

    pattern: str


class Op(StrEnum):
    """How a field is compared."""

    EQ = ":"
    """Equal without case; `*` in the value stands for any characters. `field:*`: it is there."""
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Field:
    """name:value or name:>=value. Names with a meaning of their own: hantu.query.fields.FIELDS;
    any other is a path into metadata, its parts joined by dots."""

    name: str
    op: Op
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """The item must not hold."""

    item: Expr


@dataclass(frozen=True, slots=True)
class And:
    """All items must hold; at least two items, none of them an And."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One item must hold; at least two items, none of them an Or."""

    items: tuple[Expr, ...]


Expr = Word | Substring | Regex | Field | Not | And | Or
