"""DockerLogCollector: the log of one container, each line exactly once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.docker_engine import Engine
from hantu.collect.docker_missed import Missed
from hantu.collect.docker_place import FIRST_SIGHT, FROM_START, Place
from hantu.collect.docker_reading import End, Reading
from hantu.collect.docker_stream import UNREADABLE_STATUS, ContainerGone, EngineError, EngineStream
from hantu.collect.lifecycle import Lifecycle, OnError
from hantu.collect.meter import Meter
from hantu.formats.docker import FrameError, demux
from hantu.model import DOCKER, LogEntry
from hantu.pipeline import Pipeline, PipelineStopped, Rewind, Submission
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Backoff

log = logging.getLogger(__name__)

OnLog = Callable[[Sequence[LogEntry]], None]

RETRY: Final = Backoff(first_s=0.5, most_s=10.0)
_NEWEST_S: Final = 10.0


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
        self._on_log = on_log
        self._on_gone = on_gone
        self._life = Lifecycle(
            f"docker-{container_id[:12]}",
            self._attempt,
            what=lambda: f"collecting container {self.name}",
            foreseen=(EngineError, FrameError, StoreError, OSError),
            backoff=RETRY,
            reconnect=reconnect,
            meter=self.meter,
            on_error=on_error,
        )
        self._gaps = 0
        # Since when it may have written what nobody has read; 0 while its log is being read.
        self._unseen_ns = time.time_ns()
        self._image = ""
        self._tty = False
        self._stream: EngineStream | None = None
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
        self._life.start()

    def stop(self) -> None:
        """End and release the stream; returns at once."""
        self._life.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end."""
        return self._life.join(timeout_s)

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
        return self._life.status(
            self.key, self.name, DOCKER, source_id=self.name, gaps=self._gaps, detail=self._image
        )

    def _attempt(self, stop: threading.Event) -> bool:
        """Read the log once; True when there may be more at once."""
        try:
            end = self._collect(stop)
        except Rewind:
            self._place = None
            raise
        except ContainerGone:
            self._gone()
            return False
        except EngineError as error:
            self._unseen_ns = self._unseen_ns or time.time_ns()
            if error.status == UNREADABLE_STATUS:
                self._give_up()
            raise
        # The engine ends streams of containers that run on (seen when json-file rotates).
        return end is End.BROKEN_OFF or (end is End.EXITED and not self._life.rest())

    def _collect(self, stop: threading.Event) -> End:
        """Read the log until its stream ends, however it ends."""
        container = self._engine.inspect(self.container_id)
        self.name, self._image, self._tty = container.name, container.image, container.tty
        place = self._load()
        if not container.running and place.finished and place.finished == container.finished:
            self._unseen_ns = 0
            return End.EXITED
        return Reading(self, self._engine, container, place, stop).run()

    def _load(self) -> Place:
        """Where to go on: what was handed in last, or the checkpoint when that was not stored."""
        if self._place is not None and self._epoch == self._pipeline.epoch:
            return self._place
        # What was handed in last may be lost, also when the checkpoint cannot be read now.
        self._place = None
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

    # Whether all was read that the engine has (docker_check.Checked).

    @property
    def following(self) -> bool:
        """Whether its log is being followed now."""
        return self._stream is not None and self._life.state is CollectorState.COLLECTING

    @property
    def read_to_ns(self) -> int:
        """Lines up to this time are handed in, or were there before hantu began to read."""
        place = self._place
        if place is None:
            return 0
        return max((place.from_ns or 0, *(mark.most_ns for mark in place.marks.values())))

    def newest_ns(self) -> int | None:
        """The time of the newest whole line that the engine has. Raises EngineError, OSError."""
        newest = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "0", "tail": "1"}
        stream = self._engine.logs(self.container_id, newest)
        lines = demux(tty=self._tty)
        found: list[int] = []
        until = time.monotonic() + _NEWEST_S
        try:
            # Not to the end of an unfinished line: that is read once it is whole.
            while (left_s := until - time.monotonic()) > 0 and (chunk := stream.read(left_s)) != b"":
                found += [time_ns for batch in lines.feed(chunk or b"") for time_ns in batch.times_ns]
        finally:
            stream.close()
        if not stream.answered:
            raise EngineError(f"the Docker engine at {self._engine.host} does not answer")
        return max(found, default=None)

    def follow_anew(self) -> None:
        """Let go of the connection and make another one."""
        stream = self._stream
        if stream is not None:
            stream.cancel()

    # What a Reading needs (docker_reading.Host).

    def attach(self, stream: EngineStream | None) -> None:
        """The stream to cancel when stopped."""
        self._stream = stream
        self._life.attach(None if stream is None else stream.cancel)

    def connected(self) -> None:
        """The engine sends."""
        self._unseen_ns = 0
        self._life.collecting()

    def check(self) -> None:
        """Raises Rewind when the store failed since the checkpoint was read."""
        if self._epoch != self._pipeline.epoch:
            raise Rewind("the store failed; reading again from the checkpoint")

    def hand_in(self, entries: Sequence[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach, to the pipeline; False when stopped."""
        checkpoint = place.encode(name=self.name, image=self._image)
        submission = Submission(entries, {self.key: checkpoint}, epoch=self._epoch)
        if not self._pipeline.submit(submission, stopping=self._life.stopping):
            return False
        self._place = place
        self._gaps += gaps
        self.meter.add(entries, time.time_ns())
        if entries and self._on_log is not None:
            self._on_log(entries)
        return True

    def _give_up(self) -> None:
        """The engine can never give this log: whoever removes the container takes nothing away."""
        if self._place is not None and not self._place.finished:
            self.hand_in([], self._place.unreadable, gaps=0)

    def _missed(self) -> list[LogEntry]:
        """What tells of lines that nobody has read."""
        place = self._place or self._first
        if not self._unseen_ns or place is None or place.finished:
            return []
        from_ns = place.from_ns or self._unseen_ns
        to_ns = self.died_ns if self.died_ns > from_ns else max(from_ns, time.time_ns())
        return [Missed(self.container_id, self.name, self._image, from_ns, to_ns).entry()]

    def _gone(self) -> None:
        """The engine forgot the container: its checkpoint can never be of use again."""
        self._life.end()
        try:
            self._pipeline.submit(Submission(self._missed(), {self.key: None}, epoch=self._epoch))
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
