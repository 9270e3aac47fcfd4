"""Importing old files."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
import os
from pathlib import Path

import pytest

from hantu.collect.oldfiles import read_entries
from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry, LogLevel
from hantu.store.memory import MemoryStore

LINES = b"""2026-02-01 12:00:00,001 INFO app: started
2026-02-01 12:00:01,002 ERROR app: it broke
Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    main()
ValueError: no
2026-02-01 12:00:02,003 WARNING app: again
{"level":"error","msg":"as json","time":"2026-02-01T12:00:03Z"}
"""


def entries_of(path: Path) -> list[LogEntry]:
    return [entry for batch in read_entries(path, tz=datetime.UTC) for entry in batch]


def test_an_old_file_becomes_entries_with_its_own_times(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(LINES)
    first, broke, again, json = entries_of(path)
    assert first.time_ns == 1769947200_001_000_000
    assert broke.level is LogLevel.ERROR
    assert broke.message.endswith("ValueError: no")
    assert again.level is LogLevel.WARN
    assert json.message == "as json"
    assert {entry.source_id for entry in (first, broke, again, json)} == {str(path)}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_gives_the_same_entries(tmp_path: Path, pack: object) -> None:
    plain, packed = tmp_path / "app.log", tmp_path / "app.log.packed"
    plain.write_bytes(LINES)
    assert callable(pack)
    packed.write_bytes(pack(LINES))
    assert [(e.message, e.event_id) for e in entries_of(packed)] == [
        (e.message, e.event_id) for e in entries_of(plain)
    ]


def test_importing_a_file_twice_moved_or_grown_stores_nothing_twice(tmp_path: Path) -> None:
    path, moved = tmp_path / "app.log", tmp_path / "app.log.1"
    path.write_bytes(LINES)
    store = MemoryStore()
    assert store.write_batch(entries_of(path)).accepted == 4
    assert store.write_batch(entries_of(path)).accepted == 0
    moved.write_bytes(LINES + b"2026-02-01 12:00:05 INFO new\n")
    assert store.write_batch(entries_of(moved)).accepted == 1


def test_files_that_begin_alike_are_not_mixed_up(tmp_path: Path) -> None:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(b"banner\nfirst\nsame\n")
    other.write_bytes(b"banner\nsecond\nsame\n")
    store = MemoryStore()
    store.write_batch(entries_of(one))
    # The banner is the same byte for byte; all behind the first difference is another text.
    assert store.write_batch(entries_of(other)).accepted == 2


def test_a_line_without_a_time_has_the_time_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"no time here\n")
    os.utime(path, ns=(5, 1_600_000_000_000_000_000))
    assert entries_of(path)[0].time_ns == 1_600_000_000_000_000_000


def test_a_line_too_long_keeps_its_head_and_its_true_length(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"before\n" + b"x" * 3_000_000 + b"\nafter\n")
    before, long, after = entries_of(path)
    assert (before.message, after.message) == ("before", "after")
    assert len(long.message) == MESSAGE_LIMIT_BYTES
    assert long.metadata is not None
    assert long.metadata["truncated_bytes"] == 3_000_000


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(b"line\n" * 20_000))
    told: list[tuple[int, int]] = []
    for _ in read_entries(path, tz=None, on_progress=lambda done, size: told.append((done, size))):
        pass
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert all(done <= size for done, _ in told)


def test_a_cut_off_gzip_file_and_a_binary_file_are_refused_with_the_reason(tmp_path: Path) -> None:
    cut, binary = tmp_path / "cut.gz", tmp_path / "binary"
    cut.write_bytes(gzip.compress(os.urandom(10_000).hex().encode())[:-100])
    binary.write_bytes(bytes(5_000))
    with pytest.raises(EOFError):
        entries_of(cut)
    with pytest.raises(OSError, match="binary"):
        entries_of(binary)
