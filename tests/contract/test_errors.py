"""What every store promises of errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from hantu.errors import ErrorStatus, place
from hantu.model import LogLevel
from hantu.store.base import LogStorage
from hantu.store.error_base import (
    Act,
    DifferentServices,
    ErrorCount,
    ErrorOrder,
    ErrorQuery,
    StatsBy,
    UnknownError,
)
from tests.contract.error_samples import HOUR_NS, arrived, at, error, groups, only_group
from tests.contract.samples import entry
from tests.contract.strategies import SECOND_NS, START_NS

TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/shop/cart.py", line 7, in pay\nKeyError: 3'


@pytest.mark.promise("M45", "M48")
def test_an_error_comes_with_its_entry(store: LogStorage) -> None:
    store.write_batch([error(number=7, trace_id="abc12345", seconds=5), entry("주문 시작")])
    (found,) = arrived(store)
    record = found.record
    assert (found.error_no, found.reopened, record.id) == (1, False, str(UUID(int=7)))
    assert (record.time_ns, record.level, record.service) == (at(5), "ERROR", "scheduler")
    assert (record.message, record.error_type) == ("주문 실패", "InsufficientBalance")
    assert (place(record), record.trace_id) == ("core.engine.execute_order", "abc12345")
    assert record.stack_trace.startswith("Traceback")
    assert record.context == {"계좌": "***"}
    assert (record.source, record.source_id) == ("app", "scheduler")
    group = only_group(store)
    assert group.group_no == found.group_no
    assert (group.count, group.first_ns, group.last_ns) == (1, at(5), at(5))
    assert (group.status, group.regressed_ns, group.regressions) == (ErrorStatus.UNRESOLVED, None, 0)
    assert group.fingerprints == (record.fingerprint,)


@pytest.mark.promise("M68", "M69", "M70")
def test_debug_info_and_warning_are_no_errors(store: LogStorage) -> None:
    store.write_batch([error(level=level) for level in LogLevel if level < LogLevel.ERROR])
    store.write_batch([entry("failed", level=LogLevel.ERROR)])
    assert arrived(store) == []
    assert store.errors(ErrorQuery()).total == 0
    assert store.newest_error_no() == 0


def test_an_error_of_another_program_has_the_id_of_its_entry(store: LogStorage) -> None:
    store.write_batch(
        [entry("before"), entry(f"결제 실패\n{TRACEBACK}", level=LogLevel.FATAL, source_id="shop")]
    )
    (found,) = arrived(store)
    stored = store.get(found.record.id)
    assert stored is not None
    assert stored.message.startswith("결제 실패")
    assert (found.record.level, found.record.service, found.record.message) == (
        "CRITICAL",
        "shop",
        "결제 실패",
    )
    assert (place(found.record), found.record.error_type) == ("cart.pay", "KeyError")
    assert store.error(found.record.id.upper()) == found


def test_an_error_sent_twice_is_stored_once(store: LogStorage) -> None:
    store.write_batch([error(number=7), error(number=7)])
    store.write_batch([error("주문 실패", number=7, seconds=3), error(number=8)])
    assert [found.record.id for found in arrived(store)] == [str(UUID(int=7)), str(UUID(int=8))]
    assert only_group(store).count == 2


def test_clean_up_of_entries_leaves_errors(store: LogStorage) -> None:
    store.write_batch([error(number=7)])
    assert store.cleanup(1, now_ns=at(0) + 30 * 24 * HOUR_NS) == 1
    assert only_group(store).count == 1
    # The line is read again, from a file that was kept: it is a line again, and no further error.
    store.write_batch([error(number=7)])
    assert only_group(store).count == 1
    assert store.error(str(UUID(int=7))).error_no == 1


@pytest.mark.promise("M55")
def test_a_later_occurrence_reopens_a_resolved_group(store: LogStorage) -> None:
    store.write_batch([error(seconds=1)])
    number = only_group(store).group_no
    assert store.resolve(number, at_ns=at(10), by="kim")
    assert not store.resolve(number, at_ns=at(11), by="kim")
    assert (only_group(store).status, only_group(store).resolved_ns) == (ErrorStatus.RESOLVED, at(10))
    store.write_batch([error(seconds=10), error(seconds=2)])
    assert only_group(store).status is ErrorStatus.RESOLVED
    store.write_batch([error(seconds=12), error(seconds=13)])
    group = only_group(store)
    assert (group.status, group.regressed_ns, group.regressions, group.count) == (
        ErrorStatus.UNRESOLVED,
        at(12),
        1,
        5,
    )
    assert [found.reopened for found in arrived(store)] == [False, False, False, True, False]
    assert [(event.act, event.by, event.at_ns) for event in store.group_events(number)] == [
        (Act.REGRESSED, "", at(12)),
        (Act.RESOLVED, "kim", at(10)),
    ]
    store.resolve(number, at_ns=at(20))
    assert (only_group(store).regressed_ns, only_group(store).regressions) == (None, 1)


@pytest.mark.promise("M55")
def test_a_group_is_reopened_by_hand(store: LogStorage) -> None:
    store.write_batch([error()])
    number = only_group(store).group_no
    assert not store.reopen(number, at_ns=at(1))
    store.resolve(number, at_ns=at(1))
    assert store.reopen(number, at_ns=at(2), by="이영희")
    assert (only_group(store).status, only_group(store).regressed_ns) == (ErrorStatus.UNRESOLVED, None)
    assert store.group_events(number)[0].by == "이영희"


def test_a_group_shows_its_newest_message_and_its_worst_level(store: LogStorage) -> None:
    store.write_batch(
        [
            error("주문 7 실패", seconds=5),
            error("주문 9 실패", seconds=3, level=LogLevel.FATAL),
            error("주문 8 실패", seconds=4),
        ]
    )
    group = only_group(store)
    assert (group.message, group.level) == ("주문 7 실패", "CRITICAL")
    assert (group.first_ns, group.last_ns, group.count) == (at(3), at(5), 3)
    store.write_batch([error(f"주문 10 실패{' 가' * 400}", seconds=6, kind="X" * 300)])
    assert max(len(group.message) for group in groups(store)) == 500


SEARCHES = {
    "주문": [0, 1],
    "문 실": [0],
    "실패": [0, 3],
    "insufficient": [0, 1],
    "BALANCE 주문": [0, 1],
    "core.engine.run": [3],
    "체결": [1],
    "100%": [2],
    "_order": [0, 1, 2],
    "없는": [],
}


@pytest.mark.parametrize("search", SEARCHES)
def test_the_inbox_is_searched_anywhere_in_words(store: LogStorage, search: str) -> None:
    texts = ["주문 실패", "주문을 체결하지 못함", "disk is 100% full", "연결실패했음"]
    kinds = ["InsufficientBalance", "InsufficientBalance", "OSError", "HTTPError"]
    for number, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        function = "run" if number == 3 else "execute_order"
        store.write_batch([error(text, kind=kind, function=function, seconds=number)])
    found = groups(store, search=search, order=ErrorOrder.FIRST_SEEN, limit=1)
    assert sorted(texts.index(group.message) for group in found) == SEARCHES[search]
    assert store.errors(ErrorQuery(search=search, limit=1)).total == len(SEARCHES[search])


def test_the_inbox_is_filtered_by_each_part(store: LogStorage) -> None:
    store.write_batch(
        [
            error("a", seconds=1),
            error("b", seconds=2, service="api", kind="KeyError"),
            error("c", seconds=3, service="api", level=LogLevel.FATAL),
        ]
    )
    a, b, c = groups(store, order=ErrorOrder.FIRST_SEEN)[::-1]
    store.resolve(a.group_no, at_ns=at(5))
    store.mute(b.group_no, at_ns=at(5), until_ns=at(100))
    store.mute(c.group_no, at_ns=at(5), below_an_hour=10)

    def messages(**query: Any) -> list[str]:
        return [group.message for group in groups(store, limit=2, **query)]

    assert messages() == ["c", "b", "a"]
    assert messages(services=("api", "none")) == ["c", "b"]
    assert messages(levels=("CRITICAL",)) == ["c"]
    assert messages(types=("KeyError", "InsufficientBalance")) == ["c", "b", "a"]
    assert messages(types=("KeyError",)) == ["b"]
    assert messages(statuses=(ErrorStatus.RESOLVED,)) == ["a"]
    assert messages(statuses=(ErrorStatus.UNRESOLVED,), services=("scheduler",)) == []
    assert messages(since_ns=at(2), until_ns=at(3)) == ["b"]
    assert messages(muted=True, now_ns=at(99)) == ["c", "b"]
    assert messages(muted=True, now_ns=at(100)) == ["c"]
    assert messages(muted=False, now_ns=at(100)) == ["b", "a"]
    assert (store.unresolved(at(99)), store.unresolved(at(100))) == (0, 1)
    store.write_batch([error("a", seconds=9)])
    assert messages(regressed=True) == ["a"]
    assert messages(regressed=False) == ["c", "b"]
    assert store.error_services() == ("api", "scheduler")


@pytest.mark.parametrize("order", ErrorOrder)
def test_pages_of_the_inbox_follow_each_other(store: LogStorage, order: ErrorOrder) -> None:
    for number in range(7):
        many = 1 + number * 3 % 5
        store.write_batch(
            [error(f"{'가나다라마바사'[number]}", seconds=number % 3 + each) for each in range(many)]
        )
    for number in (2, 5):
        store.resolve(number, at_ns=at(100))
    keys = {
        ErrorOrder.LAST_SEEN: lambda group: (group.last_ns, group.group_no),
        ErrorOrder.FIRST_SEEN: lambda group: (group.first_ns, group.group_no),
        ErrorOrder.COUNT: lambda group: (group.count, group.group_no),
    }
    found = groups(store, order=order, limit=2)
    assert found == groups(store, order=order, limit=100)
    assert found == sorted(found, key=keys[order], reverse=True)
    assert len(found) == 7
    assert store.errors(ErrorQuery(order=order, limit=2)).total == 7


def test_occurrences_of_a_group_are_paged_newest_first(store: LogStorage) -> None:
    store.write_batch([error(seconds=second) for second in (3, 1, 2, 2, 5)])
    number = only_group(store).group_no
    found, before = [], None
    while True:
        page = store.occurrences(number, most=2, before=before)
        found.extend(page.occurrences)
        if (before := page.next) is None:
            break
    assert [(each.record.time_ns, each.error_no) for each in found] == [
        (at(5), 5),
        (at(3), 1),
        (at(2), 4),
        (at(2), 3),
        (at(1), 2),
    ]


def test_errors_are_followed_in_order_of_arrival(store: LogStorage) -> None:
    store.write_batch([error(seconds=second, number=20 + second) for second in (3, 1, 2)])
    assert [each.error_no for each in store.errors_after(0, most=2)] == [1, 2]
    assert [each.record.time_ns for each in store.errors_after(2, most=2)] == [at(2)]
    assert store.errors_after(3, most=2) == ()
    assert store.newest_error_no() == 3
    store.remove_errors(at(100), pause=lambda: False)
    assert store.newest_error_no() == 3
    store.write_batch([error(number=30)])
    assert [each.error_no for each in store.errors_after(0, most=9)] == [4]


def test_errors_of_a_trace_are_told_oldest_first(store: LogStorage) -> None:
    store.write_batch(
        [
            error(seconds=3, trace_id="abc12345"),
            error(seconds=1, trace_id="abc12345", service="api"),
            error(seconds=2, trace_id="other"),
            error(seconds=2),
        ]
    )
    assert [each.record.time_ns for each in store.errors_of_trace("abc12345")] == [at(1), at(3)]
    assert len(store.errors_of_trace("abc12345", most=1)) == 1
    assert store.errors_of_trace("") == ()


@pytest.mark.promise("M71")
def test_a_mute_below_a_rate_ends_when_more_come_within_an_hour(store: LogStorage) -> None:
    store.write_batch([error()])
    number = only_group(store).group_no
    store.mute(number, at_ns=at(0), below_an_hour=3, by="kim")
    store.write_batch([error(seconds=3_000), error(seconds=3_601), error(seconds=3_602)])
    assert only_group(store).muted_below_an_hour == 3
    store.write_batch([error(seconds=3_603)])
    assert not only_group(store).is_muted(at(3_603))
    assert [(event.act, event.text, event.by) for event in store.group_events(number)] == [
        (Act.UNMUTED, "", ""),
        (Act.MUTED, ">3/h", "kim"),
    ]


def test_a_mute_takes_the_place_of_an_earlier_one(store: LogStorage) -> None:
    store.write_batch([error()])
    number = only_group(store).group_no
    assert not store.unmute(number, at_ns=at(1))
    store.mute(number, at_ns=at(1), below_an_hour=3)
    store.mute(number, at_ns=at(1), until_ns=at(1) + 2 * HOUR_NS)
    group = only_group(store)
    assert (group.muted_below_an_hour, group.muted_until_ns) == (None, at(1) + 2 * HOUR_NS)
    assert store.unmute(number, at_ns=at(2))
    assert not only_group(store).is_muted(at(2))
    acts = [(event.act, event.text) for event in store.group_events(number)]
    assert acts == [(Act.UNMUTED, ""), (Act.MUTED, "2h"), (Act.MUTED, ">3/h")]
    for wrong in ({}, {"until_ns": 1, "below_an_hour": 1}):
        with pytest.raises(ValueError, match="one of them"):
            store.mute(number, at_ns=at(1), **wrong)


def merged(store: LogStorage) -> tuple[int, int]:
    """Two groups made one: its number, and that which went."""
    store.write_batch(
        [
            error("체결 지연", seconds=1, number=1),
            error("체결 실패", seconds=4, number=2, level=LogLevel.FATAL),
            error("체결 실패", seconds=5, number=3),
        ]
    )
    first, second = (found.group_no for found in arrived(store)[:2])
    store.note(second, "망 문제", at_ns=at(6), by="kim")
    group = store.merge([first, second], first, at_ns=at(7), by="kim")
    assert group == only_group(store)
    return first, second


def test_merged_groups_are_one_also_later(store: LogStorage) -> None:
    first, second = merged(store)
    group = only_group(store)
    assert (group.group_no, group.count, group.level) == (first, 3, "CRITICAL")
    assert (group.first_ns, group.last_ns, group.message) == (at(1), at(5), "체결 실패")
    assert len(group.fingerprints) == 2
    store.write_batch([error("체결 실패", seconds=9), error("체결 지연", seconds=8)])
    assert (only_group(store).count, only_group(store).message) == (5, "체결 실패")
    times = [each.record.time_ns for each in store.occurrences(first).occurrences]
    assert times == [at(9), at(8), at(5), at(4), at(1)]
    assert {each.group_no for each in arrived(store)} == {first}
    events = store.group_events(first)
    assert [(event.act, event.text) for event in events] == [
        (Act.MERGED, f"#{second}"),
        (Act.NOTE, "망 문제"),
    ]
    with pytest.raises(UnknownError):
        store.error_group(second)


def test_a_merged_group_can_be_split_again(store: LogStorage) -> None:
    first, second = merged(store)
    fingerprint = store.error(str(UUID(int=2))).record.fingerprint
    store.resolve(first, at_ns=at(10))
    own = store.split("scheduler", fingerprint, at_ns=at(11))
    assert own.group_no not in (first, second)
    assert (own.count, own.level, own.message) == (2, "CRITICAL", "체결 실패")
    assert (own.first_ns, own.last_ns, own.status) == (at(4), at(5), ErrorStatus.RESOLVED)
    left = store.error_group(first)
    assert (left.count, left.level, left.message, left.last_ns) == (1, "ERROR", "체결 지연", at(1))
    assert store.split("scheduler", fingerprint, at_ns=at(12)) == own
    store.write_batch([error("체결 실패", seconds=20)])
    assert store.error_group(own.group_no).status is ErrorStatus.UNRESOLVED
    assert store.error_group(first).status is ErrorStatus.RESOLVED


def test_a_merged_group_is_resolved_only_when_all_were(store: LogStorage) -> None:
    store.write_batch([error("a"), error("b"), error("c")])
    a, b, c = (found.group_no for found in arrived(store))
    store.resolve(a, at_ns=at(3))
    store.resolve(b, at_ns=at(5))
    both = store.merge([b], a, at_ns=at(6))
    assert (both.status, both.resolved_ns) == (ErrorStatus.RESOLVED, at(5))
    assert store.merge([c], a, at_ns=at(7)).status is ErrorStatus.UNRESOLVED


def test_errors_of_different_services_stay_apart(store: LogStorage) -> None:
    store.write_batch([error(), error(service="api")])
    first, second = (found.group_no for found in arrived(store))
    with pytest.raises(DifferentServices):
        store.merge([second], first, at_ns=at(1))
    assert len(groups(store)) == 2
    alone = store.error_group(first)
    assert store.merge([first], first, at_ns=at(1)) == alone
    assert store.group_events(first) == ()


def test_what_is_unknown_is_refused_and_changes_nothing(store: LogStorage) -> None:
    store.write_batch([error(number=1)])
    number = only_group(store).group_no
    for asked in (
        lambda: store.error_group(number + 1),
        lambda: store.occurrences(number + 1),
        lambda: store.group_events(number + 1),
        lambda: store.error("no uuid"),
        lambda: store.error(str(UUID(int=9))),
        lambda: store.resolve(number + 1, at_ns=1),
        lambda: store.reopen(number + 1, at_ns=1),
        lambda: store.mute(number + 1, at_ns=1, until_ns=2),
        lambda: store.unmute(number + 1, at_ns=1),
        lambda: store.note(number + 1, "x", at_ns=1),
        lambda: store.merge([number + 1], number, at_ns=1),
        lambda: store.merge([number], number + 1, at_ns=1),
        lambda: store.split("scheduler", "0" * 16, at_ns=1),
    ):
        with pytest.raises(UnknownError):
            asked()
    assert store.group_events(number) == ()
    store.write_batch([error(number=2)])
    assert only_group(store).count == 2


@pytest.mark.promise("M57")
def test_occurrences_are_counted_by_service_type_level_and_time(store: LogStorage) -> None:
    store.write_batch(
        [
            error("a", seconds=0),
            error("a", seconds=1),
            error("b", seconds=3_600 * 5, service="api", kind="KeyError"),
            error("c", seconds=3_600 * 30, service="api", level=LogLevel.FATAL),
            error("d", seconds=-1),
        ]
    )
    span = {"since_ns": at(0), "until_ns": at(3_600 * 31)}
    assert store.error_stats(StatsBy.SERVICE, **span) == (
        ErrorCount("api", 2, 2),
        ErrorCount("scheduler", 2, 1),
    )
    assert store.error_stats(StatsBy.TYPE, **span) == (
        ErrorCount("InsufficientBalance", 3, 2),
        ErrorCount("KeyError", 1, 1),
    )
    assert store.error_stats(StatsBy.LEVEL, **span) == (
        ErrorCount("ERROR", 3, 2),
        ErrorCount("CRITICAL", 1, 1),
    )
    # START_NS is 2026-11-21T02:00:00Z, 11:00 in Seoul.
    assert store.error_stats(StatsBy.HOUR, **span, utc_offset_s=9 * 3_600)[:2] == (
        ErrorCount("2026-11-21T11:00", 2, 1),
        ErrorCount("2026-11-21T16:00", 1, 1),
    )
    assert store.error_stats(StatsBy.DAY, **span, utc_offset_s=9 * 3_600) == (
        ErrorCount("2026-11-21", 3, 2),
        ErrorCount("2026-11-22", 1, 1),
    )
    assert store.error_stats(StatsBy.DAY, **span, utc_offset_s=-5 * 3_600)[0].name == "2026-11-20"


def test_buckets_count_each_group_in_time(store: LogStorage) -> None:
    store.write_batch([error("a", seconds=second) for second in (-1, 0, 1, 2, 9, 10)])
    store.write_batch([error("b", seconds=5)])
    a, b = (found.group_no for found in (arrived(store)[0], arrived(store)[-1]))
    span = {"start_ns": at(0), "end_ns": at(10), "buckets": 5}
    assert store.error_buckets([a, b, 99], **span) == {
        a: (2, 1, 0, 0, 1),
        b: (0, 0, 1, 0, 0),
        99: (0, 0, 0, 0, 0),
    }
    assert store.error_buckets([], **span) == {}


def test_old_occurrences_are_removed_and_their_counts_stay(store: LogStorage) -> None:
    store.write_batch([error("a", seconds=second) for second in range(500)])
    store.write_batch([error("b", seconds=7)])
    before = {group.group_no: group for group in groups(store)}
    assert store.remove_errors(at(450), pause=lambda: False) == 451
    assert {group.group_no: group for group in groups(store)} == before
    assert [each.record.time_ns for each in arrived(store)] == [at(second) for second in range(450, 500)]
    gone = next(group for group in before.values() if group.message == "b")
    assert store.occurrences(gone.group_no).occurrences == ()
    assert store.remove_errors(at(450), pause=lambda: False) == 0
    store.write_batch([error("b", seconds=600)])
    assert store.error_group(gone.group_no).count == 2


def test_hostile_texts_are_kept(store: LogStorage) -> None:
    nasty = "a\x00b 100% _ \\ ' \" ; -- \u202e 🚀 한\u1112"
    store.write_batch(
        [
            error(nasty, kind=nasty, function=nasty, service=nasty, trace_id=nasty, context={nasty: nasty}),
            error("lone \ud800", context={"x": "\udfff"}),
            error("deep", context={"a": {"b": [1, None, {"c": 2**70}]}}),
        ]
    )
    found = arrived(store)
    assert len(found) == 3
    kept = nasty.replace("\x00", "\ufffd")
    record = found[0].record
    assert (record.message, record.service, record.context) == (kept, kept, {nasty: nasty})
    assert [group.message for group in groups(store, search="🚀 100% '")] == [kept]


def test_times_are_kept_to_the_nanosecond(store: LogStorage) -> None:
    store.write_batch(
        [structs.replace(error(), time_ns=START_NS + 1), structs.replace(error(), time_ns=-SECOND_NS)]
    )
    assert [each.record.time_ns for each in arrived(store)] == [START_NS + 1, -SECOND_NS]
    assert (only_group(store).first_ns, only_group(store).last_ns) == (-SECOND_NS, START_NS + 1)
    (row, _) = store.error_stats(StatsBy.HOUR, since_ns=-(10**18), until_ns=2 * 10**18)
    assert row.name == "1969-12-31T23:00"
