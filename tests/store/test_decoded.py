"""What was read of a segment serves the next page, in any thread, within the memory it says."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import numpy as np

from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.packing import pack, unpack
from hantu.store.sqlite.segment_writer import encode
from tests.store.codec_parts import Book, assert_same, batch_of
from tests.store.made import asked, entry, many, opened

THREADS = 8
ROUNDS = 20
MESSAGES = [
    f"{text} {number * 2_654_435_761 % 2**32:08X} {number * 40_503 % 2**16:04x} of {number % 7} {number}ms"
    for number in range(3_000)
    for text in ("request", "주문", "once-only " + "xyz"[number % 3] * (number % 40))
]


def test_a_frame_with_what_another_has_read_reads_nothing() -> None:
    batch = batch_of(MESSAGES, metadata=[b'{"n":%d}' % (number % 900) for number in range(len(MESSAGES))])
    book = Book()
    columns = encode(batch, book)
    first = Frame(columns.__getitem__, book)
    assert_same(first, batch)

    def unread(column: Column) -> bytes:
        raise AssertionError(f"{column.name} was read again")

    assert_same(Frame(unread, book, None, first.decoded), batch)


def test_what_is_kept_takes_no_more_memory_than_it_says() -> None:
    batch = batch_of(MESSAGES, metadata=[b'{"n":%d}' % number for number in range(len(MESSAGES))])
    book = Book()
    frame = Frame(encode(batch, book).__getitem__, book)
    assert_same(frame, batch)
    kept = frame.decoded
    size_bytes = sum(_sizes(kept.parts.values(), set()))
    assert kept.size_bytes / 4 < size_bytes <= kept.size_bytes


def _sizes(things: Iterable[object], seen: set[int]) -> Iterable[int]:
    """The memory of all arrays and texts within these, each once."""
    for thing in things:
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            if thing.base is None:
                yield thing.nbytes
            else:
                yield from _sizes([thing.base], seen)
        elif isinstance(thing, bytes):
            yield len(thing)
        elif isinstance(thing, list | tuple):
            yield from _sizes(thing, seen)
        elif hasattr(thing, "__dict__") or hasattr(thing, "__slots__"):
            names = [*getattr(thing, "__dict__", ()), *getattr(thing, "__slots__", ())]
            yield from _sizes([getattr(thing, name) for name in names if hasattr(thing, name)], seen)


def test_threads_that_share_what_was_read_all_see_it_whole() -> None:
    batch, book = batch_of(MESSAGES), Book()
    packed = {column: pack(column, raw) for column, raw in encode(batch, book).items()}

    def load(column: Column) -> bytes:
        return unpack(column, packed[column])

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(ROUNDS):
            first = Frame(load, book)
            lines = first.line_of(np.arange(len(batch)))
            # Read, but not yet taken apart.
            for cls in range(3):
                first.values(cls)
            ready = threading.Barrier(THREADS)

            def read(number: int, shared: Frame = first, ready: threading.Barrier = ready) -> bool:
                frame = Frame(load, book, None, shared.decoded)
                own = np.arange(len(batch))[number::THREADS]
                ready.wait()
                found = frame.may_hold(1, b"ffffffffffff"), frame.messages(shared.line_of(own))
                return found == (False, [batch.messages[at] for at in own.tolist()])

            assert all(pool.map(read, range(THREADS)))
            assert first.messages(lines) == list(batch.messages)


def test_a_page_is_read_once_and_one_from_many_segments_drives_out_none(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, background=False) as store:
        for number in range(12):
            store.write_batch([*many(40, first=40 * number), entry(f"seldom {number}", at=40 * number)])
            store.seal()
        newest = store.search(asked()).entries
        assert len(store.search(asked("seldom")).entries) == 12
        damaged = apsw.Connection(str(path))
        damaged.execute("UPDATE segment_column SET checksum = checksum + 1")
        damaged.close()
        assert store.search(asked()).entries == newest
    with opened(path, read_only=True) as store:
        assert store.search(asked()).entries != newest
