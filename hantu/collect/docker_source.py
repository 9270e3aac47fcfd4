"""DockerSource: watches one engine and has each of its containers collected."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from hantu.collect.base import CollectorStatus, Found
from hantu.collect.docker import DockerLogCollector, OnLog, key_of
from hantu.collect.docker_check import Checked, EngineCheck
from hantu.collect.docker_engine import Container, Engine, Event, EventStream, Listed, own_container
from hantu.collect.docker_missed import missed
from hantu.collect.docker_place import FIRST_SIGHT, OVERLAP_NS, Kept, Place
from hantu.collect.docker_stream import ContainerGone, EngineError
from hantu.collect.lifecycle import Absent, Lifecycle, OnError
from hantu.collect.manager import LogCollectorManager
from hantu.model import DOCKER, LogEntry
from hantu.pipeline import Pipeline, Submission
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Backoff

log = logging.getLogger(__name__)

CHECKPOINT: Final = "docker"
RETRY: Final = Backoff(first_s=0.5, most_s=15.0)
_TICK_S: Final = 1.0
_ANSWER_S: Final = 2.0
_PAST_S: Final = 5.0


class _Watched(msgspec.Struct):
    """The checkpoint `docker`: up to when the engine was watched, and so every container known."""

    until_ns: int


class DockerSource:
    """Finds containers, at its start and through the engine's events (CONTRACT M24).

    Where a container is read from: at its checkpoint; without one, from where hantu last watched the
    engine, when it was started since; else (hantu meets the engine for the first time) its last
    lines. A container that starts while hantu watches is read from its start."""

    source = DOCKER
    key = "docker"

    def __init__(
        self,
        manager: LogCollectorManager,
        *,
        engine: Engine,
        pipeline: Pipeline,
        store: LogStorage,
        include: Sequence[str] = ("*",),
        exclude: Sequence[str] = (),
        reconnect: str = "auto",
        own: Sequence[str] | None = None,
        on_log: OnLog | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self._manager = manager
        self._engine = engine
        self._pipeline = pipeline
        self._store = store
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self._reconnect = reconnect
        self._own = tuple(own_container() if own is None else own)
        self._on_log = on_log
        self._on_error = on_error
        self._life = Lifecycle(
            "docker",
            self._watch,
            what=lambda: "watching Docker",
            foreseen=(EngineError, StoreError, OSError),
            backoff=RETRY,
            reconnect=reconnect,
            on_error=on_error,
            release=engine.close,
        )
        self._found: dict[str, Found] = {}
        self._over: set[str] = set()
        self._events: EventStream | None = None
        self._watched_ns: int | None = None

    def start(self) -> None:
        """Begin to watch; while it waits to try again: try at once."""
        self._life.start()

    def stop(self) -> None:
        """End watching; the containers' collectors go on."""
        self._life.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end."""
        return self._life.join(timeout_s)

    def status(self) -> CollectorStatus:
        """The state of watching; the containers have rows of their own."""
        count = sum(
            1 for collector in self._manager.collectors() if isinstance(collector, DockerLogCollector)
        )
        return self._life.status(
            self.key, "Docker", DOCKER, detail=f"{self._engine.host}, {count} containers"
        )

    def found(self) -> list[Found]:
        """Running containers that the settings exclude."""
        return list(self._found.values())

    def collect(self, container_id: str, name: str, place: Place | None = None) -> DockerLogCollector:
        """A collector of this container, not started yet. place: None: at its checkpoint."""
        return DockerLogCollector(
            container_id,
            name,
            engine=self._engine,
            pipeline=self._pipeline,
            store=self._store,
            place=place,
            reconnect=self._reconnect,
            on_log=self._on_log,
            on_error=self._on_error,
            on_gone=self._gone,
        )

    def check(self) -> EngineCheck:
        """What looks whether all was read that the engine has."""
        return EngineCheck(self._collected, self._unwatched, self._watch_anew)

    def _collected(self) -> list[Checked]:
        return [each for each in self._manager.collectors() if isinstance(each, DockerLogCollector)]

    def _unwatched(self) -> list[str]:
        """Running containers that should be collected and are not: their start was not told of."""
        return [
            item.name
            for item in self._engine.containers()
            if item.running
            and self.wants(item.id, item.name)
            and self._manager.get(key_of(item.id)) is None
        ]

    def _watch_anew(self) -> None:
        """Let go of the events and ask for them again."""
        events = self._events
        if events is not None:
            events.cancel()

    def wants(self, container_id: str, name: str) -> bool:
        """Whether the settings let this container be collected; hantu's own never is."""
        if self._own and container_id.startswith(self._own):
            return False
        return any(fnmatchcase(name, glob) for glob in self._include) and not any(
            fnmatchcase(name, glob) for glob in self._exclude
        )

    def reads(self, container_id: str, name: str) -> bool:
        """Whether this container's lines are read from the engine, now or once it is back."""
        return self._watched_ns is not None and self.wants(container_id, name)

    def _watch(self, stop: threading.Event) -> bool:
        """Follow the events until stopped, and return False. Raises EngineError when the engine goes
        away."""
        # Events first, then the list: what happens between the two is seen twice, not missed.
        try:
            events = self._engine.events(time.time_ns() - OVERLAP_NS)
        except EngineError as error:
            if error.absent and self._store.checkpoint(CHECKPOINT) is None:
                raise Absent(str(error)) from error
            raise
        try:
            self._life.attach(events.cancel)
            self._events = events
            until = time.monotonic() + _ANSWER_S
            early: list[Event] = []
            while not events.answered and time.monotonic() < until and not stop.is_set():
                early += events.read(0.1) or []
            self._look()
            self._life.collecting()
            for event in early:
                self._happened(event)
            while not stop.is_set():
                batch = events.read(_TICK_S)
                if stop.is_set():
                    break
                if batch is None:
                    raise EngineError(
                        f"the Docker engine at {self._engine.host} went away", fix="systemctl start docker"
                    )
                for event in batch:
                    self._happened(event)
        finally:
            self._events = None
            self._life.attach(None)
            events.close()
        return False

    def _look(self) -> None:
        """Compare what the engine has with what is collected."""
        now_ns = time.time_ns()
        if self._watched_ns is None:
            stored = self._store.checkpoint(CHECKPOINT)
            self._watched_ns = (
                None if stored is None else msgspec.json.decode(stored, type=_Watched).until_ns
            )
        past = self._past(now_ns)
        listed = self._engine.containers()
        known = self._store.checkpoints("docker:")
        self._found = {}
        there = {key_of(item.id) for item in listed}
        places: dict[str, bytes | None] = dict.fromkeys(set(known) - there)
        fresh: list[DockerLogCollector] = []
        for item in listed:
            collector = self._looked_at(item, has_place=key_of(item.id) in known)
            if collector is not None:
                fresh.append(collector)
                if collector.place is not None:
                    places[collector.key] = self._first_place(collector, now_ns)
        unread = self._unread(known, there, past, now_ns)
        self._over = ({key_of(event.container_id) for event in past} | set(known)) - there
        for left in self._manager.collectors():
            if isinstance(left, DockerLogCollector) and left.key not in there:
                self._destroyed(left)
        self._checkpoint(now_ns, places, unread)
        for collector in fresh:
            self._manager.add(collector)

    def _past(self, now_ns: int) -> list[Event]:
        """What the engine remembers of the time that nobody watched."""
        # Asked for before the list: whatever started by then and is not in the list is no more.
        if self._watched_ns is None:
            return []
        return self._engine.events(self._watched_ns, now_ns).rest(_PAST_S)

    def _unread(
        self, known: Mapping[str, bytes], there: set[str], past: Sequence[Event], now_ns: int
    ) -> list[LogEntry]:
        """What tells of containers that were removed while nobody watched."""
        watched_ns = self._watched_ns
        if watched_ns is None:
            return []
        gone: dict[str, Kept] = {}
        for key in set(known) - there:
            # One that has a collector still: that finds it gone, and knows what it has read.
            if self._manager.get(key) is None:
                try:
                    gone[_id_of(key)] = Kept.decode(known[key])
                except ValueError as error:
                    log.warning("the checkpoint of a removed container is damaged (%s)", error)
        collected = {each.key for each in self._manager.collectors()}
        found = missed(
            gone,
            {_id_of(key) for key in there | collected},
            past,
            watched_ns=watched_ns,
            now_ns=now_ns,
            wants=lambda container_id, name: (
                self.wants(container_id, name)
                and not self._manager.is_stopped(self.collect(container_id, name))
            ),
        )
        return [each.entry() for each in found]

    def _looked_at(self, item: Listed, *, has_place: bool) -> DockerLogCollector | None:
        """What to do about a listed container: a new collector for it, or None."""
        known = self._manager.get(key_of(item.id))
        if isinstance(known, DockerLogCollector):
            known.rename(item.name)
            self._begin(known)
            return None
        if not self.wants(item.id, item.name):
            self._exclude_found(item.id, item.name, item.image, running=item.running)
            return None
        if has_place:
            return self.collect(item.id, item.name)
        if self._watched_ns is None:
            return self.collect(item.id, item.name, FIRST_SIGHT) if item.running else None
        try:
            container = self._engine.inspect(item.id)
        except ContainerGone:
            return None
        if max(container.created_ns, container.started_ns) > self._watched_ns:
            return self.collect(item.id, item.name, Place(from_ns=self._watched_ns))
        return self.collect(item.id, item.name, FIRST_SIGHT) if container.running else None

    def _happened(self, event: Event) -> None:
        key = key_of(event.container_id)
        collector = self._manager.get(key)
        match event.action:
            case "start":
                self._started(event, collector)
            case "rename":
                self._renamed(event, collector)
            case "destroy":
                self._found.pop(key, None)
                if isinstance(collector, DockerLogCollector):
                    self._destroyed(collector)
            case "die":
                self._found.pop(key, None)
                if isinstance(collector, DockerLogCollector) and not self._manager.is_stopped(collector):
                    collector.died(event.time_ns)
        self._checkpoint(event.time_ns, {})

    def _started(self, event: Event, collector: object) -> None:
        if isinstance(collector, DockerLogCollector):
            self._begin(collector)
            return
        if key_of(event.container_id) in self._over:
            return  # the start is older than the last look, which has told of it
        if not self.wants(event.container_id, event.name):
            container = self._inspect(event.container_id)
            if container is not None:
                self._exclude_found(
                    container.id, container.name, container.image, running=container.running
                )
            return
        place = Place(from_ns=event.time_ns)
        fresh = self.collect(event.container_id, event.name, place)
        self._checkpoint(event.time_ns, {fresh.key: place.encode(name=event.name, image="")})
        self._manager.add(fresh)

    def _renamed(self, event: Event, collector: object) -> None:
        if isinstance(collector, DockerLogCollector):
            collector.rename(event.name)
            return
        container = self._inspect(event.container_id)
        if container is None or not container.running or not self.wants(container.id, container.name):
            return
        self._found.pop(key_of(container.id), None)
        self._manager.add(self.collect(container.id, container.name))

    def _destroyed(self, collector: DockerLogCollector) -> None:
        if not self._manager.is_stopped(collector):
            collector.start()  # it finds the container gone, hands in the rest and says so
            return
        collector.stop()
        self._manager.forget(collector.key)
        self._pipeline.submit(Submission([], {collector.key: None}))

    def _begin(self, collector: DockerLogCollector) -> None:
        if not self._manager.is_stopped(collector):
            collector.start()

    def _gone(self, collector: DockerLogCollector) -> None:
        self._manager.forget(collector.key)

    def _inspect(self, container_id: str) -> Container | None:
        try:
            return self._engine.inspect(container_id)
        except ContainerGone:
            return None

    def _exclude_found(self, container_id: str, name: str, image: str, *, running: bool) -> None:
        if not running or (self._own and container_id.startswith(self._own)):
            return
        container = self._inspect(container_id)
        since_ns = 0 if container is None else container.started_ns
        self._found[key_of(container_id)] = Found(key_of(container_id), name, image, since_ns)

    def _first_place(self, collector: DockerLogCollector, now_ns: int) -> bytes:
        """The checkpoint of a container of which nothing was read yet: hantu may end before it is."""
        place = collector.place
        if place is None or place.from_ns is None:
            place = Place(from_ns=now_ns)
        return place.encode(name=collector.name, image="")

    def _checkpoint(
        self, until_ns: int, places: dict[str, bytes | None], entries: Sequence[LogEntry] = ()
    ) -> None:
        """The engine was watched until until_ns: together with the places of what was found, and with
        what tells of what was missed."""
        self._watched_ns = max(until_ns, self._watched_ns or 0)
        watched = msgspec.json.encode(_Watched(self._watched_ns))
        self._pipeline.submit(Submission(entries, {**places, CHECKPOINT: watched}))


def _id_of(key: str) -> str:
    return key.removeprefix("docker:")
