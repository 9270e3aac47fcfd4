"""What was read is let go of at once: nothing of it waits until Python looks for cycles, which can take
minutes, and tens of megabytes, while lines come in."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.store.sqlite import SqliteStore
from tests.store.made import START_NS, asked, entry, many, opened, write_all

LINES = 4_000
SPAN_NS = LINES * 10**9
WORDS = (
    "",
    "line",
    '"took 3"',
    "주문",
    "level:>=warn",
    "stream:stdout",
    "*ms*",
    "/took 1?3 ms/",
    "stack plain",
)


@pytest.fixture
def seen_cycles() -> Iterator[None]:
    """No collection but those that the test asks for, which keep what they find."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def ask_all(store: SqliteStore) -> None:
    """Each kind of question, of lines that are sealed and of those that are not."""
    for words in WORDS:
        query = asked(words)
        store.query(query)
        store.arrivals(query.after(LINES // 2), most=100)
        store.histogram(query, start_ns=START_NS, end_ns=START_NS + SPAN_NS, buckets=20)
        store.facets(query, ("source_id", "level", "host"))
        store.patterns(query, start_ns=START_NS, end_ns=START_NS + SPAN_NS)
        list(store.export(query))


@pytest.mark.usefixtures("seen_cycles")
def test_questions_leave_nothing_to_the_collector_of_cycles(tmp_path: Path) -> None:
    plain = [entry(f"stack of plain words {'x' * at}", at=at) for at in range(40)]
    with opened(tmp_path / "hantu.db", background=False) as store:
        write_all(store, [*many(LINES), *plain])
        store.seal()
        write_all(store, [*many(500, first=LINES), *plain])
        # What is made once, such as the types of decoders, is made now.
        ask_all(store)
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        ask_all(store)
        write_all(store, many(500, first=LINES + 500))
        ask_all(store)
        store.seal()
        ask_all(store)
        gc.collect()
        assert Counter(type(each).__name__ for each in gc.garbage) == {}
