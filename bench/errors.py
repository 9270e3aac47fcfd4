"""The inbox of errors: `python -m bench.errors [OCCURRENCES [GROUPS]]` fills a store and asks it.

A few groups have most of the occurrences, most have few, as errors are; over 30 days, each with a stack
trace of some 1.3 kB. The first row writes them through the store, as entries; beside it the same lines
as plain ones, and the INSERT of the log library."""

from __future__ import annotations

import random
import sqlite3
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.measure import Work, machine, peak_rss_mb, percentiles, table, work
from bench.streams import scratch
from hantu.errors import ErrorStatus
from hantu.model import APP, LogEntry, LogLevel
from hantu.store import open_store
from hantu.store.base import LogStorage
from hantu.store.error_base import ErrorOrder, ErrorQuery, StatsBy

OCCURRENCES = 1_000_000
GROUPS = 100_000
END_NS = 1_795_150_951_000_000_000
DAY_NS = 86_400 * 10**9
DAYS = 30
BATCH = 500
SAME = 20_000
HEAD = ("question", "p50", "p95", "runs")
SERVICES = ("scheduler", "api", "정산", "worker", "gateway", "mailer")
KINDS = ("InsufficientBalance", "TimeoutError", "KeyError", "sqlalchemy.exc.OperationalError", "주문오류")
WORDS = (
    *("주문", "체결", "잔고", "부족", "연결", "실패", "시간", "초과"),
    *("order", "broker", "refused", "stale", "quote", "ledger", "batch", "upstream"),
)
FRAME = '  File "/srv/app/core/{}.py", line {}, in {}\n    self.{}(order, retry=True)\n'


def errors(occurrences: int, groups: int) -> Iterator[LogEntry]:
    """Occurrences in order of time; the first `groups` of them begin a group each."""
    draw = random.Random(7)
    step = DAYS * DAY_NS // max(1, occurrences)
    for number in range(occurrences):
        # Each group comes once, spread over the time; the rest falls to few.
        turn = number * groups // occurrences
        fresh = number == 0 or turn != (number - 1) * groups // occurrences
        group = turn if fresh else int(turn * draw.random() ** 6)
        yield error(group, number, END_NS - (occurrences - number) * step)


def error(group: int, number: int, time_ns: int) -> LogEntry:
    """An occurrence of a group as the log library pushes it."""
    draw = random.Random(group)
    words = " ".join(draw.choices(WORDS, k=6))
    name = f"step_{group % 997}"
    kind = KINDS[group % len(KINDS)]
    stack = "Traceback (most recent call last):\n" + "".join(
        FRAME.format(name, draw.randrange(900), name, name) for _ in range(12)
    )
    service = SERVICES[group % len(SERVICES)]
    return LogEntry(
        source=APP,
        source_id=service,
        level=LogLevel.FATAL if group % 50 == 0 else LogLevel.ERROR,
        message=f"{words} {_letters(group)}: {number}건",
        time_ns=time_ns,
        metadata={
            "service": service,
            "module": f"core.{name}",
            "function": name,
            "error_type": kind,
            "stack_trace": f"{stack}{kind}: {words}",
            "context": {"number": number},
            "trace_id": f"{number // 3:08x}",
        },
        event_id=uuid.UUID(int=draw.getrandbits(64) << 64 | number).bytes,
    )


def _letters(group: int) -> str:
    """A word of its own for each group: numbers would be folded."""
    out = ""
    while group:
        group, letter = divmod(group, 26)
        out += chr(97 + letter)
    return out or "a"


def fill(store: LogStorage, occurrences: int, groups: int) -> Work:
    """Write all errors."""
    entries = errors(occurrences, groups)

    def write() -> None:
        batch: list[LogEntry] = []
        for entry in entries:
            batch.append(entry)
            if len(batch) == BATCH:
                store.write_batch(batch)
                batch.clear()
        store.write_batch(batch)

    return work(occurrences, write)


def writing(folder: Path) -> list[tuple[object, ...]]:
    """What one error costs, made and written, beside the same line without an error in it."""
    made = list(errors(SAME, SAME // 10))
    plain = [
        msgspec.structs.replace(entry, level=LogLevel.INFO, event_id=uuid.uuid4().bytes) for entry in made
    ]
    rows: list[tuple[object, ...]] = []
    for name, lines in (("the same lines at level info", plain), ("errors with their entries", made)):
        store = open_store(folder / f"{name}.db")
        done = work(
            SAME,
            lambda lines=lines, store=store: [
                store.write_batch(lines[at : at + BATCH]) for at in range(0, SAME, BATCH)
            ],
        )
        store.close()
        rows.append((name, int(done.per_second), done.cpu_us))
    done = _plain_inserts(folder / "plain.db", made)
    rows.append(("plain INSERT of the log library", int(done.per_second), done.cpu_us))
    return rows


def _plain_inserts(path: Path, entries: list[LogEntry]) -> Work:
    """Written by the standard library's sqlite3, in batches of 10."""
    open_store(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    rows = []
    for entry in entries:
        found = entry.metadata or {}
        words = entry.message.rpartition(":")[0]
        row = (
            *(entry.event_id, entry.time_ns, "ERROR", entry.source_id, found["module"], found["function"]),
            *(entry.message, found["error_type"], found["stack_trace"], "{}", found["trace_id"]),
            *(f"{zlib.crc32(words.encode()):016x}", APP, entry.source_id, 0),
        )
        rows.append(row)
    columns = (
        "id, time_ns, level, service, module, function, message, error_type, stack_trace, context, trace_id,"
        " fingerprint, source, source_id, created_ns"
    )

    def write() -> None:
        for at in range(0, len(rows), 10):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT OR IGNORE INTO error_logs ({columns}) VALUES ({', '.join('?' * 15)})",
                rows[at : at + 10],
            )
            connection.execute("COMMIT")

    done = work(len(rows), write)
    connection.close()
    return done


def questions(store: LogStorage) -> list[tuple[str, Callable[[], object]]]:
    """What pages, API and alerts ask."""
    first = ErrorQuery(statuses=(ErrorStatus.UNRESOLVED,), now_ns=END_NS)
    page = store.errors(first)
    largest = store.errors(ErrorQuery(order=ErrorOrder.COUNT)).groups
    deep = first
    for _ in range(20):
        deep = replace(deep, place=store.errors(deep).next)
    newest = store.errors_after(store.newest_error_no() - 1, most=1)[0]
    day = {"since_ns": END_NS - DAY_NS, "until_ns": END_NS}
    week = {"since_ns": END_NS - 7 * DAY_NS, "until_ns": END_NS}

    def buckets(groups: tuple[int, ...], days: int) -> object:
        return store.error_buckets(groups, start_ns=END_NS - days * DAY_NS, end_ns=END_NS, buckets=24)

    shown = tuple(group.group_no for group in page.groups)
    top = tuple(group.group_no for group in largest)
    return [
        ("inbox: newest 50 unresolved, with total", lambda: store.errors(first)),
        ("page 21", lambda: store.errors(deep)),
        ("most frequent 50 of all", lambda: store.errors(ErrorQuery(order=ErrorOrder.COUNT))),
        ("of one service", lambda: store.errors(replace(first, services=("api",)))),
        ("critical, not muted", lambda: store.errors(replace(first, levels=("CRITICAL",), muted=False))),
        ("search: common word (주문)", lambda: store.errors(replace(first, search="주문"))),
        ("search: part of words (문 체)", lambda: store.errors(replace(first, search="문 체"))),
        ("search: rare word", lambda: store.errors(replace(first, search="core.step_77 dzj"))),
        ("search: 0 hits", lambda: store.errors(replace(first, search="없는말"))),
        ("number of unresolved", lambda: store.unresolved(END_NS)),
        ("sparklines of a page, 24 hours", lambda: buckets(shown, 1)),
        ("sparklines of the 50 largest, 24 hours", lambda: buckets(top, 1)),
        ("sparklines of the 50 largest, 14 days", lambda: buckets(top, 14)),
        ("largest group: newest 50 occurrences", lambda: store.occurrences(top[0])),
        ("one occurrence by id", lambda: store.error(newest.record.id)),
        ("errors of a trace", lambda: store.errors_of_trace(newest.record.trace_id)),
        ("next 100 in order of arrival", lambda: store.errors_after(newest.error_no - 100, most=100)),
        ("by service, 1 day", lambda: store.error_stats(StatsBy.SERVICE, **day)),
        ("by type, 7 days", lambda: store.error_stats(StatsBy.TYPE, **week)),
        ("by hour, 7 days", lambda: store.error_stats(StatsBy.HOUR, **week, utc_offset_s=32_400)),
        ("by level, all 30 days", lambda: store.error_stats(StatsBy.LEVEL, since_ns=0, until_ns=END_NS)),
        ("services", store.error_services),
    ]


def tables(occurrences: int = OCCURRENCES, groups: int = GROUPS) -> dict[str, str]:
    """Titles and tables."""
    with scratch() as folder_name:
        folder = Path(folder_name)
        written = writing(folder)
        store = open_store(folder / "hantu.db")
        done = fill(store, occurrences, groups)
        written.append(
            (
                f"{occurrences:,} errors of {groups:,} groups, made and written",
                int(done.per_second),
                done.cpu_us,
            )
        )
        rows = [(name, *percentiles(ask, runs=30, most_s=5)) for name, ask in questions(store)]
        size = store.error_size().size_bytes
        store.close()
    told = f"\n\n{size / occurrences:,.0f} bytes an occurrence on disk; largest resident size {peak_rss_mb():,.0f} MB"
    title = f"Inbox: {occurrences:,} errors in {groups:,} groups (ms)"
    return {
        "Writing errors": table(("what", "errors/s", "CPU µs"), written),
        title: table(HEAD, rows) + told,
    }


if __name__ == "__main__":
    print(machine())
    for heading, shown in tables(*map(int, sys.argv[1:])).items():
        print(f"\n## {heading}\n\n{shown}")
