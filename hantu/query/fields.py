"""What each field of the query language means.

A field's answer is found in two steps, so that a store which keeps (source, source_id, level) apart
from metadata asks each once: stream_test() answers True, False, or None when only the metadata can
tell; then metadata_test() answers. `id` is the exception: it names one entry (entry_id())."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hantu import text
from hantu.model import APP, DOCKER, JOURNAL, LEVEL_NAMES, LogEntry, LogLevel, Metadata
from hantu.query.error import QueryError, shown
from hantu.query.expr import Field, Op
from hantu.query.glob import compile_glob, is_any

StreamTest = Callable[[str, str, LogLevel], bool | None]
"""(source, source_id, level) → whether the field holds; None: the metadata decides."""

MetadataTest = Callable[[Metadata | None], bool]
FieldTest = Callable[[LogEntry], bool]


@dataclass(frozen=True, slots=True)
class FieldMeaning:
    """A name with a meaning of its own. ordered: < <= > >= make sense. path: the metadata path it
    stands for, "" when it is no plain alias. example: a value to show."""

    name: str
    means: str
    example: str
    ordered: bool = False
    path: str = ""


FIELDS: Final[dict[str, FieldMeaning]] = {
    meaning.name: meaning
    for meaning in (
        FieldMeaning("level", "level, ordered", "error", ordered=True),
        FieldMeaning("source", "where it came from", "docker"),
        FieldMeaning("container", "Docker container, by name or id", "api"),
        FieldMeaning("unit", "systemd unit", "ssh.service"),
        FieldMeaning("file", "log file, by path or name", "*.log"),
        FieldMeaning("service", "service, by metadata or source", "hantu-api"),
        FieldMeaning("logger", "name of the logger", "core.trading", ordered=True, path="logger"),
        FieldMeaning("trace", "trace_id", "abc12345", ordered=True, path="trace_id"),
        FieldMeaning("stream", "stdout, stderr or tty", "stderr", ordered=True, path="stream"),
        FieldMeaning("host", "name of the host", "web-1", ordered=True, path="host"),
        FieldMeaning("id", "one entry", "018f2c1e-…"),
    )
}
"""Names with a meaning of their own; any other name is a path into metadata."""

METADATA_PREFIX: Final = "metadata."
"""Before a path it says that metadata is meant: metadata.id:7 although `id` is the entry."""

FIELD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]*")

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{6,64}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]{1,3})?")
# Long enough for every number a program prints; int() of a very long text is slow or refused.
_NUMBER_CHARS_MOST: Final = 64
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}")


def canonical(field: Field) -> Field:
    """`field` as it is kept: known names and levels in their one spelling.

    Raises QueryError when its name, comparison or value makes no sense."""
    name = field.name.lower() if field.name.lower() in FIELDS else field.name
    if not FIELD_NAME.fullmatch(name):
        raise QueryError(f"{shown(name)} is no field name: letters, digits and _ . @ - are allowed")
    meaning = FIELDS.get(name)
    if meaning and not meaning.ordered and field.op is not Op.EQ:
        raise QueryError(
            f"{name}: cannot be compared with {field.op.value}; write {name}:{meaning.example}"
        )
    value = field.value
    if field.op is not Op.EQ and not value:
        raise QueryError(
            f"{field.op.value} needs a value to compare with, for example {name}:{field.op.value}500"
        )
    if name == "level" and not (field.op is Op.EQ and is_any(value)):
        value = level_named(value).label
    if name == "id" and not _UUID.fullmatch(value.lower()):
        raise QueryError(
            f"id: takes the UUID of an entry; for a value of the metadata write {METADATA_PREFIX}id:7"
        )
    return Field(name, field.op, value.lower() if name == "id" else value)


def level_named(value: str) -> LogLevel:
    """The level a person means, aliases included. Raises QueryError that lists the six."""
    level = LEVEL_NAMES.get(value.strip().lower())
    if level is None:
        names = ", ".join(known.label for known in LogLevel)
        raise QueryError(f"{shown(value)} is no level; use one of {names}")
    return level


def field_matches(field: Field, entry: LogEntry) -> bool:
    """Whether the field holds for the entry."""
    return compile_field(field)(entry)


@lru_cache(maxsize=1024)
def compile_field(field: Field) -> FieldTest:
    """A test for entries, cached. Raises QueryError as canonical()."""
    wanted = entry_id(field)
    if wanted is not None:
        return lambda entry: entry.id.lower() == wanted
    of_stream = stream_test(field)
    of_metadata = metadata_test(field)

    def test(entry: LogEntry) -> bool:
        answer = of_stream(entry.source, entry.source_id, entry.level)
        return of_metadata(entry.metadata) if answer is None else answer

    return test


def entry_id(field: Field) -> str | None:
    """The UUID, lower case, that an `id` field asks for; None for every other field."""
    return canonical(field).value if field.name.lower() == "id" else None


def stream_test(field: Field) -> StreamTest:
    """The part of the answer that (source, source_id, level) give. Not for `id`."""
    field = canonical(field)
    if field.name == "level":
        return _level_test(field)
    glob = compile_glob(field.value)
    if field.name == "source":
        return lambda source, _id, _level: glob(source)
    if field.name == "unit":
        return lambda source, source_id, _level: source == JOURNAL and glob(source_id)
    if field.name == "file":
        end = compile_glob(f"*/{field.value}")
        return lambda source, source_id, _level: source == APP and (glob(source_id) or end(source_id))
    if field.name == "container":
        by_id = None if _CONTAINER_ID.fullmatch(text.fold(field.value)) else False
        return lambda source, source_id, _level: source == DOCKER and (glob(source_id) or by_id)
    if field.name == "service":
        return lambda _source, source_id, _level: glob(source_id) or None
    return lambda _source, _id, _level: None


def metadata_test(field: Field) -> MetadataTest:
    """The part of the answer that the metadata gives, once stream_test() gave None."""
    field = canonical(field)
    if field.name == "container":
        return _container_test(text.fold(field.value))
    paths = metadata_paths(field.name)
    if not paths:
        return lambda _metadata: False
    if field.op is Op.EQ and is_any(field.value):
        return lambda metadata: any(True for path in paths for _ in _reach(metadata, path))
    test = value_test(field.op, field.value)
    return lambda metadata: any(
        test(value) for path in paths for found in _reach(metadata, path) for value in _leaves(found)
    )


def metadata_paths(name: str) -> tuple[tuple[str, ...], ...]:
    """The metadata paths, as their parts, that a field name looks at; () when it looks at none."""
    meaning = FIELDS.get(name)
    if meaning:
        own = "service" if name == "service" else meaning.path
        return ((own,),) if own else ()
    whole = tuple(name.split("."))
    if name.startswith(METADATA_PREFIX):
        return (whole, whole[1:])
    return (whole,)


def value_texts(metadata: Metadata | None, path: str) -> list[str]:
    """The values at a metadata path as the query language writes them, each once, in order.

    A list gives its elements; an object gives nothing."""
    parts = tuple(path.split("."))
    return list(
        dict.fromkeys(value_text(value) for found in _reach(metadata, parts) for value in _leaves(found))
    )


def leaf_paths(metadata: Metadata | None) -> list[str]:
    """The paths of metadata at which values lie, each once, in order: what value_texts() can be asked."""
    return list(dict.fromkeys(_paths(metadata or {}, ())))


def _paths(node: Any, above: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _paths(value, (*above, key))
    elif isinstance(node, list):
        for element in node:
            yield from _paths(element, above)
    else:
        yield ".".join(above)


def value_text(value: Any) -> str:
    """A single metadata value as text: null true false, numbers as written, strings as they are."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def value_test(op: Op, wanted: str) -> Callable[[Any], bool]:
    """A test for a single metadata value (no list, no object)."""
    number = _number(wanted)
    if op is Op.EQ:
        glob = compile_glob(wanted)

        def equal(value: Any) -> bool:
            if glob(value_text(value)):
                return True
            return number is not None and _is_number(value) and bool(value == number)

        return equal
    folded = text.fold(wanted)

    def ordered(value: Any) -> bool:
        own = value if _is_number(value) else _number(value) if isinstance(value, str) else None
        if own is not None and number is not None:
            return _holds(op, own, number)
        if not isinstance(value, str) or (number is not None and not _ISO.match(value)):
            return False
        return _holds(op, text.fold(value), folded)

    return ordered


def _level_test(field: Field) -> StreamTest:
    if is_any(field.value):
        return lambda _source, _id, _level: True
    wanted = level_named(field.value)
    op = field.op
    return lambda _source, _id, level: _holds(op, level, wanted)


def _container_test(digits: str) -> MetadataTest:
    def test(metadata: Metadata | None) -> bool:
        own = metadata.get("container_id") if metadata else None
        if not isinstance(own, str) or not own:
            return False
        known = text.fold(own)
        # A person may paste all 64 digits where 12 are kept.
        return known.startswith(digits) or (len(known) >= 12 and digits.startswith(known))

    return test


def _reach(node: Any, parts: tuple[str, ...]) -> Iterator[Any]:
    """Everything that lies at the path: keys may contain dots, of a list each element is asked."""
    if not parts:
        yield node
    elif isinstance(node, dict):
        for size in range(1, len(parts) + 1):
            key = ".".join(parts[:size])
            if key in node:
                yield from _reach(node[key], parts[size:])
    elif isinstance(node, list):
        for element in node:
            yield from _reach(element, parts)


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for element in node:
            yield from _leaves(element)
    elif not isinstance(node, dict):
        yield node


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: str) -> int | float | None:
    if len(value) > _NUMBER_CHARS_MOST:
        return None
    match = _NUMBER.fullmatch(value.strip())
    if match is None:
        return None
    return float(value) if any(match.groups()) else int(value)


def _holds(op: Op, left: Any, right: Any) -> bool:
    match op:
        case Op.EQ:
            return bool(left == right)
        case Op.LT:
            return bool(left < right)
        case Op.LE:
            return bool(left <= right)
        case Op.GT:
            return bool(left > right)
        case Op.GE:
            return bool(left >= right)
