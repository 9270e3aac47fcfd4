"""What LogStorage promises, asked of every implementation: writing and keeping house."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from hantu.model import DOCKER, JOURNAL, LogLevel
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, StoreError, Token
from hantu.store.keeping import rules_of
from tests.contract.conftest import MakeStore
from tests.contract.samples import DAY_NS, OLDEST, TIMES, asked, entry, messages
from tests.contract.strategies import SECOND_NS, START_NS


@pytest.mark.promise("M3", "M6", "M7")
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


@pytest.mark.promise("M6", "M7")
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


def test_rules_keep_some_entries_longer_and_others_shorter(store: LogStorage) -> None:
    kinds = {
        "audit": {"source": JOURNAL, "source_id": "sshd.service"},
        "noise": {"source_id": "noisy-1"},
        "noisy error": {"source_id": "noisy-1", "level": LogLevel.ERROR},
        "debug": {"level": LogLevel.DEBUG},
        "plain": {},
    }
    store.write_batch(
        [
            entry(f"{name} {day}", time_ns=START_NS - day * DAY_NS, **parts)
            for day in (9, 5, 3, 1, 0)
            for name, parts in kinds.items()
        ]
    )
    rules = rules_of(("journal:sshd.*=90d", "level:>=error=4d", "docker:noisy-*=2d", "level:<=debug=12h"))
    counts = [
        ("journal:sshd.*", 0),
        ("level:>=error", 2),
        ("docker:noisy-*", 3),
        ("level:<=debug", 4),
        ("", 1),
    ]
    wanted = [(each.scope, each.entries) for each in store.removable(7, now_ns=START_NS, rules=rules)]
    assert wanted == counts
    assert store.cleanup(7, now_ns=START_NS, rules=rules) == 10
    left: dict[str, list[int]] = {name: [] for name in kinds}
    for message in messages(store.search(replace(OLDEST, limit=100)).entries):
        name, _, day = message.rpartition(" ")
        left[name].append(int(day))
    assert left == {
        "audit": [9, 5, 3, 1, 0],
        "noise": [1, 0],
        "noisy error": [3, 1, 0],
        "debug": [0],
        "plain": [5, 3, 1, 0],
    }
    assert sorted((each.scope, each.entries) for each in store.removals()) == sorted(
        (scope, many) for scope, many in counts if many
    )
    assert {each.before_ns for each in store.removals() if each.scope == "docker:noisy-*"} == {
        START_NS - 2 * DAY_NS
    }
    assert store.cleanup(7, now_ns=START_NS, rules=rules) == 0
    assert store.stats().entries == store.count(LogQuery()).count == 15


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
    "spare_disk": lambda store: store.spare_disk(scarce=True),
    "removable": lambda store: store.removable(7, now_ns=0),
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
