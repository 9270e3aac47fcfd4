"""Whatever is done with errors, the SQLite store says what the store in memory says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu.errors import CRITICAL, ERROR, ErrorStatus
from hantu.model import LogLevel
from hantu.store.base import LogStorage
from hantu.store.error_base import ErrorOrder, ErrorQuery, StatsBy, UnknownError
from hantu.store.memory import MemoryStore
from hantu.store.sqlite import SqliteStore
from tests.contract.error_samples import HOUR_NS, at, error, groups

Step = Callable[[LogStorage], object]

MESSAGES = ("주문 실패", "주문 체결 실패", "Disk FULL", "disk 100% full_", "é É", "")
SERVICES = ("scheduler", "api", "정산")
KINDS = ("KeyError", "InsufficientBalance", "")
TIMES = st.sampled_from((0, 1, 2, 10, 1_800, 3_600, 3_601, 7_200, -5, 100_000))
GROUPS = st.integers(1, 6)


@st.composite
def occurrences(draw: st.DrawFn) -> Step:
    """A batch of errors, some of them sent again."""
    entries = [
        error(
            draw(st.sampled_from(MESSAGES)),
            seconds=draw(TIMES),
            service=draw(st.sampled_from(SERVICES)),
            kind=draw(st.sampled_from(KINDS)),
            number=draw(st.none() | st.integers(1, 12)),
            level=draw(st.sampled_from((LogLevel.ERROR, LogLevel.ERROR, LogLevel.FATAL, LogLevel.WARN))),
            trace_id=draw(st.sampled_from(("", "abc12345"))),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]
    return lambda store: store.write_batch(entries).accepted


@st.composite
def acts(draw: st.DrawFn) -> Step:
    """What a person does, also to groups that are not there."""
    number, other = draw(GROUPS), draw(GROUPS)
    seconds = draw(TIMES)
    by = draw(st.sampled_from(("", "kim")))
    kind = draw(st.integers(0, 8))

    def split(store: LogStorage) -> object:
        group = store.error_group(number)
        return store.split(group.service, group.fingerprints[-1], at_ns=at(seconds), by=by)

    steps: list[Step] = [
        lambda store: store.resolve(number, at_ns=at(seconds), by=by),
        lambda store: store.reopen(number, at_ns=at(seconds), by=by),
        lambda store: store.mute(number, at_ns=at(seconds), until_ns=at(seconds) + HOUR_NS, by=by),
        lambda store: store.mute(number, at_ns=at(seconds), below_an_hour=other, by=by),
        lambda store: store.unmute(number, at_ns=at(seconds), by=by),
        lambda store: store.note(number, "메모", at_ns=at(seconds), by=by),
        lambda store: store.merge([number, other], other, at_ns=at(seconds), by=by),
        split,
        lambda store: store.remove_errors(at(seconds), pause=lambda: False),
    ]
    return steps[kind]


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    """A question to the inbox."""

    def some(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), max_size=2, unique=True)))

    return {
        "statuses": some(tuple(ErrorStatus)),
        "services": draw(st.just(()) | st.just(some(SERVICES))),
        "levels": some((ERROR, CRITICAL)) if draw(st.booleans()) else (),
        "types": some(KINDS) if draw(st.booleans()) else (),
        "search": draw(st.sampled_from(("", "", "주문", "문 실", "DISK", "100%", "_", "É", "core.engine"))),
        "since_ns": draw(st.none() | TIMES.map(at)),
        "until_ns": draw(st.none() | TIMES.map(at)),
        "muted": draw(st.none() | st.booleans()),
        "regressed": draw(st.none() | st.booleans()),
        "now_ns": at(draw(TIMES)),
        "order": draw(st.sampled_from(ErrorOrder)),
        "limit": draw(st.integers(1, 4)),
    }


def outcome(step: Step, store: LogStorage) -> object:
    """What a step gives, or how it is refused."""
    try:
        return step(store)
    except (UnknownError, ValueError) as refused:
        return type(refused)


def told(store: LogStorage) -> object:
    """All that a store says of its errors, but for what differs in any two: ids and times of arrival."""
    every = groups(store, order=ErrorOrder.FIRST_SEEN)
    span = {"since_ns": at(-10), "until_ns": at(50_000)}
    return (
        every,
        [
            (each.error_no, each.group_no, each.reopened, each.record._replace(id=""))
            for each in store.errors_after(0, most=1_000)
        ],
        [
            (page.next, [each.error_no for each in page.occurrences])
            for group in every
            for page in (store.occurrences(group.group_no, most=2), store.occurrences(group.group_no))
        ],
        [store.group_events(group.group_no) for group in every],
        [store.error_stats(by, **span, utc_offset_s=9 * 3_600) for by in StatsBy],
        store.error_buckets(
            [group.group_no for group in every], start_ns=at(0), end_ns=at(7_201), buckets=3
        ),
        [each.error_no for each in store.errors_of_trace("abc12345", most=5)],
        store.newest_error_no(),
        store.error_services(),
        store.unresolved(at(100)),
    )


@pytest.mark.promise("M48", "M55", "M57")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(occurrences() | occurrences() | acts(), min_size=1, max_size=14),
    asked=st.lists(queries(), max_size=4),
)
def test_stores_agree_on_errors(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], asked: list[dict[str, Any]]
) -> None:
    path: Path = tmp_path_factory.mktemp("errors") / "hantu.db"
    memory = MemoryStore()
    with closing(SqliteStore.open(path, seal_entries=5, background=False)) as sqlite:
        for step in steps:
            assert outcome(step, sqlite) == outcome(step, memory)
        assert told(sqlite) == told(memory)
        for query in asked:
            assert groups(sqlite, **query) == groups(memory, **query)
            assert sqlite.errors(ErrorQuery(**query)) == memory.errors(ErrorQuery(**query))
