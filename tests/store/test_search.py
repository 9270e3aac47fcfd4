"""Searching: exact text, honest partial answers, late entries, readers beside the writer."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery, Order, Place
from hantu.query.match import matches
from hantu.store.base import QueryTimeout
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.entries import decode_metadata
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.sweep import Sweep, Unit
from tests.store.made import START_NS, asked, entry, many, opened, write_all

BLOCK = 500
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.promise("M3", "M6", "M7")
@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            TEXTS, TEXTS, st.none() | st.dictionaries(TEXTS, JSON, max_size=3), st.integers(-(2**62), 2**62)
        ),
        min_size=1,
        max_size=10,
    )
)
def test_entries_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, dict[str, Any] | None, int]],
) -> None:
    given = [
        entry(message, source_id=source_id, metadata=metadata, time_ns=time_ns)
        for message, source_id, metadata, time_ns in rows
    ]
    with opened(tmp_path_factory.mktemp("store") / "hantu.db") as store:
        store.write_batch(given)
        found = store.arrivals(LogQuery(), most=100).entries
    assert [seen(each) for each in found] == [seen(each) for each in given]


def seen(each: LogEntry) -> tuple[object, ...]:
    """What the sender gave."""
    return each.source, each.source_id, each.level, each.message, each.time_ns, each.metadata, each.event_id


@pytest.mark.parametrize(
    "message",
    [
        "",
        "\0",
        "a\0b\r\n",
        "\r\n",
        "\ufeff",
        "😀" * 10,
        "가" * (MESSAGE_LIMIT_BYTES // 3),
        "x" * MESSAGE_LIMIT_BYTES,
    ],
)
def test_odd_messages_come_back_exactly(tmp_path: Path, message: str) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([entry(message), entry("after")])
        assert store.arrivals(LogQuery(), most=9).entries[0].message == message
        assert store.search(asked("after")).entries[0].key == 2


def test_a_time_that_no_clock_has_is_kept_at_the_end_of_time(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([entry("far", time_ns=10**30), entry("now"), entry("long", time_ns=-(10**30))])
        assert [each.message for each in store.search(LogQuery()).entries] == ["far", "now", "long"]


def test_an_entry_that_is_no_json_or_no_utf_8_is_repaired_and_stored(tmp_path: Path) -> None:
    odd = {"object": object(), "half": "\ud800", "fine": 1}
    with opened(tmp_path / "hantu.db") as store:
        result = store.write_batch([entry("fine"), entry("half \ud800", metadata=odd)])
        assert result.accepted == 2
        last = store.search(asked("half")).entries[0]
    assert last.message == "half \ufffd"
    assert last.metadata is not None
    assert (last.metadata["half"], last.metadata["fine"]) == ("\ufffd", 1)
    assert last.metadata["object"].startswith("<object object")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """28 segments and a hot batch, 3 % of the lines late by hours, `rare` four times."""
    entries = [
        replace_time(each, -20_000 if number % 33 == 0 else 0, word=" rare" if number % 4_000 == 7 else "")
        for number, each in enumerate(many(28 * BLOCK + 300))
    ]
    path = tmp_path_factory.mktemp("big") / "hantu.db"
    with opened(path, seal_entries=BLOCK, background=False) as store:
        write_all(store, entries, size=BLOCK)
        yield store


def replace_time(each: LogEntry, late_s: int, *, word: str) -> LogEntry:
    """The entry, late, with a word more."""
    return entry(
        each.message + word,
        time_ns=each.time_ns + late_s * 10**9,
        level=each.level,
        source_id=each.source_id,
        metadata=each.metadata,
    )


QUERIES = (
    "",
    "rare",
    "line",
    "line*",
    "*ne12*",
    "/ne 12/",
    "level:fatal",
    "container:svc-1",
    "host:web-1",
    "주문",
    "-rare 976",
)


@pytest.mark.promise("M4", "M16")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("text", QUERIES)
def test_pages_over_many_blocks_hold_every_match_once_in_order(
    big: SqliteStore, text: str, order: Order
) -> None:
    query = replace(asked(text), order=order)
    whole = sorted((each.time_ns, each.key) for each in big.arrivals(query, most=10**6).entries)
    if order is Order.NEWEST:
        whole.reverse()
    limit = max(3, len(whole) // 4)
    page = big.search(replace(query, limit=limit))
    found = list(page.entries)
    while page.next is not None:
        page = big.search(replace(query.past(page.next), limit=limit))
        found += page.entries
    assert [(each.time_ns, each.key) for each in found] == whole
    assert [(each.time_ns, each.key) for each in big.export(query)] == whole
    assert big.count(query, cap=10**6).count == len(whole)


@pytest.mark.parametrize("text", ["", "rare", "level:fatal", "host:web-1"])
def test_counts_of_blocks_and_rows_agree(big: SqliteStore, text: str) -> None:
    first, last = START_NS + 1_234 * 10**9, START_NS + 14_321 * 10**9
    query = replace(asked(text), start_ns=first, end_ns=last)
    histogram = big.histogram(query, start_ns=first, end_ns=last, buckets=17)
    entries = list(big.export(query))
    assert sum(map(sum, histogram.counts)) == len(entries) == big.count(query, cap=10**6).count
    for bucket, counts in enumerate(histogram.counts):
        low = histogram.start_ns + bucket * histogram.width_ns
        inside = [each for each in entries if low <= each.time_ns < low + histogram.width_ns]
        assert sum(counts) == len(inside)
    (facet,) = big.facets(query, ["source_id"])
    assert dict(facet.values) == {
        name: sum(each.source_id == name for each in entries)
        for name in {each.source_id for each in entries}
    }


def test_words_count_beside_a_trace_or_an_id(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        for number in range(3):
            late = entry(f"late n{number}", at=-9, metadata={"trace_id": "abc"})
            write_all(store, [late, entry(f"n{number}", metadata={"trace_id": "abc"}), *many(BLOCK)])
        own = store.search(asked("n1 -late")).entries[0].id
        for text, found in {
            "trace:abc n1": ["n1", "late n1"],
            "trace:ABC -late": ["n2", "n1", "n0"],
            "trace:abc n* late": ["late n2", "late n1", "late n0"],
            f"id:{own} n1": ["n1"],
            f"id:{own} n2": [],
        }.items():
            assert [each.message for each in store.search(asked(text)).entries] == found
            assert {each.message for each in store.arrivals(asked(text), most=9).entries} == set(found)
            assert store.count(asked(text)).count == len(found)


def slowed(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, test: Callable[[Reader, int], None]
) -> None:
    """Call test(reader, how many segments were looked into) at each segment that is looked into."""
    sweep, lines = store._search.sweep, Unit.lines
    readers: list[Reader] = []
    count = 0

    def swept(reader: Reader, query: LogQuery) -> Sweep:
        readers.append(reader)
        return sweep(reader, query)

    def counted(unit: Unit) -> IntArray:
        nonlocal count
        count += 1
        test(readers[-1], count)
        return lines(unit)

    monkeypatch.setattr(store._search, "sweep", swept)
    monkeypatch.setattr(Unit, "lines", counted)


@pytest.mark.parametrize("order", Order)
def test_a_search_cut_short_holds_every_match_up_to_where_it_looked(
    big: SqliteStore, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    query = replace(asked("/line 1/"), order=order, limit=10_000)
    whole = big.search(query).entries
    assert len(whole) > 2_000

    def late(reader: Reader, count: int) -> None:
        if count == 9:
            reader.deadline.at = time.monotonic()

    with monkeypatch.context() as patch:
        slowed(big, patch, late)
        page = big.search(query)
    assert not page.complete
    assert page.searched_to_ns is not None
    near = [
        each
        for each in whole
        if (
            each.time_ns >= page.searched_to_ns
            if order is Order.NEWEST
            else each.time_ns < page.searched_to_ns
        )
    ]
    assert list(page.entries) == near
    assert page.next is not None
    rest = big.search(query.past(page.next))
    assert rest.complete
    assert [*page.entries, *rest.entries] == list(whole)


def test_patterns_cut_short_are_those_of_the_newest_lines(
    big: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = {"start_ns": START_NS, "end_ns": START_NS + 10**15}
    whole = big.patterns(asked(), **bounds)
    assert whole.complete

    def late(reader: Reader, count: int) -> None:
        if count == 9:
            reader.deadline.at = time.monotonic()

    with monkeypatch.context() as patch:
        slowed(big, patch, late)
        found = big.patterns(asked(), **bounds)
    assert not found.complete
    assert found.searched_to_ns is not None
    newest = big.patterns(replace(asked(), start_ns=found.searched_to_ns), **bounds)
    assert 0 < newest.total <= found.total < whole.total
    assert all(pattern.example is not None for pattern in found.patterns)


def test_a_search_that_found_nothing_in_its_time_says_what_to_do(
    big: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(reader: Reader, _count: int) -> None:
        reader.deadline.at = time.monotonic()

    with monkeypatch.context() as patch:
        slowed(big, patch, late)
        page = big.search(asked("/nothing[0-9]/"))
        assert (page.entries, page.complete) == ((), False)
        assert page.searched_to_ns is not None
        assert big.count(asked("/nothing[0-9]/")).exact is False
        counted = big.histogram(
            asked("/nothing[0-9]/"), start_ns=START_NS, end_ns=START_NS + 10**15, buckets=3
        )
        assert counted.complete is False
        assert [each.complete for each in big.facets(asked("/x[0-9]/"), ["level"])] == [False]
    with monkeypatch.context() as patch:
        sweep = big._search.sweep

        def slow(reader: Reader, query: LogQuery) -> Sweep:
            late(reader, 0)
            return sweep(reader, query)

        patch.setattr(big._search, "sweep", slow)
        with pytest.raises(QueryTimeout, match=r"time limit of 60 s.*shorter time range"):
            big.search(asked("/nothing[0-9]/"), time_limit_ms=60_000)
    # The connection that was interrupted works again.
    assert len(big.search(asked("line")).entries) == 100


def test_values_of_metadata_are_counted_no_longer_than_the_limit(
    big: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = ["host", "stream"]
    decoded = 0
    sweep = big._search.sweep
    readers: list[Reader] = []

    def swept(reader: Reader, query: LogQuery) -> Sweep:
        readers.append(reader)
        return sweep(reader, query)

    def late(packed: bytes) -> dict[str, object]:
        nonlocal decoded
        decoded += 1
        if decoded == 2:
            readers[-1].deadline.at = time.monotonic()
        return decode_metadata(packed)

    whole = big.facets(asked(), fields)
    assert all(facet.complete for facet in whole)
    with monkeypatch.context() as patch:
        patch.setattr(big._search, "sweep", swept)
        patch.setattr("hantu.store.sqlite.tallies.decode_metadata", late)
        cut = big.facets(asked(), fields)
    assert decoded == 2, "nothing is decoded after the time is over"
    assert [facet.complete for facet in cut] == [False, False]
    assert 0 < sum(count for _, count in cut[0].values) < sum(count for _, count in whole[0].values)


def test_arrivals_cut_short_go_on_where_they_ended(
    big: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = asked("/line 1/")
    whole = big.arrivals(query, most=10**6).entries

    def late(reader: Reader, count: int) -> None:
        if count == 9:
            reader.deadline.at = time.monotonic()

    with monkeypatch.context() as patch:
        slowed(big, patch, late)
        first = big.arrivals(query, most=10**6)
    assert first.cursor == 9 * BLOCK < big.cursor()
    rest = big.arrivals(query.after(first.cursor), most=10**6)
    assert (*first.entries, *rest.entries) == whole


def test_a_reader_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        write_all(store, many(3_000))
        exported = store.export(replace(asked("line"), order=Order.OLDEST))
        with store._database.reading(None) as reader:
            rows = reader.rows("SELECT first_key FROM hot ORDER BY first_key")
            first = rows.fetchone()
            next(exported)
            for number in range(50):
                store.write_batch(many(100, first=10_000 + number * 100), {"reader": b"%d" % number})
            assert store.count(LogQuery(), cap=10**6).count == 8_000
            # What the reader sees is still of the moment when it began.
            assert first == (1,)
            assert len(rows.fetchall()) == 1
        assert store.checkpoint("reader") == b"49"
        assert sum(1 for _ in exported) >= 2_999


def test_a_place_between_entries_of_one_time_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([entry(str(number)) for number in range(9)])
        older = store.search(LogQuery(place=Place(START_NS, 5)))
        newer = store.search(LogQuery(place=Place(START_NS, 5), order=Order.OLDEST))
    assert [each.key for each in older.entries] == [4, 3, 2, 1]
    assert [each.key for each in newer.entries] == [6, 7, 8, 9]


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"a{number}" for number in range(600)),
        " ".join(f"-a{number}" for number in range(600)),
        "line " + " ".join(f"-a{number}" for number in range(600)),
        " OR ".join(f"a{number}" for number in range(500)),
        " ".join(f"*{number}*" for number in range(700)),
        " OR ".join(f"*{number}*" for number in range(400)),
        " ".join(f"-x.y{number}:1" for number in range(350)),
        "(" * 30 + "line" + " -b)" * 30,
        "(" * 30 + "line" + " OR *b*)" * 30,
        '"AND" OR "NOT" OR "NEAR(a b)"',
        'a"b*^:{}()-',
        "message : line",
        "가*나*" * 300,
    ],
    ids=range(13),
)
def test_long_deep_and_hostile_queries_are_answered(tmp_path: Path, text: str) -> None:
    try:
        query = asked(text)
    except QueryError:
        return
    entries = [entry("line 1"), entry("not near(a b)"), entry("message: line")]
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch(entries)
        found = {each.message for each in store.search(query).entries}
        assert store.count(query).count == len(found) == len(store.arrivals(query, most=9).entries)
    assert found == {each.message for each in entries if matches(query, each)}


def test_export_of_long_lines_holds_few_of_them_in_memory(tmp_path: Path) -> None:
    long = "x" * 200_000
    with opened(tmp_path / "hantu.db", background=False) as store:
        write_all(store, [entry(f"{number} {long}", at=number) for number in range(600)], size=10)
        store.seal()
        tracemalloc.start()
        try:
            assert sum(1 for _ in store.export(LogQuery())) == 600
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # A segment at a time, and what taking it apart needs.
    assert peak_bytes < 200 * len(long)


def test_what_is_sealed_is_let_go_of(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=500, background=False) as store:
        for number in range(40):
            store.write_batch(many(100, first=number * 100))
            store.search(asked("line"))
        gc.collect()
        kept = [each for each in gc.get_objects() if isinstance(each, HotBatch)]
        assert len(kept) < 10
