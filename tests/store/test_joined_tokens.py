"""Numbers under their names and addresses in filters: what is there is never denied."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hantu.query.expr import Field, Op, Substring
from hantu.query.fields import metadata_test
from hantu.query.logquery import LogQuery
from hantu.store.sqlite.filter import (
    Filter,
    HashArray,
    JoinedHash,
    joined_hash,
    joined_hashes,
    look_up,
    row_of,
    token_hash,
    transpose,
    write_filter,
)
from hantu.store.sqlite.joined_tokens import metadata_number_hashes, number_hashes
from hantu.store.sqlite.values import runs_of
from tests.store.made import entry
from tests.store.test_plan import Sealed

NAMES = st.sampled_from(["id", "user.id", "user_id", "Id", "i", "ms", "a-b", "é", "idé", "id_", "키id"])
NUMBERS = st.one_of(
    st.integers(-60, 60),
    st.sampled_from(
        [0, 42, 42.0, -42, 4.2e1, 420e-1, 1e5, 1e22, 100_000, 99_999, 12_345, 12_345.0, 1e16, 0.5]
    ),
    st.sampled_from(
        ["42", "+42", "-42", "042", "42.0", "\x1b[31m42", "4\x1b[1m2", "42\u0301", "x42", "12345", "4e1"]
    ),
)
VALUES = st.recursive(
    NUMBERS | st.booleans() | st.none() | st.text('ab4 2:,"[{\\', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
WAYS = st.sampled_from(
    [
        lambda metadata: msgspec.json.encode(metadata),
        lambda metadata: json.dumps(metadata).encode(),
        lambda metadata: json.dumps(metadata, separators=(",", ":")).encode(),
        lambda metadata: json.dumps(metadata, ensure_ascii=False, separators=(" ,", " :")).encode(),
        lambda metadata: json.dumps(metadata, indent=1).encode().replace(b"\n", b"\t"),
    ]
)
WANTED = st.sampled_from(["42", "-42", "+42", "0", "7", "-7", "5", "99999", "12345", "100000"])
FIELDS = st.sampled_from(["user.id", "user_id", "a-b", "i", "metadata.id", "id_", "x.user.id"])


def held_by(texts: bytes) -> set[int]:
    """The hashes of metadata texts, those of values with a token of their own among them."""
    runs = runs_of(texts)
    long = [
        token_hash(texts[start : start + length])
        for start, length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True)
        if length >= 5
    ]
    return {*metadata_number_hashes(texts, runs).tolist(), *long}


@settings(max_examples=1_000, deadline=None)
@example([{"id": 42}], json.dumps, "metadata.id", "42")
@example([{"id": [[42]]}], json.dumps, "metadata.id", "42")
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=3), WAYS, FIELDS, WANTED)
def test_a_number_that_is_there_is_held(
    objects: list[dict[str, Any]], way: Any, name: str, wanted: str
) -> None:
    holds = metadata_test(Field(name, Op.EQ, wanted))
    written = [way(each) for each in objects]
    texts = b"\n".join(each if isinstance(each, bytes) else each.encode() for each in written)
    hashes = number_hashes(name.rsplit(".", maxsplit=1)[-1], wanted)
    if hashes and any(holds(each) for each in objects):
        assert held_by(texts) & set(hashes)


def test_digits_of_an_id_are_held_as_they_are_spelled() -> None:
    held = held_by(b'{"id":"0042"}\n{"n":7}\n{"trace_id":"00002710"}')
    assert held & set(number_hashes("id", "0042"))
    assert held & set(number_hashes("n", "007"))
    assert held & set(number_hashes("trace_id", "00002710"))
    for name, value in (("id", "42"), ("id", "043"), ("n", "0042"), ("trace_id", "00002711")):
        assert not held & set(number_hashes(name, value))


def test_a_number_that_is_not_there_is_seldom_held() -> None:
    texts = b'{"user":{"id":41},"ms":42,"name":"id 42"}\n{"pid":4242,"ratio":0.42,"tag":"id","n":-420}'
    held = held_by(texts)
    assert not held & set(number_hashes("id", "42"))
    assert held & set(number_hashes("id", "41"))
    assert held & set(number_hashes("ms", "42"))
    assert held & set(number_hashes("n", "-420"))


@pytest.mark.parametrize("value", ["", "4.2", "1e5", "x", "4*", "1234567890123456", " 42"])
def test_of_what_is_no_plain_number_nothing_is_said(value: str) -> None:
    assert number_hashes("id", value) == ()
    assert number_hashes("id_", "42") == ()


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), min_size=1, max_size=9))
def test_joined_hashes_of_many_are_those_of_each(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(each, np.uint64) for each in zip(*pairs, strict=True))
    assert joined_hashes(first, second).tolist() == [joined_hash(*pair) for pair in pairs]


def test_filters_of_older_files_deny_no_joined_token() -> None:
    hashes: HashArray = np.array([token_hash(b"held%d" % at) for at in range(200)], np.uint64)
    new = write_filter(hashes, 10**6)
    old = b"\x01" + new[1:]
    token = next(
        each for each in (joined_hash(at, at) for at in range(1, 1_000)) if not Filter(new).may_hold(each)
    )
    assert Filter(old).may_hold(token)
    assert not Filter(old).may_hold(int(token))
    row = transpose([old, new, old])[row_of(token)]
    assert look_up(row, token).tolist() == [True, False, True]
    assert look_up(row, int(token)).tolist() == [False, False, False]
    assert isinstance(token, JoinedHash)


ADDRESSES = [
    "refused rhost=10.1.2.3 port 26",
    "refused rhost=10.\x1b[1m1.2.3\x1b[0m port 26",
    "refused rhost=10\x1b(B.1.2.3 port 26",
    "refused rhost=10.1.2.33 port 26",
    "refused rhost=110.1.2.3 port 26",
    "refused rhost=10.1.2.x3 port 26",
    "refused rhost=10.1.2.3.4 port 26",
]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "part", ["rhost=10.1.2.3", "=10.1.2.3 ", "rhost=10.1.2.3 port", "t=10.1.2.3.4", ".1.2.3."]
)
def test_addresses_are_found_with_their_filter(part: str, times: int) -> None:
    made = Sealed([entry(message) for message in ADDRESSES * times])
    made.agrees(LogQuery(search=Substring(part)))


def test_a_filter_settles_addresses() -> None:
    made = Sealed([entry(f"refused rhost=10.1.{at % 50}.3 port {at}") for at in range(300)])
    shapes = made.frame.shapes
    for part, settled in (("rhost=10.2.7.3", True), ("rhost=10.1.77.", False), ("rhost=10.1.7.3", False)):
        plan = made.plan(LogQuery(search=Substring(part)))
        verdict = plan.groups(made.frame.cells, shapes, made.absent(plan))
        assert verdict[shapes > 0].any() != settled
