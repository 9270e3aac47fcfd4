"""The manager, with collectors that do nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hantu.collect.base import CollectorState, CollectorStatus, Found, LogCollector
from hantu.collect.docker_check import EngineCheck
from hantu.collect.manager import LogCollectorManager
from hantu.pipeline import Pipeline
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from hantu.threads import Worker
from tests.waiting import wait_until


class Idle:
    """A collector whose thread waits for its end; stop() takes ending_s to work."""

    def __init__(self, key: str, name: str = "", ending_s: float = 0.0) -> None:
        self.key = key
        self.source = key.partition(":")[0]
        self.starts = 0
        self._name = name or key
        self._ending_s = ending_s
        self._worker: Worker | None = None

    def start(self) -> None:
        self.starts += 1
        self._worker = Worker(f"idle-{self.key}", self._wait)
        self._worker.start()

    def _wait(self, stop: threading.Event) -> None:
        stop.wait()
        threading.Event().wait(self._ending_s)

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def join(self, timeout_s: float) -> bool:
        return self._worker is None or self._worker.join(timeout_s)

    def status(self) -> CollectorStatus:
        alive = self._worker is not None and not self._worker.stopping.is_set()
        state = CollectorState.COLLECTING if alive else CollectorState.STOPPED
        return CollectorStatus(self.key, self._name, self.source, "", state, 0)


class Containers:
    """Two containers that run and are not collected."""

    def collect(self, container_id: str, name: str) -> LogCollector:
        return Idle(f"docker:{container_id}", name)

    def found(self) -> list[Found]:
        return [Found("docker:bbb2", "b", "image", 0), Found("docker:aaa1", "a", "image", 0)]

    def check(self) -> EngineCheck:
        return EngineCheck(list, list, lambda: None)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def pipeline(store: MemoryStore) -> Iterator[Pipeline]:
    pipeline = Pipeline(store, CommitSignal(0), batch_ms=10)
    pipeline.start()
    yield pipeline
    assert pipeline.stop(5)


@pytest.mark.promise("M23")
def test_collectors_start_together_and_are_known_by_key(pipeline: Pipeline, store: MemoryStore) -> None:
    manager = LogCollectorManager(pipeline, store)
    manager.add(Idle("journal"))
    assert manager.active_collectors() == []
    manager.start_all()
    manager.add(Idle("docker:aaa1", "web"))
    manager.add(Idle("docker"))
    manager.add(Idle("docker:aaa1", "twice"))
    assert manager.active_collectors() == ["docker", "docker:aaa1", "journal"]
    assert [status.name for status in manager.statuses()] == ["docker", "web", "journal"]
    assert manager.stop_all()
    assert manager.active_collectors() == []


@pytest.mark.promise("M23", "M26")
def test_all_end_at_the_same_time(pipeline: Pipeline, store: MemoryStore) -> None:
    manager = LogCollectorManager(pipeline, store)
    manager.start_all()
    for number in range(20):
        manager.add(Idle(f"file:{number}", ending_s=0.2))
    before = time.monotonic()
    assert manager.stop_all(2.0)
    # One after the other they would take 4 s.
    assert time.monotonic() - before < 2.0
    late = Idle("file:late")
    manager.add(late)
    assert late.starts == 0


@pytest.mark.promise("M24")
def test_what_a_person_stopped_stays_stopped_after_a_restart(
    pipeline: Pipeline, store: MemoryStore
) -> None:
    manager = LogCollectorManager(pipeline, store)
    manager.add(Idle("journal"))
    manager.add(Idle("docker:aaa1", "web"))
    manager.start_all()
    manager.stop_collector("journal")
    manager.stop_collector("docker:aaa1")
    wait_until(lambda: len(store.checkpoints("collector-stopped:")) == 2)
    again = LogCollectorManager(pipeline, store)
    again.start_all()
    journal, rebuilt, other = Idle("journal"), Idle("docker:ccc3", "web"), Idle("docker:ddd4", "db")
    for collector in (journal, rebuilt, other):
        again.add(collector)
    assert (journal.starts, rebuilt.starts, other.starts) == (0, 0, 1)
    again.start_collector("docker:ccc3")
    wait_until(lambda: list(store.checkpoints("collector-stopped:")) == ["collector-stopped:journal"])
    assert rebuilt.starts == 1
    assert again.stop_all()
    assert manager.stop_all()


@pytest.mark.promise("M23")
def test_a_container_key_may_be_shortened(pipeline: Pipeline, store: MemoryStore) -> None:
    manager = LogCollectorManager(pipeline, store)
    manager.start_all()
    for key in ("docker", "docker:aaa1", "docker:aaa2", "docker:bbb1", "file:/x"):
        manager.add(Idle(key))
    manager.stop_collector("docker:b")
    assert "docker:bbb1" not in manager.active_collectors()
    for wrong in ("docker:aaa", "docker:", "docker:zzz", "file:/", "nothing", ""):
        with pytest.raises(KeyError):
            manager.stop_collector(wrong)
        with pytest.raises(KeyError):
            manager.start_collector(wrong)
    assert manager.stop_all()


@pytest.mark.promise("M23")
def test_found_containers_can_be_started(pipeline: Pipeline, store: MemoryStore) -> None:
    manager = LogCollectorManager(pipeline, store)
    with pytest.raises(KeyError):
        manager.start_docker_collector("aaa1", "a")
    manager.use_containers(Containers())
    manager.start_all()
    assert [found.name for found in manager.found()] == ["a", "b"]
    assert manager.start_docker_collector("aaa1", "a") == "docker:aaa1"
    manager.start_collector("docker:bbb2")
    assert manager.active_collectors() == ["docker:aaa1", "docker:bbb2"]
    assert manager.found() == []
    manager.stop_collector("docker:aaa1")
    manager.forget("docker:aaa1")
    assert manager.active_collectors() == ["docker:bbb2"]
    assert manager.stop_all()


def test_companions_run_with_the_others_and_are_shown_nowhere(
    pipeline: Pipeline, store: MemoryStore
) -> None:
    manager = LogCollectorManager(pipeline, store)
    shown, companion = Idle("file:a", "a"), Idle("file:own", "own")
    manager.add(shown)
    manager.accompany(companion)
    assert manager.engine_check() is None
    manager.start_all()
    assert companion.status().state is CollectorState.COLLECTING
    assert [status.key for status in manager.statuses()] == ["file:a"]
    assert manager.is_read("file:a")
    manager.stop_collector("file:a")
    assert not manager.is_read("file:a")
    assert not manager.is_read("file:none")
    with pytest.raises(KeyError):
        manager.stop_collector("file:own")
    assert manager.stop_all(1.0)
    assert companion.status().state is CollectorState.STOPPED
