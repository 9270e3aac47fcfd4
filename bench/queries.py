"""Each kind of query in the table of docs/performance.md: name → what to time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from bench.corpus import DAY_NS, END_NS
from hantu.query.args import from_args
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage

HOUR_NS = DAY_NS // 24


def parse(text: str) -> LogQuery:
    """The query of some words, in UTC."""
    return from_args({"q": [text]}, now_ns=END_NS, tz=datetime.UTC)


def kinds(
    store: LogStorage, rare_word: str, trace_id: str, entry_id: str
) -> Mapping[str, Callable[[], object]]:
    """Name → a call that answers one such query on `store`."""
    newest = {
        "newest 100": "",
        "common word": "core",
        "rare word": rare_word,
        "two words": "job finished",
        "phrase": '"connection received"',
        "prefix": "authent*",
        "Korean (주문)": "주문",
        "trace id": f"trace:{trace_id}",
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
        "context ±50": lambda: _context(store, entry_id),
    }
    return calls


def _context(store: LogStorage, entry_id: str) -> object:
    entry = store.get(entry_id)
    assert entry is not None
    return store.context(entry, before=50, after=50)
