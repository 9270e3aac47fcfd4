"""A journal collector with its pipeline and store, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hantu.collect.base import CollectorState
from hantu.collect.journal import JournalLogCollector
from hantu.model import LogEntry
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.waiting import wait_until


class Desk:
    """A collector with its pipeline and store. A second one on the same store is a restart."""

    def __init__(self, namespace: str, store: LogStorage | None = None, **settings: Any) -> None:
        self.store: LogStorage = store or MemoryStore()
        self.pipeline = Pipeline(self.store, CommitSignal(self.store.cursor()), batch_ms=20)
        self.errors: list[Exception] = []
        self.collector = JournalLogCollector(
            pipeline=self.pipeline,
            store=self.store,
            namespace=namespace,
            on_error=self.errors.append,
            **settings,
        )

    def __enter__(self) -> Desk:
        self.pipeline.start()
        self.collector.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.collector.stop()
        assert self.collector.join(5)
        assert self.pipeline.stop(5)

    def entries(self, source_id: str = "app") -> list[LogEntry]:
        """Stored entries of one writer in the order of their arrival."""
        found = [entry for entry in self.store.export(LogQuery()) if entry.source_id == source_id]
        return sorted(found, key=lambda entry: entry.key)

    def messages(self, source_id: str = "app") -> list[str]:
        return [entry.message for entry in self.entries(source_id)]

    def wait(self, count: int, source_id: str = "app", timeout_s: float = 20) -> None:
        wait_until(lambda: len(self.entries(source_id)) >= count, timeout_s, 0.05)

    def following(self) -> int:
        """The journalctl that waits for new entries, once it runs: what was there is read by one before."""
        found: list[int] = []

        def runs() -> bool:
            process = self.collector._process
            if process is None:
                return False
            try:
                command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            except OSError:
                return False
            found.append(process.pid)
            return b"--follow" in command

        wait_until(runs, 60)
        return found[-1]

    def gaps(self) -> list[dict[str, Any]]:
        found = [
            entry.metadata["gap"]
            for entry in self.store.export(LogQuery())
            if "gap" in (entry.metadata or {})
        ]
        return list(found)

    def state(self) -> CollectorState:
        return self.collector.status().state


def only(entries: Sequence[LogEntry]) -> LogEntry:
    assert len(entries) == 1, entries
    return entries[0]
