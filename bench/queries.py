"""Each kind of query in the table of docs/performance.md: name → what to time, the first time and again.

`python -m bench.queries FILE` times them all over a file that `bench.growth --part write` has filled."""

from __future__ import annotations

import datetime
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path

from bench.corpus import DAY_NS, END_NS
from bench.measure import percentiles, table
from hantu.query.args import from_args
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.sqlite import SqliteStore

HOUR_NS = DAY_NS // 24
FIRSTS = 3


def parse(text: str) -> LogQuery:
    """The query of some words, in UTC."""
    return from_args({"q": [text]}, now_ns=END_NS, tz=datetime.UTC)


def kinds(
    store: LogStorage, rare_word: str, trace_ids: str, entry_id: str
) -> Mapping[str, Callable[[], object]]:
    """Name → a call that answers one such query on `store`.

    trace_ids: parted by blanks, asked for in turns: filters let pass 1 of 150 segments without the id, of
    one id none and of another ten."""
    newest = {
        "newest 100": "",
        "common word": "core",
        "rare word": rare_word,
        "two words": "job finished",
        "phrase": '"connection received"',
        "prefix": "authent*",
        "Korean (주문)": "주문",
        "trace id": "",
        "word AND word, 0 hits": "checkpoint 주문",
        "word & level, 0 hits": "snapshot level:fatal",
        "field:value": "user.id:42",
        "level:error": "level:error",
        "container": "container:api",
        "regex with a literal": "/rebalance generation 4[0-9]{3}$/",
        "regex, 0 hits": "/zz[0-9]{9}qq/",
        "rare substring": f"*{rare_word[1:-1]}*",
        "substring *port 26*": "*port 26*",
        "substring *in 3*": "*in 3*",
        "substring *rhost=10.1.2.3*": "*rhost=10.1.2.3*",
    }
    calls: dict[str, Callable[[], object]] = {
        name: partial(store.search, parse(text), time_limit_ms=60_000) for name, text in newest.items()
    }
    traces = cycle([parse(f"trace:{trace_id}") for trace_id in trace_ids.split()])
    calls["trace id"] = lambda: store.search(next(traces), time_limit_ms=60_000)
    hour = replace(parse("level:error"), start_ns=END_NS - HOUR_NS, end_ns=END_NS)
    week = {
        "start_ns": END_NS - 7 * DAY_NS,
        "end_ns": END_NS + DAY_NS,
        "buckets": 60,
        "time_limit_ms": 60_000,
    }
    day = week | {"start_ns": END_NS - DAY_NS, "end_ns": END_NS}
    unbound = parse("/[a-z]{3}[0-9]{2} [0-9]z{4}/")
    calls |= {
        "regex without a literal, 0 hits, limit 1 s": lambda: store.search(unbound, time_limit_ms=1_000),
        "id": lambda: store.get(entry_id),
        "level:error, 1 h": lambda: store.search(hour, time_limit_ms=60_000),
        "count of a word": lambda: store.count(parse("core"), cap=10**9, time_limit_ms=60_000),
        "count by level": lambda: store.facets(LogQuery(), ["level"], time_limit_ms=60_000),
        "facets": lambda: store.facets(LogQuery(), ["source", "source_id", "level"], time_limit_ms=60_000),
        "histogram 1 day": lambda: store.histogram(LogQuery(), **day),
        "histogram 1 day of a word": lambda: store.histogram(parse("core"), **day),
        "histogram 7 days of a word": lambda: store.histogram(parse("core"), **week),
        "patterns 1 day": lambda: store.patterns(LogQuery(), **day),
        "patterns 1 day of level:error": lambda: store.patterns(parse("level:error"), **day),
        "context ±50": lambda: _context(store, entry_id),
    }
    return calls


def _context(store: LogStorage, entry_id: str) -> object:
    entry = store.get(entry_id)
    assert entry is not None
    return store.context(entry, before=50, after=50)


def first_ms(path: Path, name: str, *words: str) -> float:
    """Median of the time that a query takes when it is asked for the first time, in ms: each time of a
    store just opened, in which directories and shapes have been read for other queries.

    words: as kinds() takes them."""
    times = []
    for _ in range(FIRSTS):
        store = SqliteStore.open(path, read_only=True)
        store.facets(LogQuery(), ["level"], time_limit_ms=60_000)
        store.search(parse("zebra"), time_limit_ms=60_000)
        call = kinds(store, *words)[name]
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
        store.close()
    return statistics.median(times)


def some_words(store: LogStorage) -> tuple[str, str, str]:
    """A rare word, a trace id, and the id of an entry, of what a store holds."""
    run = store.search(parse('"started run"')).entries[0]
    newest = replace(parse("trace:*"), end_ns=END_NS - 3 * DAY_NS)
    (trace, *_) = store.search(newest).entries
    assert trace.metadata is not None
    return run.message.split("run=")[1][:8], str(trace.metadata["trace_id"]), run.id


def rows(path: Path, *words: str) -> Iterator[tuple[object, ...]]:
    """(name, first, p50, p95, runs) of each kind of query, in ms."""
    store = SqliteStore.open(path, read_only=True)
    for name, call in kinds(store, *words).items():
        yield name, first_ms(path, name, *words), *percentiles(call, runs=50, most_s=5)
    store.close()


HEAD = ("query", "first", "p50", "p95", "runs")


def main(path: Path) -> None:
    """The table of a file."""
    store = SqliteStore.open(path, read_only=True)
    words = some_words(store)
    store.close()
    print(table(HEAD, list(rows(path, *words))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
