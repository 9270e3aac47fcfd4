"""Whether lines of one origin could answer a search, before anything of them is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hantu.model import APP, DOCKER, JOURNAL, LogLevel
from hantu.query.expr import And, Expr, Field, Not, Or
from hantu.query.fields import canonical, stream_test

_SOURCES: Final = {"container": DOCKER, "unit": JOURNAL, "file": APP}
"""Fields that only lines of one source have."""


def could_match(search: Expr | None, source: str, source_id: str) -> bool:
    """Whether some line of (source, source_id) could answer; "" stands for any of them.

    Only the fields that name an origin count: what a line says and its level are open."""
    return search is None or not source or _holds(search, source, source_id) is not False


def _holds(expr: Expr, source: str, source_id: str) -> bool | None:
    """True or False when every line of the origin answers so, else None."""
    match expr:
        case Field():
            return _field(expr, source, source_id)
        case Not():
            inner = _holds(expr.item, source, source_id)
            return None if inner is None else not inner
        case And():
            return _all(_each(expr.items, source, source_id))
        case Or():
            none = _all(None if held is None else not held for held in _each(expr.items, source, source_id))
            return None if none is None else not none
        case _:
            return None


def _each(items: tuple[Expr, ...], source: str, source_id: str) -> Iterator[bool | None]:
    return (_holds(item, source, source_id) for item in items)


def _all(held: Iterator[bool | None]) -> bool | None:
    result: bool | None = True
    for each in held:
        if each is False:
            return False
        if each is None:
            result = None
    return result


def _field(field: Field, source: str, source_id: str) -> bool | None:
    name = canonical(field).name
    if _SOURCES.get(name, source) != source:
        return False
    if name == "level" or (not source_id and name != "source"):
        return None
    return stream_test(field)(source, source_id, LogLevel.INFO)
