"""Lines that programs send by themselves cannot be read again: when they were not taken is noted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hantu.config import Config
from hantu.pipeline import Pipeline
from hantu.service import Service, new_token
from hantu.service.gaps import ALIVE, SentGaps, last_change_ns
from hantu.store.base import StoreError
from hantu.store.gap_base import Gap
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal

S = 10**9


class Refusing(MemoryStore):
    """A store whose disk is full now and then."""

    full = False

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        if self.full:
            raise StoreError("the disk is full")
        super().note_gaps(gaps)


def desk(store: MemoryStore, now_s: Callable[[], float], *, changed_s: float = 0) -> SentGaps:
    return SentGaps(
        Pipeline(store, CommitSignal()),
        changed_ns=int(changed_s * S),
        clock_ns=lambda: int(now_s() * S),
    )


def found(store: MemoryStore) -> list[tuple[float, float, int | None]]:
    return [(gap.from_ns / S, gap.to_ns / S, gap.lines) for gap in reversed(store.gaps())]


def test_the_time_that_hantu_was_stopped_is_a_gap_when_somebody_may_send() -> None:
    store = MemoryStore()
    desk(store, lambda: 100).begin()
    assert found(store) == []
    desk(store, lambda: 200).begin()
    assert found(store) == [], "nobody has a token"
    new_token(store, "shop", "ingest")
    desk(store, lambda: 260).begin()
    assert found(store) == [(200, 260, None)]
    desk(store, lambda: 260.5).begin()
    assert len(found(store)) == 1, "nobody notices half a second"


def test_after_a_kill_it_counts_from_the_last_commit() -> None:
    store = MemoryStore()
    new_token(store, "shop", "ingest")
    desk(store, lambda: 100).begin()
    desk(store, lambda: 300, changed_s=150).begin()
    assert found(store) == [(150, 300, None)]


def test_refused_lines_are_counted_by_the_minute() -> None:
    store = MemoryStore()
    times = iter([10.0, 11.0, 12.0, 60.0, 70.0, 120.0, 180.0])
    gaps = desk(store, lambda: next(times))
    for lines in (5, 7, 1):
        gaps.refused(lines)
    gaps.minute()
    gaps.refused(2)
    gaps.minute()
    gaps.minute()
    assert found(store) == [(10, 12, 13), (70, 70, 2)]
    assert store.checkpoint(ALIVE) == b"%d" % (180 * S)


def test_what_cannot_be_noted_yet_is_noted_later() -> None:
    store = Refusing()
    times = iter([10.0, 20.0, 60.0])
    gaps = desk(store, lambda: next(times))
    store.full = True
    gaps.refused(5)
    gaps.minute()
    assert found(store) == []
    store.full = False
    gaps.refused(1)
    gaps.minute()
    assert found(store) == [(10, 20, 6)]


def test_a_service_that_was_stopped_or_killed_says_since_when(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path, docker="off", journal="off", files=("none",))
    service = Service(config)
    service.pipeline.with_store(lambda store: new_token(store, "shop", "ingest"))
    service.start()
    service.stop()
    service = Service(config)
    stored = service.store.checkpoint(ALIVE)
    assert stored is not None
    an_hour_ago = int(stored) - 3600 * S
    service.pipeline.with_store(lambda store: store.write_batch([], {ALIVE: b"%d" % an_hour_ago}))
    service.start()
    (gap,) = service.store.gaps()
    service.stop()
    assert (gap.source, gap.source_id, gap.from_ns) == ("", "", an_hour_ago)
    assert gap.reason.startswith("hantu was stopped")
    assert last_change_ns(config.database) == 0
    wal = config.database.with_name("hantu.db-wal")
    wal.touch()
    os.utime(wal, ns=(7 * S, 7 * S))
    assert last_change_ns(config.database) == 7 * S


@pytest.mark.promise("M42")
def test_a_running_service_marks_that_it_lives(tmp_path: Path) -> None:
    service = Service(Config(data_dir=tmp_path, docker="off", journal="off", files=("none",)))
    service.start()
    try:
        assert service.store.checkpoint(ALIVE) is not None
    finally:
        service.stop()
