"""A store, its pipeline and a manager, as the service composes them, around a private engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.docker import key_of
from hantu.collect.docker_engine import Engine
from hantu.collect.docker_source import DockerSource
from hantu.collect.manager import LogCollectorManager
from hantu.model import LogEntry
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.waiting import wait_until


class Desk:
    """What collects. A second Desk on the first one's store is a restart of hantu.

    logging: keep what on_log is told in `logged`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        store: LogStorage | None = None,
        *,
        include: Sequence[str] = ("*",),
        exclude: Sequence[str] = (),
        reconnect: str = "auto",
        own: Sequence[str] = (),
        batch_ms: int = 50,
        logging: bool = True,
    ) -> None:
        self.store: LogStorage = store or MemoryStore()
        self.pipeline = Pipeline(self.store, CommitSignal(self.store.cursor()), batch_ms=batch_ms)
        self.manager = LogCollectorManager(self.pipeline, self.store)
        self.logged: list[LogEntry] = []
        self.errors: list[Exception] = []
        self.source = DockerSource(
            self.manager,
            engine=Engine(environment),
            pipeline=self.pipeline,
            store=self.store,
            include=include,
            exclude=exclude,
            reconnect=reconnect,
            own=own,
            on_log=self.logged.extend if logging else None,
            on_error=self.errors.append,
        )
        self.manager.use_containers(self.source)
        self.manager.add(self.source)
        self.pipeline.start()

    def __enter__(self) -> Desk:
        self.manager.start_all()
        return self

    def __exit__(self, *problem: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End as the service does."""
        assert self.manager.stop_all(5.0)
        assert self.pipeline.stop(5.0)

    def watching(self) -> None:
        """Wait until the engine's events are followed."""
        self.wait_state("docker", CollectorState.COLLECTING)

    def entries(self, source_id: str | None = None) -> list[LogEntry]:
        """Stored entries in arrival order."""
        found = [entry for entry in self.store.export(LogQuery()) if source_id in (None, entry.source_id)]
        return sorted(found, key=lambda entry: entry.key)

    def messages(self, source_id: str, stream: str | None = None) -> list[str]:
        """The messages of a container in arrival order."""
        return [
            entry.message
            for entry in self.entries(source_id)
            if stream is None or (entry.metadata or {}).get("stream") == stream
        ]

    def status(self, key: str) -> CollectorStatus | None:
        """The status of a collector, None when there is none. key: `docker`, or a container's id."""
        key = key if key == "docker" else key_of(key)
        return next((status for status in self.manager.statuses() if status.key == key), None)

    def state(self, key: str) -> CollectorState | None:
        """The state of a collector."""
        status = self.status(key)
        return None if status is None else status.state

    def wait_state(self, key: str, state: CollectorState, timeout_s: float = 20) -> None:
        """Wait for a state."""
        wait_until(lambda: self.state(key) is state, timeout_s)

    def wait_messages(self, source_id: str, count: int, timeout_s: float = 30) -> None:
        """Wait for at least so many stored entries of a container."""
        wait_until(lambda: len(self.messages(source_id)) >= count, timeout_s, 0.1)
