"""Changing a query text by a click: add, remove or exclude a field's value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Final

from hantu.query.error import QueryError
from hantu.query.expr import Field, Op
from hantu.query.fields import FIELD_NAME, FIELDS, METADATA_PREFIX, canonical
from hantu.query.lexer import TIME_NAMES, Kind, Token, tokenize
from hantu.query.parser import parse
from hantu.query.write import unparse

_JOINING: Final = (Kind.AND, Kind.OR)


def with_field(text: str, name: str, value: str) -> str:
    """`text` that also asks for name:value; when it already does, the text without it.

    An exclusion of the same value gives way. Raises QueryError when the text is wrong or no field
    can have this name."""
    return _toggled(text, Field(name, Op.EQ, value), exclude=False)


def exclude_field(text: str, name: str, value: str) -> str:
    """`text` that excludes name:value; when it already does, the text without the exclusion."""
    return _toggled(text, Field(name, Op.EQ, value), exclude=True)


def without_field(text: str, name: str, value: str | None = None) -> str:
    """`text` without name:value and -name:value (any value or comparison of the name when None)."""
    if value is not None:
        wanted = canonical(Field(name, Op.EQ, value))
        return _without(text, lambda token: token.term == wanted)
    known = name.lower() if name.lower() in FIELDS else name
    return _without(text, lambda token: isinstance(token.term, Field) and token.term.name == known)


def without_times(text: str) -> str:
    """`text` without since: until: and on:, for a time picker that sets its own."""
    return _without(text, lambda token: token.kind is Kind.TIME)


def has_field(text: str, name: str, value: str) -> bool | None:
    """True when the text asks for name:value, False when it excludes it, None when neither."""
    wanted = canonical(Field(name, Op.EQ, value))
    tokens = _checked(text)
    for at in _found(tokens, lambda token: token.term == wanted):
        return not _excluded(tokens, at)
    return None


def joined(text: str, *words: str) -> str:
    """`text` and `words`, all to hold. Raises QueryError when one of them is wrong."""
    parts = [part for part in (text.strip(), *(word.strip() for word in words)) if part]
    if len(parts) < 2:
        return "".join(parts)
    return " ".join(f"({part})" if _has_outer_or(part) else part for part in parts)


def _has_outer_or(text: str) -> bool:
    """Whether an OR stands outside of all parentheses; times cannot stand beside it."""
    tokens = tokenize(text, now_ns=0, tz=UTC)
    return any(token.kind is Kind.OR for _, token in _outer(tokens))


def field_for_path(path: str) -> str | None:
    """The field name that asks for a metadata path; None when the language cannot write it."""
    if not FIELD_NAME.fullmatch(path):
        return None
    taken = path.lower() in FIELDS or path.lower() in TIME_NAMES
    own = FIELDS.get(path)
    return f"{METADATA_PREFIX}{path}" if taken and not (own and own.path == path) else path


def _toggled(text: str, field: Field, *, exclude: bool) -> str:
    wanted = canonical(field)
    if wanted.name.lower() in TIME_NAMES:
        raise QueryError(
            f"{wanted.name}: is a time, not a field; {METADATA_PREFIX}{wanted.name} is the field"
        )
    had = has_field(text, field.name, field.value)
    rest = _without(text, lambda token: token.term == wanted)
    if had is (not exclude):
        return rest
    if any(token.kind is Kind.OR for _, token in _outer(_checked(rest))):
        rest = f"({rest.strip()})"
    added = f"{'-' if exclude else ''}{unparse(wanted)}"
    return f"{rest.rstrip()} {added}".lstrip()


def _checked(text: str) -> list[Token]:
    """The tokens of a right text; what times mean does not matter here."""
    parse(text, now_ns=0, tz=UTC)
    return tokenize(text, now_ns=0, tz=UTC)


def _outer(tokens: list[Token]) -> list[tuple[int, Token]]:
    """The tokens outside all parentheses, with their places in the list."""
    outer: list[tuple[int, Token]] = []
    depth = 0
    for at, token in enumerate(tokens):
        if token.kind is Kind.CLOSE:
            depth -= 1
        if depth == 0 and token.kind is not Kind.END:
            outer.append((at, token))
        if token.kind is Kind.OPEN:
            depth += 1
    return outer


def _found(tokens: list[Token], wanted: Callable[[Token], bool]) -> list[int]:
    """Where wanted terms stand that hold for the whole query: outside parentheses and OR."""
    outer = _outer(tokens)
    if any(token.kind is Kind.OR for _, token in outer):
        return []
    return [
        at
        for at, token in outer
        if wanted(token) and not (_excluded(tokens, at) and _excluded(tokens, at - 1))
    ]


def _excluded(tokens: list[Token], at: int) -> bool:
    return at > 0 and tokens[at - 1].kind is Kind.NOT


def _without(text: str, wanted: Callable[[Token], bool]) -> str:
    tokens = _checked(text)
    gone: set[int] = set()
    for at in _found(tokens, wanted):
        first = at - 1 if _excluded(tokens, at) else at
        gone.update(range(first, at + 1))
        # `a AND level:error` must not leave `a AND`.
        if first > 0 and tokens[first - 1].kind is Kind.AND and first - 1 not in gone:
            gone.add(first - 1)
        elif tokens[at + 1].kind is Kind.AND:
            gone.add(at + 1)
    if not gone:
        return text
    kept: list[str] = []
    end = 0
    for at, token in enumerate(tokens):
        if at in gone:
            continue
        kept.append(" " if at - 1 in gone else text[end : token.position])
        kept.append(text[token.position : token.end])
        end = token.end
    return "".join(kept).strip()
