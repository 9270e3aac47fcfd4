"""What LogStorage promises, asked of every implementation: reading."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from hantu.model import DOCKER, JOURNAL, LogLevel
from hantu.query.expr import Word
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, Page
from tests.contract.samples import OLDEST, TIMES, all_pages, asked, entry, messages
from tests.contract.strategies import SECOND_NS, START_NS

# Searching


@pytest.mark.promise("M8")
def test_a_query_gives_entries_and_total(store: LogStorage) -> None:
    store.write_batch([entry(f"주문 {number}", at=number) for number in range(7)])
    answer = store.query(asked("주문", limit=3))
    assert messages(answer.page.entries) == ["주문 6", "주문 5", "주문 4"]
    assert (answer.total.count, answer.total.exact) == (7, True)
    assert answer.page.complete


@pytest.mark.promise("M4")
def test_every_part_of_a_query_narrows(store: LogStorage) -> None:
    store.write_batch(
        [
            entry("a one", source=DOCKER, source_id="api", level=LogLevel.INFO, at=1),
            entry("b one", source=DOCKER, source_id="db", level=LogLevel.ERROR, at=2),
            entry("c two", source=JOURNAL, source_id="api", level=LogLevel.FATAL, at=3),
            entry("d two", source="syslog", source_id="r1", level=LogLevel.WARN, at=4),
        ]
    )

    def found(query: LogQuery) -> list[str]:
        return [each.message[0] for each in store.search(replace(query, order=Order.OLDEST)).entries]

    assert found(LogQuery()) == ["a", "b", "c", "d"]
    assert found(LogQuery(sources=(DOCKER,))) == ["a", "b"]
    assert found(LogQuery(sources=(JOURNAL, "syslog"))) == ["c", "d"]
    assert found(LogQuery(sources=("none",))) == []
    assert found(LogQuery(levels=(LogLevel.INFO, LogLevel.FATAL))) == ["a", "c"]
    assert found(LogQuery(min_level=LogLevel.WARN)) == ["b", "c", "d"]
    assert found(LogQuery(levels=(LogLevel.INFO, LogLevel.FATAL), min_level=LogLevel.WARN)) == ["c"]
    assert found(LogQuery(source_id="api")) == ["a", "c"]
    assert found(LogQuery(source_id="API")) == []
    assert found(LogQuery(start_ns=START_NS + 2 * SECOND_NS)) == ["b", "c", "d"]
    assert found(LogQuery(end_ns=START_NS + 2 * SECOND_NS)) == ["a"]
    assert found(LogQuery(start_ns=START_NS + 2 * SECOND_NS, end_ns=START_NS + 2 * SECOND_NS)) == []
    assert found(LogQuery(search=Word("one"))) == ["a", "b"]
    assert found(LogQuery(search=Word("one"), source_id="db", levels=(LogLevel.ERROR,))) == ["b"]


@pytest.mark.promise("M16")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("주문", "abd"),
        ("주문 실패", "a"),
        ("의주", "b"),
        ("실행", "b"),
        ("실", "ab"),
        ('"주문 실패"', "a"),
        ('"실패 주문"', ""),
        ("문실", "b"),
        ("주문*", "abd"),
        ("order", "c"),
        ("ORDER", "c"),
        ("orde", ""),
        ("orde*", "c"),
        ("rder", ""),
        ("*rder*", "c"),
        ("ord* -주문", "c"),
        ("주문 OR order", "abcd"),
        ("(주문 -실패 -실행) OR order", "cd"),
        ("/주문.실/", "a"),
        ("/모의.*행$/", "b"),
        ("*모의주*", "b"),
        ("42", "c"),
        ("10.1.2.3", "c"),
        ("0.1.2", ""),
        ("🚀", "d"),
        ("level:>=warn 주문", "a"),
        ("-level:info", "a"),
        ("user.id:42", "c"),
        ("user.id:>41 user.id:<=42", "c"),
        ("container:api -user.id:*", "abd"),
        ("*", "abcd"),
    ],
)
def test_the_query_language_finds(store: LogStorage, text: str, expected: str) -> None:
    given = {
        "a": entry("주문 실패: 잔고 부족", level=LogLevel.ERROR),
        "b": entry("모의주문실행"),
        "c": entry("Order 42 from 10.1.2.3", metadata={"user": {"id": 42}}),
        "d": entry("주문을 받았습니다 🚀"),
    }
    store.write_batch(list(given.values()))
    found = messages(store.search(replace(asked(text), order=Order.OLDEST)).entries)
    assert found == [given[name].message for name in expected]


def test_an_entry_is_found_by_the_id_field(store: LogStorage) -> None:
    store.write_batch([entry("one"), entry("two")])
    wanted = store.search(OLDEST).entries[1]
    assert store.search(asked(f"id:{wanted.id.upper()}")).entries == (wanted,)
    assert messages(store.search(asked(f"-id:{wanted.id}")).entries) == ["one"]
    assert store.search(asked(f"id:{uuid.UUID(int=1)}")).entries == ()


@pytest.mark.promise("M12")
def test_one_store_keeps_all_sources_apart(store: LogStorage) -> None:
    store.write_batch(
        [entry("d"), entry("j", source=JOURNAL, source_id="ssh.service"), entry("x", source="gelf")]
    )
    assert messages(store.search(asked("source:journal")).entries) == ["j"]
    assert messages(store.search(LogQuery(sources=("gelf",))).entries) == ["x"]
    assert store.search(LogQuery(order=Order.OLDEST)).entries[0].source == DOCKER


# Paging


@pytest.mark.promise("M4")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("limit", [1, 2, 5, 12])
def test_pages_joined_are_one_big_page_also_at_equal_times(
    store: LogStorage, order: Order, limit: int
) -> None:
    store.write_batch([entry(f"n{number}", at=at) for number, at in enumerate(TIMES)])
    whole = store.search(LogQuery(order=order, limit=10_000))
    assert whole.next is None
    at = [(each.time_ns, each.key) for each in whole.entries]
    assert at == sorted(at, reverse=order is Order.NEWEST)
    assert len(at) == len(TIMES)
    assert all_pages(store, LogQuery(order=order, limit=limit)) == list(whole.entries)


@pytest.mark.parametrize("order", Order)
def test_a_page_back_from_the_middle_gives_the_other_half(store: LogStorage, order: Order) -> None:
    store.write_batch([entry(f"n{number}", at=at) for number, at in enumerate(TIMES)])
    first = store.search(LogQuery(order=order, limit=5))
    assert first.next is not None
    back = Order.OLDEST if order is Order.NEWEST else Order.NEWEST
    assert list(store.search(LogQuery().past(first.next, back)).entries) == list(
        reversed(first.entries[:-1])
    )


def test_a_page_that_is_just_full_is_the_last_one(store: LogStorage) -> None:
    store.write_batch([entry(str(number)) for number in range(4)])
    assert store.search(LogQuery(limit=4)).next is None
    assert store.search(LogQuery(limit=3)).next is not None


@pytest.mark.promise("M4")
def test_an_offset_passes_over_entries(store: LogStorage) -> None:
    store.write_batch([entry(str(number), at=number) for number in range(6)])
    assert messages(store.search(LogQuery(offset=2, limit=2)).entries) == ["3", "2"]
    assert messages(store.search(LogQuery(offset=5, limit=2)).entries) == ["0"]
    assert store.search(LogQuery(offset=6)) == Page(())
    first = store.search(LogQuery(limit=1))
    assert first.next is not None
    assert messages(store.search(replace(LogQuery().past(first.next), offset=1)).entries) == [
        "3",
        "2",
        "1",
        "0",
    ]


def test_entries_written_between_two_pages_do_not_shift_them(store: LogStorage) -> None:
    store.write_batch([entry(f"old {number}", at=number) for number in range(4)])
    first = store.search(LogQuery(limit=2))
    store.write_batch([entry("newer", at=9), entry("late", at=0.5)])
    assert first.next is not None
    assert messages(store.search(LogQuery().past(first.next)).entries) == ["old 1", "late", "old 0"]


# Counting


@pytest.mark.promise("M8")
def test_a_count_beyond_the_cap_is_at_least(store: LogStorage) -> None:
    store.write_batch([entry(str(number)) for number in range(10)])
    assert (store.count(LogQuery(), cap=11).count, store.count(LogQuery(), cap=11).exact) == (10, True)
    capped = store.count(LogQuery(), cap=4)
    assert capped.count >= 4
    assert capped.count == 10 or not capped.exact
    paged = LogQuery(limit=1, offset=3, place=store.search(LogQuery(limit=5)).next)
    assert store.count(paged).count == 10


def test_a_histogram_counts_by_time_and_level(store: LogStorage) -> None:
    store.write_batch(
        [
            entry(at=0),
            entry(at=0.5, level=LogLevel.ERROR),
            entry(at=1),
            entry(at=2.999, level=LogLevel.FATAL),
            entry(at=3),
            entry(at=-1),
        ]
    )
    histogram = store.histogram(LogQuery(), start_ns=START_NS, end_ns=START_NS + 3 * SECOND_NS, buckets=3)
    assert (histogram.start_ns, histogram.width_ns, histogram.complete) == (START_NS, SECOND_NS, True)
    assert histogram.counts == ((0, 0, 1, 0, 1, 0), (0, 0, 1, 0, 0, 0), (0, 0, 0, 0, 0, 1))


def test_a_histogram_rounds_its_width_up_and_obeys_the_query(store: LogStorage) -> None:
    store.write_batch([entry("a"), entry("b", time_ns=START_NS + 9)])
    histogram = store.histogram(LogQuery(), start_ns=START_NS, end_ns=START_NS + 10, buckets=4)
    assert histogram.width_ns == 3
    assert [sum(part) for part in histogram.counts] == [1, 0, 0, 1]
    narrow = replace(asked("b"), end_ns=START_NS + 9)
    assert all(
        sum(part) == 0
        for part in store.histogram(narrow, start_ns=START_NS, end_ns=START_NS + 10, buckets=4).counts
    )


def test_facets_give_the_most_frequent_values(store: LogStorage) -> None:
    store.write_batch(
        [
            entry("x", metadata={"user": {"id": 1}, "tags": ["a", "b", "a"]}),
            entry("x", metadata={"user": {"id": 1}, "ok": True}, level=LogLevel.ERROR),
            entry("x", metadata={"user": {"id": "zed"}, "tags": []}, source_id="db"),
            entry("x", metadata={"user.id": 2.5, "none": None}),
            entry("other", metadata={"user": {"id": 9}}),
        ]
    )
    facets = store.facets(
        asked("x"), ["level", "source", "source_id", "user.id", "tags", "ok", "none", "absent"]
    )
    assert {facet.field: facet.values for facet in facets} == {
        "level": (("info", 3), ("error", 1)),
        "source": (("docker", 4),),
        "source_id": (("api", 3), ("db", 1)),
        "user.id": (("1", 2), ("2.5", 1), ("zed", 1)),
        "tags": (("a", 1), ("b", 1)),
        "ok": (("true", 1),),
        "none": (("null", 1),),
        "absent": (),
    }
    (shortened,) = store.facets(asked("x"), ["user.id"], most=2)
    assert shortened.values == (("1", 2), ("2.5", 1))


def test_field_names_are_the_paths_in_use(store: LogStorage) -> None:
    assert store.field_names() == ()
    store.write_batch(
        [
            entry(metadata={"status": 200, "user": {"id": 1}}),
            entry(metadata={"status": 500, "items": [{"sku": "a"}]}),
            entry(metadata={"status": 500, "user": {"id": 2}}),
            entry(),
        ]
    )
    assert store.field_names() == ("status", "user.id", "items.sku")
    assert store.field_names(most=1) == ("status",)


# Around an entry, after a cursor


def test_context_gives_the_neighbours(store: LogStorage) -> None:
    store.write_batch([entry(f"n{number}", at=at) for number, at in enumerate([5, 1, 2, 2, 2, 3])])
    store.write(entry("elsewhere", source_id="db", at=2))
    here = store.search(asked("n3")).entries[0]
    assert messages(store.context(here, before=2, after=1)) == ["n1", "n2", "n3", "n4"]
    assert messages(store.context(here, before=0, after=0)) == ["n3"]
    assert messages(store.context(here, before=9, after=9)) == ["n1", "n2", "n3", "n4", "n5", "n0"]
    assert messages(store.context(here, before=0, after=3, all_sources=True)) == [
        "n3",
        "n4",
        "elsewhere",
        "n5",
    ]


def test_arrivals_come_in_order_of_arrival(store: LogStorage) -> None:
    assert store.arrivals(LogQuery(), most=10).cursor == 0
    store.write_batch([entry("a", at=9), entry("b", at=1)])
    first = store.arrivals(LogQuery(), most=10)
    assert messages(first.entries) == ["a", "b"]
    assert (first.cursor, first.skipped, first.skipped_to) == (store.cursor(), 0, 0)
    store.write_batch([entry("c", at=0), entry("other x", at=99)])
    paged = replace(asked("-x"), order=Order.OLDEST, limit=1, offset=5).after(first.cursor)
    then = store.arrivals(paged, most=10)
    assert messages(then.entries) == ["c"]
    assert then.cursor == store.cursor()
    assert store.arrivals(LogQuery().after(then.cursor), most=10).entries == ()


def test_too_many_arrivals_give_the_newest_and_say_what_was_skipped(store: LogStorage) -> None:
    store.write_batch([entry(f"n{number}", at=-number) for number in range(10)])
    arrivals = store.arrivals(asked("-n8"), most=3)
    assert messages(arrivals.entries) == ["n6", "n7", "n9"]
    assert arrivals.skipped == 6
    assert arrivals.cursor == store.cursor()
    skipped = [
        each.message
        for each in store.search(asked("-n8", order=Order.OLDEST)).entries
        if 0 < each.key <= arrivals.skipped_to
    ]
    assert sorted(skipped) == [f"n{number}" for number in range(6)]


def test_a_query_after_a_cursor_sees_only_later_arrivals(store: LogStorage) -> None:
    cursor = store.write(entry("a", at=5)).cursor
    store.write(entry("b", at=1))
    assert messages(store.search(LogQuery().after(cursor)).entries) == ["b"]
    assert store.count(LogQuery().after(cursor)).count == 1
