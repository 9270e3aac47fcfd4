"""The canary's line arrives through the real journal, is measured, and is not stored."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hantu.collect.journal import JournalLogCollector
from hantu.model import JOURNAL, LogEntry, LogLevel
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery
from hantu.service.canary import MISSED_S, Canary
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.journald import PrivateJournal, journald
from tests.waiting import wait_until

__all__ = ["journald"]


@pytest.mark.journal
def test_the_line_arrives_through_the_journal_and_is_not_kept(journald: PrivateJournal) -> None:
    canary = Canary(Path(f"/run/systemd/journal.{journald.namespace}/socket"))
    store = MemoryStore()
    pipeline = Pipeline(store, CommitSignal(), processors=[canary], batch_ms=20)
    pipeline.start()
    collector = JournalLogCollector(
        pipeline=pipeline, store=store, since="-1h", namespace=journald.namespace
    )
    collector.start()
    try:
        journald.write("before", "shop", 6)
        wait_until(lambda: store.stats().entries >= 1)
        assert canary.last is None
        assert canary.send()
        wait_until(lambda: canary.last is not None and canary.last.delay_s is not None)
        assert canary.last is not None
        assert canary.last.delay_s is not None
        assert 0 <= canary.last.delay_s < 10
        assert not canary.last.missed
        journald.write("after", "shop", 6)
        wait_until(lambda: any(entry.message == "after" for entry in store.export(LogQuery())))
        assert not any("looks whether" in entry.message for entry in store.export(LogQuery()))
    finally:
        collector.stop()
        assert collector.join(10)
        pipeline.stop(5)


def test_one_that_does_not_arrive_is_missed(tmp_path: Path) -> None:
    import socket

    now_s = [100.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        canary = Canary(tmp_path / "socket", clock_s=lambda: now_s[0])
        assert canary.send()
        now_s[0] += MISSED_S + 1
        assert canary.last is not None
        assert canary.last.missed
        message = journal.recv(1000).decode().splitlines()[0].removeprefix("MESSAGE=")
        entry = LogEntry(JOURNAL, "hantu.service", LogLevel.DEBUG, message, 1)
        other = LogEntry(JOURNAL, "sshd", LogLevel.INFO, "kept", 1)
        assert canary([entry, other]) == [other]
        assert canary.last is not None
        assert canary.last.delay_s == MISSED_S + 1
        assert not canary.last.missed


def test_without_a_journal_there_is_none(tmp_path: Path) -> None:
    canary = Canary(tmp_path / "none")
    assert not canary.send()
    assert canary.last is None
    stop = threading.Event()
    stop.set()
    canary.body(stop)
