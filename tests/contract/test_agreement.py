"""Every store answers generated queries over generated entries as the reference does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order
from hantu.query.match import matches
from hantu.store.base import LogStorage
from hantu.store.keeping import rule_of
from hantu.store.memory import MemoryStore
from tests.contract.conftest import MakeStore
from tests.contract.strategies import SECOND_NS, START_NS, entry_lists, queries

# The fixture only makes new stores, so it may serve many examples.
MANY = settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
FACETS = ("source", "source_id", "level", "user.id", "a.b", "status", "logger", "trace_id", "키")


def content(entries: Sequence[LogEntry]) -> list[tuple[Any, ...]]:
    """What must be equal between two stores: all but key, id and created_ns."""
    return [
        (each.source, each.source_id, each.level, each.message, each.time_ns, each.metadata or None)
        for each in entries
    ]


def filled(
    make_store: MakeStore, entries: Sequence[LogEntry], batches: int
) -> tuple[LogStorage, LogStorage]:
    """A new store and the reference with the same entries, written in some batches."""
    store, reference = make_store(), MemoryStore()
    size = max(1, -(-len(entries) // batches))
    for first in range(0, len(entries), size):
        part = entries[first : first + size]
        assert store.write_batch(part).accepted == reference.write_batch(part).accepted
    return store, reference


@pytest.mark.promise("M4", "M8", "M16")
@MANY
@given(st.data())
def test_every_store_answers_as_the_reference_does(make_store: MakeStore, data: st.DataObject) -> None:
    entries = data.draw(entry_lists(), label="entries")
    store, reference = filled(make_store, entries, data.draw(st.integers(1, 4), label="batches"))
    try:
        for _ in range(4):
            query = data.draw(queries(entries), label="query")
            order = data.draw(st.sampled_from(Order), label="order")
            agree(store, reference, replace(query, order=order), data)
    finally:
        store.close()


def agree(store: LogStorage, reference: LogStorage, query: LogQuery, data: st.DataObject) -> None:
    """Compare every reading method for one query."""
    expected = reference.search(replace(query, limit=10_000)).entries
    found = store.search(replace(query, limit=10_000))
    assert content(found.entries) == content(expected)
    assert (found.next, found.complete) == (None, True)
    assert all(matches(query, each) for each in found.entries)
    total = store.count(query)
    assert (total.count, total.exact) == (len(expected), True)
    assert content(list(store.export(query))) == content(expected)
    assert content(store.arrivals(query, most=10_000).entries) == content(
        reference.arrivals(query, most=10_000).entries
    )
    paged(store, query, expected, data.draw(st.integers(1, 7), label="page"))
    if expected:
        in_the_middle(store, reference, query, data)
    start_ns = START_NS - data.draw(st.integers(0, 90_000), label="before") * SECOND_NS
    bounds = {"start_ns": start_ns, "end_ns": START_NS + 7 * SECOND_NS + 1, "buckets": 7}
    assert store.histogram(query, **bounds) == reference.histogram(query, **bounds)
    assert store.facets(query, FACETS, most=4) == reference.facets(query, FACETS, most=4)


def paged(store: LogStorage, query: LogQuery, expected: Sequence[LogEntry], limit: int) -> None:
    """Pages joined are the whole; an offset passes over."""
    joined: list[LogEntry] = []
    page = store.search(replace(query, limit=limit))
    joined.extend(page.entries)
    while page.next is not None:
        page = store.search(replace(query, limit=limit).past(page.next))
        joined.extend(page.entries)
    assert content(joined) == content(expected)
    passed = store.search(replace(query, limit=limit, offset=limit)).entries
    assert content(passed) == content(expected[limit : 2 * limit])


def in_the_middle(store: LogStorage, reference: LogStorage, query: LogQuery, data: st.DataObject) -> None:
    """Context, and what arrived after an entry."""
    mine = store.search(replace(query, limit=10_000)).entries
    theirs = reference.search(replace(query, limit=10_000)).entries
    at = data.draw(st.integers(0, len(mine) - 1), label="entry")
    around = {"before": 2, "after": 3, "all_sources": data.draw(st.booleans(), label="all")}
    assert content(store.context(mine[at], **around)) == content(reference.context(theirs[at], **around))
    assert store.get(mine[at].id) == mine[at]
    ours = store.arrivals(query.after(mine[at].key), most=2)
    wanted = reference.arrivals(query.after(theirs[at].key), most=2)
    assert content(ours.entries) == content(wanted.entries)
    assert (ours.skipped, ours.cursor) == (wanted.skipped, store.cursor())


RULES = st.builds(
    rule_of,
    st.sampled_from(
        ("docker", "journal", "app", "docker:a*", "level:debug", "level:<=info", "app level:>=warn")
    ),
    st.sampled_from((0.0, 0.00001, 0.25, 30.0)),
)


@settings(MANY, max_examples=25)
@given(st.data())
def test_every_store_removes_what_the_reference_removes(make_store: MakeStore, data: st.DataObject) -> None:
    entries = data.draw(entry_lists(), label="entries")
    store, reference = filled(make_store, entries, 3)
    try:
        days = data.draw(st.sampled_from((0.0, 0.00001, 0.5, 7.0)), label="days")
        rules = data.draw(st.lists(RULES, max_size=3), label="rules")
        wanted = reference.removable(days, now_ns=START_NS, rules=rules)
        assert store.removable(days, now_ns=START_NS, rules=rules) == wanted
        gone = store.cleanup(days, now_ns=START_NS, rules=rules)
        assert gone == reference.cleanup(days, now_ns=START_NS, rules=rules)
        assert gone == sum(each.entries for each in wanted)
        assert all(each.entries == 0 for each in store.removable(days, now_ns=START_NS, rules=rules))
        query = replace(data.draw(queries(entries), label="query"), limit=10_000)
        assert content(store.search(query).entries) == content(reference.search(query).entries)
        mine, theirs = store.stats(), reference.stats()
        assert (mine.entries, mine.by_source, mine.by_level) == (
            theirs.entries,
            theirs.by_source,
            theirs.by_level,
        )
        assert (mine.oldest_ns, mine.newest_ns) == (theirs.oldest_ns, theirs.newest_ns)
        assert [(each.source, each.source_id, each.newest_ns) for each in store.source_ids()] == [
            (each.source, each.source_id, each.newest_ns) for each in reference.source_ids()
        ]
    finally:
        store.close()
