"""Pages, arrivals and links to entries stay what they are while segments are sealed under them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order
from hantu.query.match import matches
from hantu.store.sqlite import SqliteStore
from tests.contract.strategies import entry_lists, queries
from tests.store.made import opened

MANY = settings(max_examples=25, deadline=None)
# Beyond all times that the strategy draws.
LATER_NS = 2**62
_numbers = count()


def _seal(store: SqliteStore, _: list[LogEntry]) -> None:
    store.seal()


def _write(store: SqliteStore, more: list[LogEntry]) -> None:
    store.write_batch(more)


def _write_and_seal(store: SqliteStore, more: list[LogEntry]) -> None:
    store.write_batch(more)
    store.seal()


def _leave(_store: SqliteStore, _more: list[LogEntry]) -> None:
    return


Act = Callable[[SqliteStore, list[LogEntry]], None]
ACTS = st.sampled_from((_leave, _seal, _write, _write_and_seal))


@pytest.mark.promise("M3", "M8")
@MANY
@given(st.data())
def test_pages_between_which_segments_are_sealed_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    entries = data.draw(entry_lists(), label="entries")
    query = replace(data.draw(queries(entries), label="query"), order=data.draw(st.sampled_from(Order)))
    newest_first = query.order is Order.NEWEST
    path = tmp_path_factory.mktemp("pages") / f"{next(_numbers)}.db"
    with opened(path, background=False) as store:
        for at in range(0, len(entries), 3):
            store.write_batch(entries[at : at + 3])
        every = list(store.export(LogQuery()))
        expected = [each for each in every if matches(query, each)]
        expected.sort(key=lambda each: (each.time_ns, each.key), reverse=newest_first)
        # What is written meanwhile lies before the first page, or behind the last one.
        more = [msgspec.structs.replace(each, time_ns=LATER_NS, event_id=None) for each in entries[:2]]
        limit = data.draw(st.integers(1, 4), label="page")
        page = store.search(replace(query, limit=limit))
        joined = list(page.entries)
        while page.next is not None:
            data.draw(ACTS, label="between")(store, more)
            page = store.search(replace(query, limit=limit).past(page.next))
            joined += page.entries
        if not newest_first:
            joined = [each for each in joined if each.time_ns != LATER_NS]
        assert joined == expected
        store.seal()
        # Links that were given away while an entry was hot, and the places of live views.
        assert [store.get(each.id) for each in expected] == expected


@pytest.mark.promise("M8")
@MANY
@given(st.data())
def test_arrivals_between_which_segments_are_sealed_come_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    entries = data.draw(entry_lists(), label="entries")
    path = tmp_path_factory.mktemp("arrivals") / f"{next(_numbers)}.db"
    with opened(path, background=False) as store:
        seen: list[LogEntry] = []
        cursor = 0
        for at in range(0, len(entries), 2):
            part = entries[at : at + 2]
            data.draw(ACTS, label="between")(store, part)
            found = store.arrivals(LogQuery(after_key=cursor), most=100)
            seen += found.entries
            cursor = found.cursor
        assert seen == sorted(store.export(LogQuery()), key=lambda each: each.key)
        assert len({each.id for each in seen}) == len(seen)
