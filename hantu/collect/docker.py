"""DockerLogCollector: the log of one container, each line exactly once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.docker_engine import Engine
from hantu.collect.docker_place import FIRST_SIGHT, FROM_START, Place
from hantu.collect.docker_reading import End, Reading
from hantu.collect.docker_stream import ContainerGone, EngineError, EngineStream
from hantu.collect.meter import Meter
from hantu.formats.docker import FrameError
from hantu.model import DOCKER, LogEntry
from hantu.pipeline import Pipeline, PipelineStopped, Rewind, Submission
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

OnLog = Callable[[Sequence[LogEntry]], None]
OnError = Callable[[Exception], None]

RETRY: Final = Backoff(first_s=0.5, most_s=10.0)
_AGAIN: Final = Backoff(first_s=0.05, most_s=2.0)
_REWIND_S: Final = 0.5


def key_of(container_id: str) -> str:
    """The collector's key and its checkpoint's name."""
    return f"docker:{container_id}"


class DockerLogCollector:
    """Collects one container's log (CONTRACT M17–M26a). One thread while the container runs.

    place: where to begin; None: at the checkpoint, without one with the last 100 lines.
    on_log gets entries after they were handed to the pipeline, on_error each failure; both in the
    collector's thread. on_gone is called when the engine no longer knows the container."""

    source = DOCKER

    def __init__(
        self,
        container_id: str,
        name: str,
        *,
        engine: Engine,
        pipeline: Pipeline,
        store: LogStorage,
        place: Place | None = None,
        reconnect: str = "auto",
        on_log: OnLog | None = None,
        on_error: OnError | None = None,
        on_gone: Callable[[DockerLogCollector], None] | None = None,
    ) -> None:
        self.container_id = container_id
        self.name = name
        self.died_ns = 0
        self.meter = Meter()
        self._engine = engine
        self._pipeline = pipeline
        self._store = store
        self._reconnect = reconnect
        self._on_log = on_log
        self._on_error = on_error
        self._on_gone = on_gone
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._stream: EngineStream | None = None
        self._running = False
        self._runs = 0
        self._again = False
        self._wake = threading.Event()
        self._state = CollectorState.STOPPED
        self._since_ns = time.time_ns()
        self._error = ""
        self._fix = ""
        self._retry_at: float | None = None
        self._gaps = 0
        self._image = ""
        self._place = place
        self._first = place
        self._epoch = pipeline.epoch

    @property
    def place(self) -> Place | None:
        """Where it has read to; None before it looked at its checkpoint."""
        return self._place

    @property
    def key(self) -> str:
        """`docker:{container id}`."""
        return key_of(self.container_id)

    def start(self) -> None:
        """Begin, or begin again. While it runs: look again at once, also for a new start of the
        container that comes just as its end is found."""
        with self._lock:
            self._again = True
            self._wake.set()
            if self._running:
                if self._state is CollectorState.STOPPED:
                    self._to(CollectorState.STARTING)
                return
            self._begin()

    def _begin(self) -> None:
        """Start a thread; the lock is held."""
        self._running = True
        self._to(CollectorState.STARTING)
        self._runs += 1
        self._worker = Worker(
            f"docker-{self.container_id[:12]}",
            self._run,
            backoff=RETRY,
            on_error=self._broke,
            on_end=partial(self._ended, self._runs),
        )
        self._worker.start()

    def stop(self) -> None:
        """End and release the stream; returns at once."""
        with self._lock:
            worker, stream = self._worker, self._stream
            self._again = False
            self._to(CollectorState.STOPPED)
            if worker is not None:
                worker.stop()
            self._wake.set()
            if stream is not None:
                stream.cancel()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end."""
        worker = self._worker
        return worker is None or worker.join(timeout_s)

    def died(self, time_ns: int) -> None:
        """The engine told of the container's end: from now on its log is complete.

        Until then it may still write the last line, though the container counts as exited."""
        self.died_ns = time_ns
        self.start()

    def rename(self, name: str) -> None:
        """The container has a new name: entries from now on lie under it."""
        self.name = name

    def status(self) -> CollectorStatus:
        """Its state now."""
        retry_at = self._retry_at
        return CollectorStatus(
            key=self.key,
            name=self.name,
            source=DOCKER,
            source_id=self.name,
            state=self._state,
            since_ns=self._since_ns,
            lines=self.meter.lines,
            per_minute=self.meter.per_minute(),
            lag_s=self.meter.lag_s,
            last_ns=self.meter.last_ns,
            error=self._error,
            fix=self._fix,
            retry_in_s=None if retry_at is None else max(0.0, retry_at - time.monotonic()),
            gaps=self._gaps,
            detail=self._image,
        )

    def _to(self, state: CollectorState, error: str = "", fix: str = "") -> None:
        if state is not self._state:
            self._since_ns = time.time_ns()
        self._state, self._error, self._fix = state, error, fix
        self._retry_at = None

    def _ended(self, run: int) -> None:
        with self._lock:
            if run != self._runs:
                return  # a newer thread has taken over
            self._running = False
            # start() after stop() may come before the old thread has gone.
            if self._again:
                self._begin()

    def _broke(self, error: BaseException) -> None:
        """Something nobody foresaw; the Worker has logged it and runs again."""
        with self._lock:
            if self._worker is not None and not self._worker.stopping.is_set():
                self._to(CollectorState.RECONNECTING, f"{type(error).__name__}: {error}")

    def _run(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            with self._lock:
                if stop.is_set():
                    return  # a start() that came after stop() is for the next thread
                self._again = False
                self._wake.clear()
            lines = self.meter.lines
            try:
                end = self._collect(stop)
            except Rewind:
                # The store failed; what was handed in since is refused.
                self._place = None
                stop.wait(_REWIND_S)
                continue
            except PipelineStopped:
                return
            except ContainerGone:
                self._gone()
                return
            except (EngineError, FrameError, StoreError, OSError) as error:
                failures = 1 if self.meter.lines > lines else failures + 1
                if not self._failed(error, failures):
                    return
                continue
            failures = 1 if self.meter.lines > lines else failures + 1
            if end is End.STOPPED or (end is End.EXITED and self._at_rest()):
                return
            # The engine ends streams of containers that run on (seen when json-file rotates).
            self._wake.wait(_AGAIN.wait_s(failures))

    def _collect(self, stop: threading.Event) -> End:
        """Read the log until its stream ends, however it ends."""
        container = self._engine.inspect(self.container_id)
        self.name, self._image = container.name, container.image
        place = self._load()
        if not container.running and place.finished and place.finished == container.finished:
            return End.EXITED
        return Reading(self, self._engine, container, place, stop).run()

    def _load(self) -> Place:
        """Where to go on: what was handed in last, or the checkpoint when that was not stored."""
        if self._place is not None and self._epoch == self._pipeline.epoch:
            return self._place
        # The epoch first: a failure between the two reads is seen at the next submission.
        self._epoch = self._pipeline.epoch
        stored = self._store.checkpoint(self.key)
        if stored is not None:
            self._place = _decoded(stored, self.name)
        elif self._first is None or self._first.from_ns is None:
            self._place = FIRST_SIGHT
        else:
            # Stored again: what its finder stored was refused with all that waited.
            self._place = self._first
            self.hand_in([], self._first, gaps=0)
        return self._place

    # What a Reading needs (docker_reading.Host).

    def attach(self, stream: EngineStream | None) -> None:
        """The stream to cancel when stopped."""
        with self._lock:
            self._stream = stream
            if stream is not None and self._worker is not None and self._worker.stopping.is_set():
                stream.cancel()

    def connected(self) -> None:
        """The engine sends."""
        with self._lock:
            if self._worker is not None and not self._worker.stopping.is_set():
                self._to(CollectorState.COLLECTING)

    def check(self) -> None:
        """Raises Rewind when the store failed since the checkpoint was read."""
        if self._epoch != self._pipeline.epoch:
            raise Rewind("the store failed; reading again from the checkpoint")

    def hand_in(self, entries: Sequence[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach, to the pipeline; False when stopped."""
        worker = self._worker
        checkpoint = place.encode(name=self.name, image=self._image)
        submission = Submission(entries, {self.key: checkpoint}, epoch=self._epoch)
        stopping = worker.stopping.is_set if worker is not None else bool
        if not self._pipeline.submit(submission, stopping=stopping):
            return False
        self._place = place
        self._gaps += gaps
        self.meter.add(entries, time.time_ns())
        if entries and self._on_log is not None:
            self._on_log(entries)
        return True

    def _at_rest(self) -> bool:
        """The container has exited: True to end, False when it was started again meanwhile."""
        with self._lock:
            if self._again:
                return False
            if self._worker is not None and not self._worker.stopping.is_set():
                self._to(CollectorState.ENDED)
            self._running = False
            return True

    def _failed(self, error: Exception, failures: int) -> bool:
        """Show the failure; wait and return True to try again, False to stay down."""
        message, fix = str(error) or repr(error), getattr(error, "fix", "")
        lasting = isinstance(error, EngineError) and error.lasting
        with self._lock:
            if self._worker is None or self._worker.stopping.is_set():
                return False
            known = message == self._error
            down = (lasting or self._reconnect == "manual") and not self._again
            if down:
                self._to(CollectorState.FAILED, message, fix)
                self._running = False
            else:
                self._to(CollectorState.RECONNECTING, message, fix)
                wait_s = RETRY.wait_s(failures)
                self._retry_at = time.monotonic() + wait_s
        if not known:
            log.warning("collecting container %s failed: %s", self.name, message)
        if self._on_error is not None:
            self._on_error(error)
        if down:
            return False
        self._wake.wait(wait_s)
        return True

    def _gone(self) -> None:
        """The engine forgot the container: its checkpoint can never be of use again."""
        with self._lock:
            self._again = False
            self._running = False
            if self._worker is not None and not self._worker.stopping.is_set():
                self._to(CollectorState.ENDED)
        try:
            self._pipeline.submit(Submission([], {self.key: None}, epoch=self._epoch))
        except (Rewind, PipelineStopped):
            log.debug("the checkpoint of %s stays until the next start", self.name)
        if self._on_gone is not None:
            self._on_gone(self)


def _decoded(stored: bytes, name: str) -> Place:
    try:
        return Place.decode(stored)
    except ValueError as error:
        log.warning("the checkpoint of container %s is damaged (%s); reading all of its log", name, error)
        return FROM_START
