"""What LogStorage promises, asked of every implementation."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC

import pytest

from hantu.model import DOCKER, JOURNAL, LogEntry, LogLevel
from hantu.query.expr import Word
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, Page, StoreError, Token
from tests.contract.conftest import MakeStore
from tests.contract.strategies import SECOND_NS, START_NS

DAY_NS = 86_400 * SECOND_NS
OLDEST = LogQuery(order=Order.OLDEST)


def entry(message: str = "line", **changes: object) -> LogEntry:
    """An entry; `at` gives its time in seconds after START_NS."""
    values: dict[str, object] = {
        "source": DOCKER,
        "source_id": "api",
        "level": LogLevel.INFO,
        "message": message,
        "time_ns": START_NS,
    }
    if "at" in changes:
        values["time_ns"] = START_NS + int(float(str(changes.pop("at"))) * SECOND_NS)
    return LogEntry(**(values | changes))  # type: ignore[arg-type] — fields by name


def asked(text: str, **changes: object) -> LogQuery:
    """The query of a text."""
    query = LogQuery.parse(text, now_ns=START_NS, tz=UTC)
    return replace(query, **changes)  # type: ignore[arg-type] — fields by name


def messages(entries: Sequence[LogEntry]) -> list[str]:
    """What the entries say, in their order."""
    return [found.message for found in entries]


def all_pages(store: LogStorage, query: LogQuery) -> list[LogEntry]:
    """Every entry, page by page."""
    found: list[LogEntry] = []
    while True:
        page = store.search(query)
        found.extend(page.entries)
        if page.next is None:
            return found
        query = query.past(page.next)


# Writing


@pytest.mark.promise("M3", "M6–M7")
def test_a_written_entry_comes_back_whole(store: LogStorage) -> None:
    given = entry(
        "주문 실패\x00\n",
        level=LogLevel.ERROR,
        metadata={"user": {"id": 42}, "tags": ["a", None, True, 1.5], "키": "값", "empty": {}},
    )
    result = store.write(given)
    assert (result.cursor, result.accepted, result.duplicates) == (store.cursor(), 1, ())
    (found,) = store.search(LogQuery()).entries
    assert (found.source, found.source_id, found.level) == (DOCKER, "api", LogLevel.ERROR)
    assert isinstance(found.level, LogLevel)
    assert (found.message, found.time_ns, found.metadata) == (given.message, given.time_ns, given.metadata)
    assert found.key == result.cursor
    assert found.created_ns > 0


@pytest.mark.promise("M3")
def test_an_entry_is_found_by_its_uuid_in_any_case(store: LogStorage) -> None:
    store.write_batch([entry("one"), entry("two")])
    found = store.search(OLDEST).entries
    assert len({each.id for each in found}) == 2
    for each in found:
        assert str(uuid.UUID(each.id)) == each.id
        assert store.get(each.id) == each
        assert store.get(each.id.upper()) == each


@pytest.mark.parametrize("entry_id", ["", "7", "x" * 36, "\x00", str(uuid.UUID(int=7)), "주문"])
def test_an_unknown_id_gives_nothing(store: LogStorage, entry_id: str) -> None:
    store.write(entry())
    assert store.get(entry_id) is None


def test_an_id_of_another_store_is_unknown(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    one.write(entry())
    other.write(entry())
    assert other.get(one.search(LogQuery()).entries[0].id) is None


@pytest.mark.promise("M6–M7")
def test_a_batch_is_stored_in_order(store: LogStorage) -> None:
    first = store.write_batch([entry(str(number)) for number in range(5)])
    second = store.write_batch([entry("5"), entry("6")], durable=True)
    assert (first.accepted, second.accepted) == (5, 2)
    assert 0 < first.cursor < second.cursor == store.cursor()
    found = store.search(OLDEST).entries
    assert messages(found) == ["0", "1", "2", "3", "4", "5", "6"]
    keys = [each.key for each in found]
    assert keys == sorted(set(keys))
    assert keys[-1] == second.cursor


def test_an_empty_batch_changes_nothing(store: LogStorage) -> None:
    assert store.cursor() == 0
    assert store.write_batch([]).accepted == 0
    store.write(entry())
    before = store.cursor()
    assert store.write_batch([]).cursor == before == store.cursor()


def test_a_known_event_is_not_stored_again(store: LogStorage) -> None:
    event = uuid.uuid4().bytes
    other = uuid.uuid4().bytes
    first = store.write_batch([entry("a", event_id=event), entry("b"), entry("c", event_id=event)])
    assert (first.accepted, first.duplicates) == (2, (2,))
    second = store.write_batch([entry("d", event_id=event), entry("e", event_id=other)])
    assert (second.accepted, second.duplicates) == (1, (0,))
    third = store.write(entry("f", event_id=event))
    assert (third.accepted, third.duplicates, third.cursor) == (0, (0,), second.cursor)
    assert messages(store.search(OLDEST).entries) == ["a", "b", "e"]


def test_equal_entries_without_event_are_all_stored(store: LogStorage) -> None:
    store.write_batch([entry(), entry(), entry()])
    assert store.count(LogQuery()).count == 3


def test_checkpoints_come_back_and_can_be_removed(store: LogStorage) -> None:
    assert store.checkpoint("journal") is None
    assert store.checkpoints("") == {}
    store.write_batch(
        [entry()], {"journal": b"s=1", "docker:a": b"\x00\xff", "docker:b": b"", "file:_x%": b"1"}
    )
    assert store.checkpoint("journal") == b"s=1"
    assert store.checkpoints("docker:") == {"docker:a": b"\x00\xff", "docker:b": b""}
    assert store.checkpoints("file:_") == {"file:_x%": b"1"}
    assert store.checkpoints("file:%") == {}
    store.write_batch([], {"journal": b"s=2", "docker:a": None, "docker:none": None})
    assert store.checkpoint("journal") == b"s=2"
    assert store.checkpoint("docker:a") is None
    assert set(store.checkpoints("")) == {"journal", "docker:b", "file:_x%"}


def test_a_batch_that_fails_leaves_neither_entries_nor_checkpoints(store: LogStorage) -> None:
    store.write_batch([entry("kept")], {"journal": b"1"})
    wrong = entry(metadata={"unwritable": object()})
    try:
        store.write_batch([entry("lost"), wrong], {"journal": b"2"})
    except StoreError:
        assert messages(store.search(OLDEST).entries) == ["kept"]
        assert store.checkpoint("journal") == b"1"
    else:
        # A store that keeps Python objects has nothing to refuse.
        assert store.checkpoint("journal") == b"2"


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

TIMES = [3, 1, 1, 2, 1, 5, 3, 3, 3, 0, 4, 1]


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


# Keeping house


@pytest.mark.promise("M10")
def test_stats_count_by_source_and_level(store: LogStorage) -> None:
    empty = store.stats()
    assert (empty.entries, dict(empty.by_source), dict(empty.by_level)) == (0, {}, {})
    assert (empty.oldest_ns, empty.newest_ns, empty.cursor) == (None, None, 0)
    store.write_batch(
        [
            entry(at=2),
            entry(at=1, level=LogLevel.ERROR),
            entry(at=3, source=JOURNAL, source_id="ssh.service"),
        ]
    )
    stats = store.stats()
    assert stats.entries == 3
    assert dict(stats.by_source) == {DOCKER: 2, JOURNAL: 1}
    assert dict(stats.by_level) == {LogLevel.INFO: 2, LogLevel.ERROR: 1}
    assert (stats.oldest_ns, stats.newest_ns) == (START_NS + SECOND_NS, START_NS + 3 * SECOND_NS)
    assert stats.cursor == store.cursor()
    assert stats.size_bytes > 0


def test_source_ids_list_every_origin(store: LogStorage) -> None:
    store.write_batch(
        [entry(at=2), entry(at=1), entry(source=JOURNAL, source_id="b"), entry(source_id="aa")]
    )
    assert [(each.source, each.source_id, each.newest_ns) for each in store.source_ids()] == [
        (DOCKER, "aa", START_NS),
        (DOCKER, "api", START_NS + 2 * SECOND_NS),
        (JOURNAL, "b", START_NS),
    ]
    assert [each.entries for each in store.source_ids()] == [1, 2, 1]


@pytest.mark.promise("M9")
def test_cleanup_deletes_what_is_older_and_says_how_many(store: LogStorage) -> None:
    store.write_batch([entry(f"day {day}", time_ns=START_NS - day * DAY_NS) for day in range(10)])
    store.write(entry("late", time_ns=START_NS - 9 * DAY_NS))
    old = store.search(asked('"day 9"')).entries[0]
    cursor = store.cursor()
    # Exactly seven days old is not older than seven days.
    assert store.cleanup(7, now_ns=START_NS) == 3
    assert messages(store.search(OLDEST).entries) == [f"day {day}" for day in range(7, -1, -1)]
    assert store.get(old.id) is None
    assert store.count(LogQuery()).count == store.stats().entries == 8
    assert store.cursor() == cursor
    (removal,) = store.removals()
    assert (removal.at_ns, removal.before_ns) == (START_NS, START_NS - 7 * DAY_NS)
    assert (removal.entries, removal.reason) == (3, "age")
    assert store.cleanup(7, now_ns=START_NS) == 0
    assert store.removals() == (removal,)


def test_removals_are_listed_newest_first(store: LogStorage) -> None:
    store.write_batch([entry(time_ns=START_NS - day * DAY_NS) for day in range(4)])
    store.cleanup(2.5, now_ns=START_NS)
    store.cleanup(0.5, now_ns=START_NS + 1, reason="space")
    assert [(each.entries, each.reason) for each in store.removals()] == [(2, "space"), (1, "age")]
    assert [each.reason for each in store.removals(most=1)] == ["space"]


def test_a_cursor_never_goes_back_when_all_is_removed(store: LogStorage) -> None:
    cursor = store.write(entry()).cursor
    assert store.cleanup(0, now_ns=START_NS + 1) == 1
    assert store.cursor() == cursor
    assert store.search(LogQuery()).entries == ()
    assert store.write(entry("next")).cursor > cursor
    assert messages(store.search(LogQuery()).entries) == ["next"]


def test_maintenance_keeps_what_is_young_and_finds_the_store_sound(store: LogStorage) -> None:
    store.write_batch([entry("old", time_ns=START_NS - 8 * DAY_NS), entry("young")])
    report = store.maintain(7, now_ns=START_NS, pause=lambda: False)
    assert (report.removed, report.problems) == (1, ())
    assert messages(store.search(LogQuery()).entries) == ["young"]


def test_maintenance_stops_early_when_told(store: LogStorage) -> None:
    store.write_batch([entry(str(number)) for number in range(10)])
    report = store.maintain(7, now_ns=START_NS, pause=lambda: True)
    assert report.removed == 0
    assert store.count(LogQuery()).count == 10


@pytest.mark.parametrize("order", Order)
def test_an_export_streams_every_match_in_order(store: LogStorage, order: Order) -> None:
    store.write_batch([entry(f"n{number}", at=at) for number, at in enumerate(TIMES)])
    query = asked("-n3", order=order)
    exported = list(store.export(replace(query, limit=1, offset=2, place=store.search(query).next)))
    assert exported == list(store.search(replace(query, limit=10_000)).entries)
    assert len(exported) == len(TIMES) - 1


def test_entries_written_during_an_export_do_not_disturb_it(store: LogStorage) -> None:
    store.write_batch([entry(f"n{number}", at=number) for number in range(5)])
    exported = []
    for number, each in enumerate(store.export(LogQuery(order=Order.OLDEST))):
        if number == 0:
            store.write(entry("between", at=2.5))
        exported.append(each.message)
    assert [message for message in exported if message != "between"] == [
        f"n{number}" for number in range(5)
    ]


def test_tokens_are_kept_by_name(store: LogStorage) -> None:
    assert store.tokens() == ()
    reader = Token("reader", "read", b"\x01" * 32, START_NS)
    shipper = Token("a-shipper", "ingest", b"\x02" * 32, START_NS + 1)
    store.add_token(reader)
    store.add_token(shipper)
    assert store.tokens() == (shipper, reader)
    with pytest.raises(StoreError, match="reader"):
        store.add_token(Token("reader", "admin", b"\x03" * 32, START_NS))
    store.touch_tokens({"reader": START_NS + 9, "unknown": 1})
    assert store.tokens() == (shipper, replace(reader, last_used_ns=START_NS + 9))
    assert store.remove_token("reader")
    assert not store.remove_token("reader")
    assert store.tokens() == (shipper,)


CALLS: dict[str, Callable[[LogStorage], object]] = {
    "write": lambda store: store.write(entry()),
    "write_batch": lambda store: store.write_batch([entry()]),
    "checkpoint": lambda store: store.checkpoint("x"),
    "checkpoints": lambda store: store.checkpoints(""),
    "cursor": lambda store: store.cursor(),
    "get": lambda store: store.get(str(uuid.uuid4())),
    "query": lambda store: store.query(LogQuery()),
    "search": lambda store: store.search(LogQuery()),
    "arrivals": lambda store: store.arrivals(LogQuery(), most=1),
    "count": lambda store: store.count(LogQuery()),
    "histogram": lambda store: store.histogram(LogQuery(), start_ns=0, end_ns=1, buckets=1),
    "facets": lambda store: store.facets(LogQuery(), ["level"]),
    "field_names": lambda store: store.field_names(),
    "context": lambda store: store.context(entry(), before=1, after=1),
    "source_ids": lambda store: store.source_ids(),
    "stats": lambda store: store.stats(),
    "cleanup": lambda store: store.cleanup(7),
    "removals": lambda store: store.removals(),
    "maintain": lambda store: store.maintain(7, now_ns=0, pause=lambda: False),
    "export": lambda store: list(store.export(LogQuery())),
    "tokens": lambda store: store.tokens(),
    "add_token": lambda store: store.add_token(Token("a", "read", b"", 0)),
    "remove_token": lambda store: store.remove_token("a"),
    "touch_tokens": lambda store: store.touch_tokens({"a": 1}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_closed_store_says_so(store: LogStorage, name: str) -> None:
    store.write(entry())
    store.close()
    with pytest.raises(StoreError, match="closed"):
        CALLS[name](store)


def test_every_method_is_in_the_list_of_calls() -> None:
    public = {name for name in vars(LogStorage) if not name.startswith("_")}
    assert public == {*CALLS, "close"}


def test_closing_twice_is_harmless(store: LogStorage) -> None:
    store.close()
    store.close()


def test_readers_may_ask_while_one_thread_writes(store: LogStorage) -> None:
    problems: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                page = store.search(LogQuery(order=Order.OLDEST, limit=10_000))
                keys = [each.key for each in page.entries]
                assert keys == sorted(keys)
                assert len(keys) % 10 == 0
                assert store.count(asked("even")).count % 5 == 0
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for batch in range(20):
        store.write_batch([entry("even" if number % 2 else "odd", at=batch) for number in range(10)])
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert store.count(LogQuery()).count == 200
