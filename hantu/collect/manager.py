"""LogCollectorManager: owns every collector; starts, stops and shows them."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from hantu.collect.base import CollectorState, CollectorStatus, Found, LogCollector
from hantu.collect.docker_check import EngineCheck
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage

STOPPED_PREFIX: Final = "collector-stopped:"
_ACTIVE: Final = (CollectorState.STARTING, CollectorState.COLLECTING, CollectorState.RECONNECTING)


class ContainerSource(Protocol):
    """What the manager needs of the watcher of an engine."""

    def collect(self, container_id: str, name: str) -> LogCollector:
        """A collector of this container, not started yet."""
        ...

    def found(self) -> list[Found]:
        """Running containers that nobody collects."""
        ...

    def check(self) -> EngineCheck:
        """What looks whether all was read that the engine has."""
        ...


class LogCollectorManager:
    """All collectors by key (CONTRACT M23–M25). Every method may be called from any thread.

    A collector that a person stopped stays stopped, also when hantu starts again, until a person
    starts it. For a container that holds for its name: a rebuilt one of that name is the same."""

    def __init__(self, pipeline: Pipeline, store: LogStorage) -> None:
        self._pipeline = pipeline
        self._collectors: dict[str, LogCollector] = {}
        self._lock = threading.RLock()
        self._companions: list[LogCollector] = []
        self._containers: ContainerSource | None = None
        self._running = False
        self._closed = False
        self._stopped = {name.removeprefix(STOPPED_PREFIX) for name in store.checkpoints(STOPPED_PREFIX)}

    def use_containers(self, source: ContainerSource) -> None:
        """Collect containers through this source."""
        self._containers = source

    def add(self, collector: LogCollector) -> None:
        """Own this collector; it starts with start_all(), or at once when that was called before.

        One that a person stopped is shown as stopped. A key that is known already is ignored."""
        with self._lock:
            if self._closed or collector.key in self._collectors:
                return
            self._collectors[collector.key] = collector
            if self._running and not self.is_stopped(collector):
                collector.start()

    def accompany(self, collector: LogCollector) -> None:
        """Start and end this collector with the others, and show it nowhere: it serves hantu itself."""
        with self._lock:
            self._companions.append(collector)

    def engine_check(self) -> EngineCheck | None:
        """What looks whether all was read that the engine has; None without one."""
        return None if self._containers is None else self._containers.check()

    def start_all(self) -> None:
        """Start every collector but those that a person stopped."""
        with self._lock:
            self._running = True
            for companion in self._companions:
                companion.start()
            for collector in list(self._collectors.values()):
                if not self.is_stopped(collector):
                    collector.start()

    def start_docker_collector(self, container_id: str, name: str) -> str:
        """Collect this container, from its checkpoint on, else from its last lines; returns the key.

        Raises KeyError when hantu does not collect containers (docker = "off")."""
        if self._containers is None:
            raise KeyError("docker")
        key = f"docker:{container_id}"
        if self.get(key) is not None:
            self.start_collector(key)
            return key
        collector = self._containers.collect(container_id, name)
        self._remember(collector, stopped=False)
        self.add(collector)
        return key

    def start_collector(self, key: str) -> None:
        """Start by hand; `key` may be shortened as far as it is unambiguous. Raises KeyError."""
        found = self._find(key)
        if found is None:
            for container in self.found():
                if container.key.startswith(key):
                    self.start_docker_collector(container.key.removeprefix("docker:"), container.name)
                    return
            raise KeyError(key)
        found.start()
        self._remember(found, stopped=False)

    def stop_collector(self, key: str) -> None:
        """Stop by hand; it stays stopped until started by hand.

        Raises KeyError; StoreError when that could not be stored: it stops, and runs again when hantu
        starts again."""
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        found.stop()
        self._remember(found, stopped=True)

    def stop_all(self, timeout_s: float = 1.0) -> bool:
        """End all of them at the same time; True when all have ended within timeout_s."""
        with self._lock:
            self._closed = True
            collectors = [*self._collectors.values(), *self._companions]
        for collector in collectors:
            collector.stop()
        until = time.monotonic() + timeout_s
        ended = [collector.join(max(0.0, until - time.monotonic())) for collector in collectors]
        return all(ended)

    def active_collectors(self) -> list[str]:
        """Keys of the collectors that collect or are trying to."""
        return [status.key for status in self.statuses() if status.state in _ACTIVE]

    def statuses(self) -> list[CollectorStatus]:
        """Every collector as it is now, by source and name."""
        with self._lock:
            collectors = list(self._collectors.values())
        statuses = [collector.status() for collector in collectors]
        return sorted(
            statuses, key=lambda status: (status.source, status.key != status.source, status.name)
        )

    def found(self) -> list[Found]:
        """Running containers that are not collected, by name."""
        if self._containers is None:
            return []
        with self._lock:
            known = set(self._collectors)
        return sorted(
            (found for found in self._containers.found() if found.key not in known),
            key=lambda found: found.name,
        )

    def get(self, key: str) -> LogCollector | None:
        """The collector with exactly this key."""
        with self._lock:
            return self._collectors.get(key)

    def collectors(self) -> list[LogCollector]:
        """Every collector."""
        with self._lock:
            return list(self._collectors.values())

    def forget(self, key: str) -> None:
        """What this collector read is gone for ever: it is not shown any more."""
        with self._lock:
            self._collectors.pop(key, None)

    def is_read(self, key: str) -> bool:
        """Whether the collector with this key is to read: nobody stopped it, and there is something."""
        found = self.get(key)
        at_rest = (CollectorState.STOPPED, CollectorState.ENDED)
        return found is not None and found.status().state not in at_rest

    def is_stopped(self, collector: LogCollector) -> bool:
        """Whether a person stopped it (or a container of its name)."""
        return _memory_name(collector) in self._stopped

    def _find(self, key: str) -> LogCollector | None:
        with self._lock:
            exact = self._collectors.get(key)
            if exact is not None:
                return exact
            head, colon, rest = key.partition(":")
            if not colon or not rest:
                return None
            alike = [found for known, found in self._collectors.items() if known.startswith(key)]
        return alike[0] if head == "docker" and len(alike) == 1 else None

    def _remember(self, collector: LogCollector, *, stopped: bool) -> None:
        name = _memory_name(collector)
        with self._lock:
            if (name in self._stopped) is stopped:
                return
            if stopped:
                self._stopped.add(name)
            else:
                self._stopped.discard(name)
        value = b"1" if stopped else None
        # Not through the queue: a refused commit would be told to nobody.
        self._pipeline.with_store(
            lambda store: store.write_batch([], {STOPPED_PREFIX + name: value}, durable=True)
        )


def _memory_name(collector: LogCollector) -> str:
    """Under what a stop is remembered: a container's name outlives its id."""
    head, _, rest = collector.key.partition(":")
    return f"container:{collector.status().name}" if head == "docker" and rest else collector.key
