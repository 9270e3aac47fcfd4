"""What the word at the cursor of the search box may go on with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hantu import text as words
from hantu.query.edit import field_for_path
from hantu.query.error import QueryError
from hantu.query.expr import Field, Op
from hantu.query.fields import FIELDS, METADATA_PREFIX
from hantu.query.lexer import TIME_NAMES
from hantu.query.logquery import LogQuery
from hantu.query.write import unparse
from hantu.store.base import QueryTimeout
from hantu.text import visible
from hantu.web import i18n
from hantu.web.current import service
from hantu.web.vocabulary import Names

ITEMS_MOST: Final = 12
VALUES_MOST: Final = 50
VALUES_LIMIT_MS: Final = 20
FIELD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.@-]*):(<=|>=|<|>)?(.*)", re.DOTALL)
_TAIL: Final = re.compile(r'[^\s()"]*')
_NEVER: Final = frozenset(("id", "trace"))
"""Fields of which every value is another one: pasted, not chosen."""
_TIMES: Final = {
    "since": ("15m", "1h", "6h", "24h", "7d", "30d", "today", "yesterday"),
    "until": ("now", "1h", "24h", "yesterday"),
    "on": ("today", "yesterday"),
}
MEANINGS: Final = {
    "level": "level, ordered",
    "source": "where it came from",
    "container": "Docker container, by name or id",
    "unit": "systemd unit",
    "file": "log file, by path or name",
    "service": "service, by metadata or source",
    "logger": "name of the logger",
    "trace": "trace_id",
    "stream": "stdout, stderr or tty",
    "host": "name of the host",
    "id": "one entry",
    "since": "from this time on",
    "until": "up to this time",
    "on": "on this day",
    "": "field of the metadata",
}
OPERATORS: Final = (
    (">=", "this or more"),
    ("<=", "this or less"),
    (">", "more than this"),
    ("<", "less than this"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """text: what takes the place of the word. label: what is shown, note: beside it."""

    text: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """word: the text before the cursor that an item takes the place of; tail: that behind it."""

    word: str
    tail: str
    items: tuple[Item, ...]


def suggest(text: str, at: int, names: Names) -> Suggestions:
    """What the word that ends at character `at` may go on with."""
    start, quoted = word_start(text, at)
    word = text[start:at]
    tail = "" if quoted else _TAIL.match(text, at).group()  # type: ignore[union-attr]  # matches always
    if word.startswith(("/", "*", '"')):
        return Suggestions(word, tail, ())
    match = FIELD.fullmatch(word)
    if match is None:
        items = [] if quoted else _openings(word, names)
    elif match.group(3).startswith("//"):
        items = []
    else:
        items = values_of(match.group(1), match.group(2) or "", match.group(3).lstrip('"'), names)
    return Suggestions(word, tail, tuple(items[:ITEMS_MOST]))


def word_start(text: str, at: int) -> tuple[int, bool]:
    """Where the word begins that ends at `at`, and whether `at` stands inside quotes."""
    start, inside, skip = 0, False, False
    for place, sign in enumerate(text[:at]):
        if skip:
            skip = False
        elif inside and sign == "\\":
            skip = True
        elif sign == '"':
            inside = not inside
        elif not inside and (sign.isspace() or sign in "()"):
            start = place + 1
    if text[start:at].startswith("-"):
        start += 1
    return start, inside


def _openings(word: str, names: Names) -> list[Item]:
    """Fields whose names begin so, then values that do."""
    folded = words.fold(word)
    known = [name for name in (*FIELDS, *TIME_NAMES) if name.startswith(folded)]
    paths = [name for path in names.fields if (name := field_for_path(path)) and name not in FIELDS]
    begin = [name for name in paths if words.fold(name).startswith(folded)]
    within = [name for name in paths if word and folded in words.fold(name) and name not in begin]
    fields = [
        Item(f"{name}:", f"{name}:", i18n.translate(MEANINGS.get(name, MEANINGS[""])))
        for name in (*known, *begin, *within)
    ]
    if not word:
        return fields
    values = list(_known_values(folded, names))
    # Both are seen, however many there are of one kind.
    room = max(ITEMS_MOST - len(fields), ITEMS_MOST // 2)
    return [*fields[: ITEMS_MOST - min(len(values), room)], *values[:room]]


def _known_values(folded: str, names: Names) -> Iterator[Item]:
    """Levels, containers, units … of which a part begins so."""
    begins = re.compile(rf"(?<![a-z0-9]){re.escape(folded)}")
    for level, count in names.levels.items():
        if count and level.startswith(folded):
            yield _item("level", Op.EQ, level, count)
    for (field, value), count in names.origins.items():
        if begins.search(words.fold(value)):
            yield _item(field, Op.EQ, value, count)


def values_of(name: str, sign: str, begun: str, names: Names) -> list[Item]:
    """The values that name: may have, with what was typed of them."""
    field = name.lower() if name.lower() in (*FIELDS, *TIME_NAMES) else name
    folded = words.fold(begun)
    if field in TIME_NAMES:
        return [
            Item(f"{field}:{word} ", f"{field}:{word}") for word in _TIMES[field] if word.startswith(folded)
        ]
    meaning = FIELDS.get(field)
    if meaning and not meaning.ordered and sign:
        return []
    op = Op(sign) if sign else Op.EQ
    found = [
        _item(field, op, value, count)
        for value, count in _counted(field, names)
        if folded in words.fold(value)
    ]
    # Those that begin so come first; within each kind the most frequent.
    found.sort(
        key=lambda item: not words.fold(item.label.partition(":")[2].lstrip('"<>=')).startswith(folded)
    )
    if not begun and not sign and (meaning is None or meaning.ordered) and field not in _NEVER:
        found = [*found[: ITEMS_MOST - len(OPERATORS)], *_compared(field)]
    return found


def _compared(field: str) -> Iterator[Item]:
    for sign, note in OPERATORS:
        yield Item(f"{field}:{sign}", f"{field}:{sign}", i18n.translate(note))


def _counted(field: str, names: Names) -> Iterable[tuple[str, int]]:
    """The values of a field with their counts, most frequent first."""
    match field:
        case "level":
            return [(level, names.levels.get(level, 0)) for level in reversed([*names.levels])]
        case "source":
            return list(names.sources.items())
        case "container" | "unit" | "file":
            return [(value, count) for (own, value), count in names.origins.items() if own == field]
        case "service":
            own = [(value, count) for (_, value), count in names.origins.items()]
            return [*_of_metadata("service"), *own]
    if field in _NEVER:
        return ()
    meaning = FIELDS.get(field)
    return _of_metadata(meaning.path if meaning else field.removeprefix(METADATA_PREFIX))


def _of_metadata(path: str) -> tuple[tuple[str, int], ...]:
    """The values at a metadata path in recent lines: as many as are counted in a blink."""
    try:
        (found,) = service().store.facets(
            LogQuery(), (path,), most=VALUES_MOST, time_limit_ms=VALUES_LIMIT_MS
        )
    except QueryTimeout:
        return ()
    return found.values


def _item(field: str, op: Op, value: str, count: int) -> Item:
    try:
        text = unparse(Field(field, op, value))
    except QueryError:
        text = f"{field}:{op.value if op is not Op.EQ else ''}{value}"
    return Item(f"{text} ", visible(text), i18n.number(count) if count else "")
