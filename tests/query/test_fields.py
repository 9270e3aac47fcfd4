"""What each field asks of an entry."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.model import LogEntry, LogLevel
from hantu.query.error import QueryError
from hantu.query.expr import Field, Op
from hantu.query.fields import (
    FIELDS,
    canonical,
    entry_id,
    field_matches,
    leaf_paths,
    metadata_test,
    stream_test,
    value_texts,
)
from hantu.query.glob import compile_glob
from hantu.query.parser import parse
from tests.contract.strategies import METADATA, entries, fields

ID = "018f2c1e-0000-8000-8000-000000000001"


def entry(source: str = "docker", source_id: str = "api", **metadata: Any) -> LogEntry:
    return LogEntry(source, source_id, LogLevel.WARN, "x", 0, metadata or None, id=ID)


def field(text: str) -> Field:
    """The single field of a query text."""
    found = parse(text, now_ns=0, tz=UTC).search
    assert isinstance(found, Field)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("level:warn", True),
        ("level:WARNING", True),
        ("level:info", False),
        ("level:>=warn", True),
        ("level:>warn", False),
        ("level:<error", True),
        ("level:<=info", False),
        ("level:*", True),
    ],
)
def test_level_is_ordered(text: str, *, expected: bool) -> None:
    assert field_matches(field(text), entry()) is expected


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("source:docker", entry(), True),
        ("source:DOCKER", entry(), True),
        ("source:dock", entry(), False),
        ("source:dock*", entry(), True),
        ("source:*", entry("gelf"), True),
        ("container:api", entry(), True),
        ("container:API", entry(), True),
        ("container:a*", entry(), True),
        ("container:*", entry(), True),
        ("container:api", entry("journal", "api"), False),
        ("container:ap", entry(), False),
        ("container:0123ab", entry(container_id="0123abcdef45"), True),
        ("container:0123AB", entry(container_id="0123abcdef45"), True),
        ("container:0123abcdef45" + "0" * 52, entry(container_id="0123abcdef45"), True),
        ("container:123abc", entry(container_id="0123abcdef45"), False),
        ("container:0123a", entry(container_id="0123abcdef45"), False),
        ("container:0123ab", entry("app", "x", container_id="0123abcdef45"), False),
        ("container:0123ab", entry(container_id=7), False),
        ("container:abcdef", entry(), False),
        ("unit:ssh.service", entry("journal", "ssh.service"), True),
        ("unit:ssh*", entry("journal", "ssh.service"), True),
        ("unit:ssh", entry("journal", "ssh.service"), False),
        ("unit:api", entry(), False),
        ("unit:*", entry("journal", "system"), True),
        ("unit:*", entry(), False),
        ("file:/var/log/app.log", entry("app", "/var/log/app.log"), True),
        ("file:app.log", entry("app", "/var/log/app.log"), True),
        ("file:log/app.log", entry("app", "/var/log/app.log"), True),
        ("file:pp.log", entry("app", "/var/log/app.log"), False),
        ("file:*.log", entry("app", "/var/log/app.log"), True),
        ("file:/var/*", entry("app", "/var/log/app.log"), True),
        ("file:app*", entry("app", "/var/log/app.log"), True),
        ("file:APP.LOG", entry("app", "/var/log/app.log"), True),
        ("file:app.log", entry("docker", "/var/log/app.log"), False),
        ("service:api", entry(), True),
        ("service:api", entry("journal", "ssh", service="API"), True),
        ("service:api", entry("journal", "ssh", service="x"), False),
        ("service:ap*", entry(service="x"), True),
        ("logger:core.*", entry(logger="core.trading"), True),
        ("logger:core", entry(logger="core.trading"), False),
        ("trace:ABC12345", entry(trace_id="abc12345"), True),
        ("trace:*", entry(trace_id="abc12345"), True),
        ("trace:*", entry(), False),
        ("stream:stderr", entry(stream="stderr"), True),
        ("host:web-1", entry(host="Web-1"), True),
        (f"id:{ID}", entry(), True),
        (f"id:{ID.upper()}", entry(), True),
        (f"id:{ID[:-1]}2", entry(), False),
    ],
)
def test_a_known_name_means(text: str, given: LogEntry, *, expected: bool) -> None:
    assert field_matches(field(text), given) is expected


@pytest.mark.parametrize(
    ("text", "metadata", "expected"),
    [
        ("user.id:42", {"user": {"id": 42}}, True),
        ("user.id:42", {"user.id": 42}, True),
        ("a.b.c:1", {"a.b": {"c": 1}}, True),
        ("a.b.c:1", {"a": {"b.c": 1}}, True),
        ("a.b.c:1", {"a": {"b": 1}}, False),
        ("a.b:1", {"a": [{"b": 2}, {"b": 1}]}, True),
        ("a:1", {"a": [[0], [1]]}, True),
        ("a:3", {"a": [1, 2]}, False),
        ("a:42", {"a": 42.0}, True),
        ("a:42.0", {"a": 42}, True),
        ("a:42.0", {"a": 42.0}, True),
        ("a:42.00", {"a": 42.0}, True),
        ("a:4e1", {"a": 40}, True),
        ("a:42", {"a": "42"}, True),
        ("a:42.0", {"a": "42"}, False),
        ("a:9007199254740993", {"a": 9007199254740993}, True),
        ("a:9007199254740992", {"a": 9007199254740993}, False),
        ("a:1", {"a": True}, False),
        ("a:true", {"a": True}, True),
        ("a:TRUE", {"a": True}, True),
        ("a:true", {"a": "true"}, True),
        ("a:null", {"a": None}, True),
        ("a:null", {}, False),
        ("a:none", {"a": None}, False),
        ("a:Kim", {"a": "kim"}, True),
        ("a:kim", {"a": "kims"}, False),
        ("a:k*", {"a": "Kim"}, True),
        ("a:*i*", {"a": "Kim"}, True),
        ("a:4*", {"a": 42}, True),
        ('a:"two words"', {"a": "Two Words"}, True),
        ('a:""', {"a": ""}, True),
        ('a:""', {"a": "x"}, False),
        ("a:주문", {"a": "주문"}, True),
        ("a:*", {"a": None}, True),
        ("a:*", {"a": {}}, True),
        ("a:*", {"a": []}, True),
        ("a:*", {"b": 1}, False),
        ("a.b:*", {"a": [{}, {"b": 0}]}, True),
        ("a:x", {"a": {"x": "x"}}, False),
        ("A:1", {"a": 1}, False),
        ("a:>=500", {"a": 500}, True),
        ("a:>=500", {"a": "503"}, True),
        ("a:>500", {"a": 500}, False),
        ("a:<500", {"a": 499.5}, True),
        ("a:<500", {"a": "99"}, True),
        ("a:>=500", {"a": "ok"}, False),
        ("a:>=0", {"a": True}, False),
        ("a:>=0", {"a": None}, False),
        ("a:>=0", {}, False),
        ("a:<0", {}, False),
        ("a:>=-5", {"a": -5}, True),
        ("a:>1", {"a": [0, 2]}, True),
        ("a:>=2026-11-20", {"a": "2026-11-20T01:00:00Z"}, True),
        ("a:<2026-11-20", {"a": "2026-11-19"}, True),
        ("a:>=2026", {"a": "2026-11-19"}, True),
        ("a:>=m", {"a": "Zed"}, True),
        ("a:>=m", {"a": 7}, False),
        ("metadata.id:7", {"id": 7}, True),
        ("metadata.level:loud", {"level": "loud"}, True),
        ("metadata.name:x", {"metadata": {"name": "x"}}, True),
        ("metadata:x", {"metadata": "x"}, True),
    ],
)
def test_another_name_is_a_path_into_metadata(
    text: str, metadata: dict[str, Any], *, expected: bool
) -> None:
    assert field_matches(field(text), LogEntry("app", "x", LogLevel.INFO, "", 0, metadata)) is expected


@given(st.data())
def test_the_two_steps_of_a_store_give_the_answer(data: st.DataObject) -> None:
    entry = data.draw(entries())
    field = data.draw(fields([entry]))
    assert isinstance(field, Field)
    assert entry_id(field) is None
    answer = stream_test(field)(entry.source, entry.source_id, entry.level)
    if answer is None:
        answer = metadata_test(field)(entry.metadata)
    assert answer is field_matches(field, entry)


@given(METADATA)
def test_every_leaf_is_reached_by_its_path(metadata: dict[str, Any] | None) -> None:
    paths = leaf_paths(metadata)
    assert len(paths) == len(set(paths))
    assert all(value_texts(metadata, path) for path in paths)


def test_paths_and_values_of_metadata() -> None:
    metadata = {
        "user": {"id": 42},
        "tags": ["a", 1.5, None, "a"],
        "items": [{"sku": 1}, {"sku": 2}],
        "no": {},
    }
    assert leaf_paths(metadata) == ["user.id", "tags", "items.sku"]
    assert value_texts(metadata, "tags") == ["a", "1.5", "null"]
    assert value_texts(metadata, "items.sku") == ["1", "2"]
    assert value_texts(metadata, "no") == []
    assert value_texts(None, "x") == []


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(pattern: str, value: str) -> None:
    assert compile_glob(pattern)(value) is _slowly(pattern, value)


def _slowly(pattern: str, value: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(_slowly(pattern[1:], value[at:]) for at in range(len(value) + 1))
    return value[:1] == pattern[0] and _slowly(pattern[1:], value[1:])


def test_a_hostile_pattern_takes_linear_time() -> None:
    assert not compile_glob("*a" * 2_000 + "*b")("a" * 100_000)


@pytest.mark.parametrize(
    "wrong",
    [
        Field("level", Op.EQ, "loud"),
        Field("source", Op.GT, "a"),
        Field("no name", Op.EQ, "a"),
        Field("", Op.EQ, "a"),
        Field("n", Op.LT, ""),
        Field("id", Op.EQ, "7"),
    ],
)
def test_a_field_without_sense_is_refused(wrong: Field) -> None:
    with pytest.raises(QueryError):
        canonical(wrong)
    with pytest.raises(QueryError):
        field_matches(wrong, entry())


def test_every_example_of_a_known_name_is_right() -> None:
    for meaning in FIELDS.values():
        if meaning.name != "id":
            assert field(f"{meaning.name}:{meaning.example}").name == meaning.name
