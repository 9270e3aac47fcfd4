"""What is allowed in an execution, a change and an artifact, and what is said of the rest."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest

from hantu.executions import (
    KEEP,
    Change,
    NewArtifact,
    NewExecution,
    NotAllowed,
    TooLarge,
    check_artifact,
    check_change,
    check_new,
    check_reason,
    execution_uuid,
    new_id,
)
from hantu.executions.limits import JSON_BYTES_MOST, OUTPUT_BYTES_MOST, PROMPT_BYTES_MOST

NEW = NewExecution(job_name="nightly-report", prompt="어제 주문을 요약한다")
FILE = NewArtifact(file_name="report.csv")


def deep(levels: int) -> dict[str, Any]:
    inside: dict[str, Any] = {}
    for _ in range(levels - 1):
        inside = {"a": inside}
    return inside


@pytest.mark.promise("M100")
def test_only_a_job_and_a_prompt_are_needed() -> None:
    check_new(NEW)
    assert (NEW.model, NEW.max_tokens) == ("claude-sonnet-4-20250514", 4096)


LONGEST: list[tuple[str, Any, Any]] = [
    ("job_name", "가" * 255, "가" * 256),
    ("pod_name", "p" * 255, "p" * 256),
    ("model", "m" * 100, "m" * 101),
    ("prompt", "가" * (PROMPT_BYTES_MOST // 3), "가" * (PROMPT_BYTES_MOST // 3 + 1)),
    ("callback_url", "https://a/" + "c" * 2038, "https://a/" + "c" * 2039),
    ("metadata", {"a": "x" * (JSON_BYTES_MOST - 8)}, {"a": "x" * (JSON_BYTES_MOST - 7)}),
    ("resources", {"a": "x" * (JSON_BYTES_MOST - 8)}, {"a": "x" * (JSON_BYTES_MOST - 7)}),
]


@pytest.mark.promise("M100", "M101", "M112")
@pytest.mark.parametrize(("field", "longest", "longer"), LONGEST, ids=[row[0] for row in LONGEST])
def test_each_part_of_an_execution_has_its_longest(field: str, longest: Any, longer: Any) -> None:
    check_new(replace(NEW, **{field: longest}))
    with pytest.raises(TooLarge, match="at most") as refused:
        check_new(replace(NEW, **{field: longer}))
    assert refused.value.field == field


def test_json_may_have_some_levels() -> None:
    check_new(replace(NEW, metadata=deep(100), resources={"a": [[], {"b": ()}]}))


REFUSED: list[tuple[str, Any]] = [
    ("job_name", ""),
    ("job_name", " \n"),
    ("job_name", "\ud800"),
    ("job_name", 7),
    ("prompt", ""),
    ("model", ""),
    ("max_tokens", 0),
    ("max_tokens", 1 << 31),
    ("max_tokens", True),
    ("max_tokens", 1.5),
    ("metadata", []),
    ("metadata", {"a": float("nan")}),
    ("metadata", {"a": "\udfff"}),
    ("metadata", {1: "a"}),
    ("metadata", deep(100_000)),
    ("metadata", deep(101)),
    ("resources", "2 cores"),
    ("timeout_ms", 0),
    ("timeout_ms", -1),
    ("callback_url", "ftp://example.org/"),
    ("callback_url", "javascript:alert(1)"),
    ("callback_url", "https://"),
    ("callback_url", "http://[::1"),
    ("callback_url", "http://a:99999/"),
    ("callback_url", "http://a/\r\nX: y"),
    ("trace_id", "short"),
    ("trace_id", "abc 12345"),
    ("trace_id", "a" * 65),
    ("trace_id", "가나다라마바사아"),
    ("id", "no-uuid"),
    ("retain_until_ns", -1),
    ("retain_until_ns", 1 << 63),
    ("is_permanent", 1),
]


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_what_an_execution_may_not_have_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(NotAllowed, match=rf"^{field} ") as refused:
        check_new(replace(NEW, **{field: value}))
    assert refused.value.field == field
    assert not isinstance(refused.value, TooLarge)


@pytest.mark.promise("M103", "M104", "M105", "M113")
def test_a_change_may_set_each_of_its_fields_or_empty_it() -> None:
    values: dict[str, Any] = {
        "pod_name": "run-7c9f",
        "output": "끝",
        "tokens_used": 14_906,
        "input_tokens": 12_696,
        "output_tokens": 2_210,
        "error_code": "E_FULL",
        "error_message": "가득 찼다",
        "error_details": [1, None, {"a": "b"}],
        "cost_micros": 71_482,
        "metadata": {"a": 1},
        "retain_until_ns": 1,
        "exit_code": -9,
        "peak_memory_bytes": 1 << 40,
        "cpu_ms": 12,
    }
    change = Change(**values, is_permanent=True)
    check_change(change)
    check_change(Change(**dict.fromkeys(values)))
    assert change.given() == {**values, "is_permanent": True}
    assert Change().given() == {}
    assert {each.name for each in fields(Change)} == {*values, "status", "is_permanent"}
    assert all(each.default is KEEP for each in fields(Change))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "DONE"),
        ("status", None),
        ("is_permanent", None),
        ("tokens_used", -1),
        ("input_tokens", "1"),
        ("output_tokens", 1 << 31),
        ("error_code", "e" * 101),
        ("error_details", {"a": object()}),
        ("error_message", "e" * (64 * 1024 + 1)),
        ("output", "o" * (OUTPUT_BYTES_MOST + 1)),
        ("pod_name", "p" * 256),
        ("cost_micros", 10_000_000_000),
        ("cost_micros", -1),
        ("exit_code", 1 << 31),
        ("cpu_ms", -1),
    ],
)
def test_what_a_change_may_not_set_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(NotAllowed, match=rf"^{field} "):
        check_change(Change(**{field: value}))


@pytest.mark.promise("M109")
@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b", "..\\a", "%2f", "정산요약.md", "가" * 255]
)
def test_the_name_of_an_artifact_is_data(name: str) -> None:
    check_artifact(replace(FILE, file_name=name))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_name", ""),
        ("file_name", "n" * 256),
        ("file_name", "\ud800"),
        ("type", "PICTURE"),
        ("mime_type", "m" * 101),
        ("checksum", "A" * 64),
        ("checksum", "0" * 63),
        ("file_size", -1),
        ("tags", {"a": 1}),
        ("tags", {"a": "x" * 16_384}),
        ("retention_days", 0),
        ("retention_days", float("nan")),
        ("retention_days", True),
        ("retention_days", 36_501),
        ("id", "x"),
    ],
)
def test_what_an_artifact_may_not_have_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(NotAllowed, match=rf"^{field} "):
        check_artifact(replace(FILE, **{field: value}))


def test_a_reason_is_short() -> None:
    check_reason("r" * 1000)
    with pytest.raises(TooLarge):
        check_reason("r" * 1001)


@pytest.mark.promise("M117")
def test_an_id_is_a_uuid_that_sorts_by_time() -> None:
    ids = [new_id(1_700_000_000_000_000_000 + at * 1_000_000) for at in range(50)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 50
    assert {(UUID(each).version, UUID(each).variant) for each in ids} == {(7, "specified in RFC 4122")}


def test_an_id_is_known_however_it_is_written() -> None:
    one = "0192f6c4-71d2-7a3e-8000-0123456789ab"
    assert execution_uuid(one.upper()) == execution_uuid("{" + one + "}") == one
    for wrong in ("", "x", None, 7):
        with pytest.raises(NotAllowed):
            execution_uuid(wrong)  # type: ignore[arg-type]  # what somebody may send


def test_a_message_shows_what_is_allowed() -> None:
    with pytest.raises(NotAllowed) as refused:
        check_new(replace(NEW, max_tokens=0))
    assert str(refused.value) == "max_tokens is a whole number from 1 to 2,147,483,647"
    assert json.dumps(refused.value.allowed)
