"""What brings reports of runs to the service: in order, from a thread, by a file while it is away.

As long as the service answers, reports pass through memory. From the first failure on they go to the
spool, also those that come later, so that a kill loses none; the spool is sent, and removed, as soon as
the service answers again. All reports carry ids: what is sent twice counts once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hantu.client.execution_spool import ENDS, Report, Spool, abandoned, forget_copy, with_copy
from hantu.client.sink_error import SinkError
from hantu.threads import Worker

if TYPE_CHECKING:
    from hantu.client.execution_sink import ExecutionSink

HEARTBEAT_S: Final = 10.0
RETRY_S: Final = 5.0
GATHER_S: Final = 0.3
"""Seconds that lines wait for others, so that a commit holds many."""
OTHERS_EVERY_S: Final = 60.0
ENTRIES_MOST: Final = 1_000
ENTRIES_BYTES_MOST: Final = 1 << 20
QUEUE_BYTES_MOST: Final = 8 << 20
"""Bytes that may wait in memory; more go to the spool."""

OnStatus = Callable[[str, str], None]
Item = tuple[Report, int]


class Courier:
    """The way of this process's runs to the service. Nothing here raises, and only finish() waits.

    sink None: everything goes to the spool. on_status: told of a run that has ended otherwise (its id, its
    status), from the courier's thread. troubled: a sentence on what could not be done."""

    def __init__(
        self,
        sink: ExecutionSink | None,
        folder: Path,
        *,
        on_status: OnStatus | None = None,
        troubled: Callable[[str], None] | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._sink = sink
        self._folder = folder
        self._on_status = on_status or (lambda _run, _status: None)
        self._troubled = troubled or (lambda _reason: None)
        self._heartbeat_s = heartbeat_s
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._queue: deque[Item] = deque()
        self._queued_bytes = 0
        self._spool: Spool | None = None
        self._offset = 0
        self._begun: dict[str, Report] = {}
        """Runs that have not ended."""
        self._running: dict[str, float] = {}
        """Runs that the service knows to be running, and when their next sign of life is due."""
        self._sending = False
        self._ending = False
        self._tried_after_end = False
        self._retry_at = 0.0
        self._others_at = 0.0
        self._others: Iterator[None] | None = None
        self._worker: Worker | None = None
        self.refused = 0
        """Reports that the service will never take."""
        self.taken_over = 0
        """Files of other processes that were delivered."""

    @property
    def waiting(self) -> bool:
        """Whether there is anything that the service does not have yet."""
        return bool(self._queue or self._spool is not None or self._sending)

    @property
    def spooled(self) -> Path | None:
        """The file with what the service does not have; None when there is none."""
        return None if self._spool is None else self._spool.path

    def put(self, *reports: Report) -> None:
        """Take reports on their way."""
        with self._changed:
            for report in reports:
                self._mark(report)
            if self._spool is not None or self._sink is None:
                self._to_spool(list(reports))
            else:
                self._to_queue(reports)
            if self._sink is not None and self._worker is None:
                self._start()
            self._changed.notify_all()

    def _mark(self, report: Report) -> None:
        if report.kind == "run":
            self._begun[report.run] = report
            if report.body["status"] in ENDS:
                self._begun.pop(report.run)

    def _to_queue(self, reports: Sequence[Report]) -> None:
        for report in reports:
            size = _size(report)
            self._queue.append((report, size))
            self._queued_bytes += size
        if self._queued_bytes > QUEUE_BYTES_MOST:
            self._spill()

    def finish(self, limit_s: float, *, others: bool = False) -> bool:
        """Deliver what waits within limit_s and leave the rest to the spool; True when nothing was left.

        others: also what runs of other, ended processes left in the folder."""
        until = time.monotonic() + limit_s
        with self._changed:
            self._ending = True
            if others and self._sink is not None:
                self._others_at = 0.0
                if self._worker is None:
                    self._start()
            self._changed.notify_all()
            while self._worker is not None and self._worker.alive and not self._settled(others):
                left_s = until - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
        self._stop()
        with self._changed:
            if self._queue:
                self._spill()
            left = self._spool
            if left is not None:
                left.leave()
        return left is None

    def _settled(self, others: bool) -> bool:
        if self._sending or self._queue:
            return False
        if self._spool is not None:
            # Somebody who is away is asked once more, and not waited for.
            return self._tried_after_end
        return not others or self._others_at > 0.0

    def _start(self) -> None:
        try:
            sink = self._sink
            if sink is not None:
                self._worker = Worker("runs", lambda stop: self._work(sink, stop))
                self._worker.start()
        except RuntimeError:
            # No thread any more, as while the interpreter ends.
            self._worker = None
            self._spill()

    def _stop(self) -> None:
        worker = self._worker
        if worker is None:
            return
        worker.stop()
        with self._changed:
            self._changed.notify_all()
        if not worker.join(0.2) and self._sink is not None:
            self._sink.cancel()
            worker.join(2.0)

    def _work(self, sink: ExecutionSink, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._step(sink, stop)
        finally:
            self._others = None
            sink.close()
            with self._changed:
                self._changed.notify_all()

    def _step(self, sink: ExecutionSink, stop: threading.Event) -> None:
        """Do what is due, or wait until something is."""
        now = time.monotonic()
        spool = self._spool
        if spool is not None:
            due = now >= self._retry_at or (self._ending and not self._tried_after_end)
            if due:
                self._replay(sink, spool, stop)
                return
        elif self._queue:
            self._send_next(sink, stop)
            return
        elif self._look_at_others(sink, now):
            return
        if self._spool is None and self._send_heartbeat(sink, now):
            return
        with self._changed:
            if (self._queue and self._spool is None) or stop.is_set():
                return
            self._changed.wait(self._idle_s(now))

    def _idle_s(self, now: float) -> float:
        times = [self._retry_at] if self._spool is not None else [*self._running.values()]
        if self._spool is None and not self._ending:
            times.append(self._others_at + OTHERS_EVERY_S)
        return max(0.01, min(times, default=now + 60.0) - now)

    def _send_next(self, sink: ExecutionSink, stop: threading.Event) -> None:
        if self._queue[0][0].kind == "entry" and not self._ending and len(self._queue) < ENTRIES_MOST:
            stop.wait(GATHER_S)
        with self._changed:
            batch = _batch(self._queue)
            self._queued_bytes -= sum(size for _, size in batch)
            self._sending = True
        failed: SinkError | None = None
        try:
            self._deliver(sink, [report for report, _ in batch])
        except SinkError as error:
            failed = error
        with self._changed:
            self._sending = False
            if failed is not None:
                self._queue.extendleft(reversed(batch))
                self._queued_bytes += sum(size for _, size in batch)
                self._spill()
                self._pause(failed)
            self._changed.notify_all()

    def _deliver(self, sink: ExecutionSink, reports: list[Report]) -> None:
        """Send one report, or lines together. Raises SinkError when that is worth another try."""
        try:
            if reports[0].kind == "entry":
                sink.send_entries([report.body for report in reports])
            else:
                sink.send(reports[0])
        except SinkError as error:
            if not error.permanent:
                raise
            forget_copy(reports[0])
            self.refused += len(reports)
            self._troubled(str(error))
            return
        for report in reports:
            forget_copy(report)
            self._note(report)

    def _note(self, report: Report) -> None:
        if report.kind != "run":
            return
        if report.body["status"] in ENDS:
            self._running.pop(report.run, None)
        elif report.run in self._begun:
            # At once: only a run that ever gave a sign of life can be missed.
            self._running[report.run] = time.monotonic()

    def _replay(self, sink: ExecutionSink, spool: Spool, stop: threading.Event) -> None:
        """Send the spool from where it was left; back to memory when its end is reached."""
        failed: SinkError | None = None
        try:
            while not stop.is_set():
                for reports, offset in _together(spool.reports(self._offset)):
                    self._deliver(sink, reports)
                    self._offset = offset
                    if stop.is_set():
                        return
                with self._changed:
                    if not spool.holds_more(self._offset):
                        self._tell_dropped(spool)
                        spool.remove()
                        self._spool, self._offset = None, 0
                        self._changed.notify_all()
                        return
        except SinkError as error:
            failed = error
        except OSError as error:
            failed = SinkError(f"{spool.path} cannot be read: {error.strerror}")
        with self._changed:
            if failed is not None:
                self._pause(failed)
            self._changed.notify_all()

    def _tell_dropped(self, spool: Spool) -> None:
        for run, count in spool.dropped.items():
            self._troubled(f"{count} reports of run {run} were not kept while the service was away")

    def _pause(self, error: SinkError) -> None:
        self._retry_at = time.monotonic() + max(self._retry_s, error.retry_after_s or 0.0)
        if self._ending:
            self._tried_after_end = True

    def _send_heartbeat(self, sink: ExecutionSink, now: float) -> bool:
        run = next((run for run, due in self._running.items() if due <= now), None)
        if run is None:
            return False
        try:
            status = sink.heartbeat(run, round(self._heartbeat_s * 1000))
        except SinkError as error:
            if error.permanent:
                self._running.pop(run, None)
            else:
                self._running[run] = now + self._heartbeat_s
            return True
        self._running[run] = now + self._heartbeat_s
        if status in ENDS:
            self._running.pop(run, None)
            self._on_status(run, status)
        return True

    def _look_at_others(self, sink: ExecutionSink, now: float) -> bool:
        """Send a part of what ended processes left; False when there is nothing to do."""
        if self._others is None:
            if now < self._others_at + OTHERS_EVERY_S and self._others_at:
                return False
            self._others = self._send_others(sink)
        try:
            next(self._others)
        except StopIteration:
            self._others = None
        except (SinkError, OSError):
            self._others = None
        else:
            return True
        with self._changed:
            self._others_at = time.monotonic()
            self._changed.notify_all()
        return True

    def _send_others(self, sink: ExecutionSink) -> Iterator[None]:
        for left in abandoned(self._folder):
            try:
                for reports, _ in _together((report, 0) for report in left.reports()):
                    self._deliver(sink, reports)
                    yield
                left.remove()
                self.taken_over += 1
            finally:
                left.close()

    def _spill(self) -> None:
        """Move what waits in memory to the spool."""
        reports = [report for report, _ in self._queue]
        self._queue.clear()
        self._queued_bytes = 0
        self._to_spool(reports)

    def _to_spool(self, reports: list[Report]) -> None:
        if self._spool is None:
            self._spool = Spool(self._folder)
            # Whoever finds the file must know of the runs that have no end in it.
            reports = [*(run for run in self._begun.values() if run not in reports), *reports]
        try:
            self._spool.append(*(_copied(report, self._folder) for report in reports))
        except OSError as error:
            for report in reports:
                self._spool.dropped[report.run] = self._spool.dropped.get(report.run, 0) + 1
            self._troubled(f"{self._folder} cannot be written: {error.strerror}")


def _copied(report: Report, folder: Path) -> Report:
    try:
        return with_copy(report, folder)
    except OSError:
        return report


def _size(report: Report) -> int:
    if report.kind != "entry":
        return 1_000
    return 300 + len(report.body["message"])


def _batch(queue: deque[Item]) -> list[Item]:
    """The first report; when it is a line, with the lines that follow."""
    batch = [queue.popleft()]
    size = batch[0][1]
    while (
        batch[0][0].kind == "entry"
        and queue
        and queue[0][0].kind == "entry"
        and len(batch) < ENTRIES_MOST
        and size < ENTRIES_BYTES_MOST
    ):
        size += queue[0][1]
        batch.append(queue.popleft())
    return batch


def _together(reports: Iterator[tuple[Report, int]]) -> Iterator[tuple[list[Report], int]]:
    """Reports as they are sent, each with the offset behind it: lines that follow each other together."""
    lines: list[Report] = []
    size = behind = 0
    for report, offset in reports:
        full = len(lines) >= ENTRIES_MOST or size >= ENTRIES_BYTES_MOST
        if lines and (full or report.kind != "entry"):
            yield lines, behind
            lines, size = [], 0
        if report.kind == "entry":
            lines.append(report)
            size += _size(report)
            behind = offset
        else:
            yield [report], offset
            behind = offset
    if lines:
        yield lines, behind
