"""Reading one container's log from a place on: connections, ticks, what is handed in and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Final, Protocol

from hantu.collect.docker_channel import Channel
from hantu.collect.docker_engine import Container, Engine, since_text
from hantu.collect.docker_place import FROM_START, OVERLAP_NS, Place
from hantu.collect.docker_stream import ContainerGone, EngineError, EngineStream
from hantu.formats.docker import STDERR, STDOUT, TTY, Lines, demux
from hantu.model import LogEntry, Metadata

FIRST_LINES: Final = 100
"""Lines read of a log that hantu meets for the first time (CONTRACT M17)."""

IDLE_S: Final = 0.1
"""After so long without a line a record counts as whole."""

_TICK_S: Final = 1.0
# A Unix socket is full after some 270 of the engine's writes, a line each, so about 30 KiB: waiting
# longer would hold the engine up (10 ms: 28,000 lines/s, 2 ms: as fast as not waiting).
_GATHER_S: Final = 0.002
_LARGE_BYTES: Final = 16 * 1024
# No engine writes log files faster than this (20.10 on two cores: below 20 MB/s).
_FASTEST_BYTES_PER_S: Final = 40_000_000
_COMPLETE_AFTER_NS: Final = 10 * 10**9
_NEVER_NS: Final = 3_600 * 10**9


class End(Enum):
    """How reading ended."""

    STOPPED = auto()
    EXITED = auto()
    """The container has exited and all of its log was handed in."""
    BROKEN_OFF = auto()
    """The engine ended the stream of a container that runs."""


class _Why(Enum):
    END = auto()
    STOPPED = auto()
    BEHIND = auto()
    CLOCK = auto()
    SKIPPED = auto()


class _Stopped(Exception):
    """What was handed in was not taken: nothing after it may be, either."""


class Host(Protocol):
    """What a Reading needs of its collector."""

    @property
    def name(self) -> str:
        """The container's name now."""
        ...

    @property
    def died_ns(self) -> int:
        """When the engine told last of the container's end (epoch ns), 0 before."""
        ...

    def attach(self, stream: EngineStream | None) -> None:
        """The stream to cancel when stopped; None when there is none."""
        ...

    def connected(self) -> None:
        """The engine sends."""
        ...

    def check(self) -> None:
        """Raises Rewind when what was handed in may not have been stored."""
        ...

    def hand_in(self, entries: Sequence[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach; False when stopped. Raises Rewind, PipelineStopped."""
        ...


class Reading:
    """Reads until the log's stream ends. Raises EngineError (ContainerGone), FrameError, OSError.

    A log whose files the engine rotates needs care: a follower that lags behind by more than one
    file loses lines without a sign (engine 20.10). So such a log is first read without following,
    which sees all its files, until little is left; and following is broken off for that as soon as
    a line arrives so late that a whole file may have been written since."""

    def __init__(
        self, host: Host, engine: Engine, container: Container, place: Place, stop: threading.Event
    ) -> None:
        self._host = host
        self._engine = engine
        self._container = container
        self._place = place
        self._stop = stop
        self._name = host.name
        streams = (TTY,) if container.tty else (STDOUT, STDERR)
        self._channels = {name: Channel(name, self._name, self._metadata(name)) for name in streams}
        self._fed_at = dict.fromkeys(streams, 0.0)
        self._demux = demux(tty=container.tty)
        self._connected_at = 0.0
        self._died_ns = 0
        self._new_bytes = 0
        self._noticed = ""
        self._gaps = 0
        # A clock that is not ours cannot be compared with.
        watched = container.file_bytes if engine.local else None
        self._risk_ns = None if watched is None else watched * 10**9 // _FASTEST_BYTES_PER_S
        self._least_risk_ns = self._risk_ns

    def run(self) -> End:
        """Read until the stream ends."""
        try:
            return self._run()
        except _Stopped:
            return End.STOPPED

    def _run(self) -> End:
        behind = False
        while True:
            if self._risk_ns is not None and not self._catch_up(self._container.file_bytes or 0, behind):
                return End.STOPPED
            match self._read(follow=True):
                case _Why.STOPPED:
                    return End.STOPPED
                case _Why.END:
                    return self._settle()
                case _Why.BEHIND:
                    behind = True
                case _Why.CLOCK:
                    behind = False

    def _catch_up(self, file_bytes: int, behind: bool) -> bool:
        """Read what is there, without following, until little is left; False when stopped."""
        first = True
        while True:
            self._new_bytes = 0
            if self._read(follow=False) is _Why.STOPPED:
                return False
            little = self._new_bytes < file_bytes // 4
            if first and behind and self._risk_ns is not None and self._least_risk_ns is not None:
                # Nothing much was missed: the line was late for another reason.
                self._risk_ns = min(_NEVER_NS, self._risk_ns * 2) if little else self._least_risk_ns
            if little:
                return True
            first = False

    def _settle(self) -> End:
        """The stream ended: find out why, and finish what was open if nothing can follow."""
        try:
            container = self._engine.inspect(self._container.id)
        except ContainerGone:
            self._finish("")
            raise
        except EngineError:
            # It may be away for long: what is held is shown now. An open line comes again whole.
            self._flush(idle_s=0.0)
            raise
        if container.running:
            return End.BROKEN_OFF
        # An engine calls a container exited some ms before its last line is in the log, and tells of
        # the end after that. Only then is all of it read; else it is looked at again.
        age_ns = time.time_ns() - container.finished_ns
        complete = self._died_ns >= container.finished_ns or age_ns > _COMPLETE_AFTER_NS
        self._finish(container.finished if complete else "")
        return End.EXITED

    def _finish(self, finished: str) -> None:
        self._take([self._channels[lines.stream].fresh(lines) for lines in self._demux.finish()])
        self._flush(idle_s=0.0)
        if finished:
            self._place = replace(self._place, from_ns=self._place.from_ns or 0, finished=finished)
            self._hand_in([])

    def _read(self, *, follow: bool) -> _Why:
        since_ns = self._place.since_ns
        if since_ns is not None:
            # The clock may have been set back: the engine would hold back lines before `since`.
            since_ns = min(since_ns, time.time_ns() - OVERLAP_NS)
        why = self._read_from(since_ns, since_ns, follow=follow)
        if why is _Why.SKIPPED:
            # Of files that it packed (`local`, or `compress`) engine 20.10 skips all once `since` lies
            # behind the oldest: asked for everything it gives everything. What is missing then is lost.
            why = self._read_from(None, since_ns, follow=follow)
        return why

    def _read_from(self, since_ns: int | None, expected_ns: int | None, *, follow: bool) -> _Why:
        """Read one connection's lines. since_ns: what the engine is asked for; expected_ns: from when on
        what was handed in before must come again."""
        self._died_ns = self._host.died_ns  # what is told while reading may be true of later lines only
        stream = self._engine.logs(self._container.id, self._parameters(since_ns, follow=follow))
        try:
            self._host.attach(stream)
            self._demux = demux(tty=self._container.tty)
            for name, channel in self._channels.items():
                mark = self._place.marks.get(name)
                channel.connected(mark, since_ns, expected_ns, repeats=self._container.files)
            return self._pump(stream, since_ns, follow=follow)
        finally:
            self._host.attach(None)
            stream.close()

    def _parameters(self, since_ns: int | None, *, follow: bool) -> dict[str, str]:
        parameters = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow))}
        parameters["tail"] = str(FIRST_LINES) if self._place.from_ns is None else "all"
        if since_ns is not None:
            parameters["since"] = since_text(since_ns)
        return parameters

    def _pump(self, stream: EngineStream, since_ns: int | None, *, follow: bool) -> _Why:
        connected = False
        self._connected_at = time.monotonic()
        read_at = 0.0
        while not self._stop.is_set():
            held = any(channel.held for channel in self._channels.values())
            chunk = stream.read(IDLE_S if held else _TICK_S)
            if self._stop.is_set():
                return _Why.STOPPED
            if not connected and stream.answered:
                connected = True
                self._host.connected()
            self._host.check()
            self._rename()
            if chunk:
                why = self._feed(chunk, follow=follow, whole=since_ns is None)
                if why is not None:
                    return why
                # A busy log comes in a few lines a read: give it a moment to gather more.
                now = time.monotonic()
                if len(chunk) < _LARGE_BYTES and now - read_at < 5 * _GATHER_S:
                    self._stop.wait(_GATHER_S)
                read_at = now
            elif chunk is not None:
                return _Why.END
            elif follow and connected and self._place.from_ns is None:
                # The log is empty: whatever comes, also after a restart of hantu, is new.
                self._place = FROM_START
                self._hand_in([])
            self._flush(idle_s=IDLE_S)
            if since_ns is not None and time.time_ns() < since_ns:
                return _Why.CLOCK
        return _Why.STOPPED

    def _feed(self, chunk: bytes, *, follow: bool, whole: bool) -> _Why | None:
        """Take a chunk; why reading cannot go on after it. whole: all of the log was asked for."""
        batches = self._demux.feed(chunk)
        resuming = any(self._channels[batch.stream].resuming for batch in batches)
        fresh = [self._channels[batch.stream].fresh(batch) for batch in batches]
        if not whole and any(self._channels[batch.stream].lost for batch in batches):
            return _Why.SKIPPED
        resumed = resuming and not any(self._channels[batch.stream].resuming for batch in batches)
        behind = follow and self._cut_behind(fresh, resumed=resumed)
        if self._take(fresh):
            self._new_bytes += len(chunk)
        return _Why.BEHIND if behind else None

    def _cut_behind(self, fresh: list[Lines], *, resumed: bool) -> bool:
        """Drop the lines before which some may be missing; True when there may be such."""
        if self._risk_ns is None:
            return False
        firsts = [lines.times_ns[0] for lines in fresh if lines.times_ns]
        if not firsts:
            return False
        if resumed and (time.monotonic() - self._connected_at) * 10**9 >= self._risk_ns:
            # What was written while the engine sent the known lines again came after them.
            keep_to_ns = 0
        elif min(firsts) < time.time_ns() - self._risk_ns:
            # A line that came this late is right itself; what is missing comes after it.
            keep_to_ns = min(firsts)
        else:
            return False
        for lines in fresh:
            keep = sum(1 for time_ns in lines.times_ns if time_ns <= keep_to_ns)
            del lines.times_ns[keep:], lines.lines[keep:]
            lines.oversize = {at: size for at, size in lines.oversize.items() if at < keep}
        return True

    def _take(self, fresh: list[Lines]) -> int:
        """Hand in what new lines give; returns how many they are."""
        now_ns, now = time.time_ns(), time.monotonic()
        entries: list[LogEntry] = []
        fed: list[Channel] = []
        for lines in fresh:
            if lines.times_ns:
                channel = self._channels[lines.stream]
                entries += channel.take(lines, now_ns)
                fed.append(channel)
                self._fed_at[lines.stream] = now
        if len(fed) > 1:
            entries.sort(key=_time)
        self._reached(fed)
        if entries:
            self._hand_in(entries)
        self._notices(fresh, now_ns)
        return sum(len(lines.times_ns) for lines in fresh)

    def _reached(self, fed: Sequence[Channel]) -> None:
        held = [channel for channel in self._channels.values() if channel.held and channel not in fed]
        read = [channel.reading_ns for channel in (*fed, *held) if channel.reading_ns]
        for channel in fed:
            if channel.mark.count:
                self._place = self._place.at(channel.stream, channel.mark, min(read))

    def _flush(self, *, idle_s: float) -> None:
        """Hand in records that were held back and to which nothing was added for idle_s."""
        entries: list[LogEntry] = []
        now = time.monotonic()
        for name, channel in self._channels.items():
            if channel.held and now - self._fed_at[name] >= idle_s:
                entries += channel.flush(time.time_ns())
                self._reached([channel])
        if entries:
            self._hand_in(entries)

    def _rename(self) -> None:
        if self._host.name == self._name:
            return
        self._name = self._host.name
        entries: list[LogEntry] = []
        for name, channel in self._channels.items():
            held = channel.held
            entries += channel.renamed(self._name, self._metadata(name), time.time_ns())
            if held:
                self._reached([channel])
        if entries:
            self._hand_in(entries)

    def _notices(self, batches: list[Lines], now_ns: int) -> None:
        """What the engine said itself: its log is damaged here; told once, with a gap."""
        for batch in batches:
            for notice in batch.notices:
                channel = self._channels[batch.stream]
                if notice != self._noticed:
                    self._noticed = notice
                    self._hand_in([channel.gap(channel.mark.last_ns, now_ns, f"the engine says: {notice}")])
                raise EngineError(
                    f"the engine cannot read its own log: {notice}",
                    fix="`docker logs` says the same; recreate the container to give it a new log",
                )

    def _hand_in(self, entries: Sequence[LogEntry]) -> None:
        gaps = sum(channel.gaps for channel in self._channels.values())
        if not self._host.hand_in(entries, self._place, gaps=gaps - self._gaps):
            raise _Stopped
        self._gaps = gaps

    def _metadata(self, stream: str) -> Metadata:
        container = self._container
        metadata: Metadata = {"stream": stream, "container_id": container.id[:12], "image": container.image}
        if container.service:
            metadata["service"] = container.service
        return metadata


def _time(entry: LogEntry) -> int:
    return entry.time_ns
