"""One command as a run: started, listened to, told of."""

from __future__ import annotations

import errno
import glob
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from hantu.client.courier import HEARTBEAT_S, Courier
from hantu.client.execution_spool import Report
from hantu.client.run_report import RunReport, head, new_uuid, tail
from hantu.client.trace import traceparent
from hantu.mask import SensitiveDataFilter
from hantu.run import place
from hantu.run.copying import Copying
from hantu.run.lines import SOURCE, Lines, Tail, host_name
from hantu.run.process import Ended, Program
from hantu.threads import Worker

NOT_FOUND: Final = 127
NOT_RUNNABLE: Final = 126
TIMED_OUT: Final = 124
OUTPUT_BYTES: Final = 64 << 10
STDERR_BYTES: Final = 4 << 10
"""Of the end of what it printed: kept as its output, and as the details of its failure."""
DELIVER_S: Final = 3.0
UPLOAD_BYTES_S: Final = 4 << 20
"""How long the end may take: so long, and longer by the size of its artifacts."""
CLOCK_NS: Final = 1_000_000_000
"""Files changed so long before the start count as made by the run: clocks of file systems are coarse."""


class Wanted(NamedTuple):
    """What is asked of a run. environment: beyond our own. alerts: whether its failure is an error."""

    name: str
    command: list[str]
    prompt: str = ""
    environment: dict[str, str] = {}  # noqa: RUF012  of a NamedTuple, never changed
    timeout_s: float | None = None
    artifacts: tuple[str, ...] = ()
    alerts: bool = True


class Failure(NamedTuple):
    """Why a run failed."""

    code: str
    message: str


class Job:
    """Runs a command once."""

    def __init__(self, wanted: Wanted, *, data_dir: str = "", heartbeat_s: float = HEARTBEAT_S) -> None:
        self._wanted = wanted
        self._mask = SensitiveDataFilter()
        self._report = RunReport(
            wanted.name,
            wanted.prompt or shlex.join(wanted.command),
            mask=self._mask,
            metadata=self._metadata(),
            timeout_s=wanted.timeout_s,
            pod_name=host_name(),
        )
        self._troubles: list[str] = []
        self._program: Program | None = None
        self._output, self._stderr = Tail(OUTPUT_BYTES), Tail(STDERR_BYTES)
        self._courier = Courier(
            place.sink(data_dir),
            place.spool_folder(),
            on_status=lambda _run, status: self._ended_by_others(status),
            troubled=self._troubles.append,
            heartbeat_s=heartbeat_s,
        )

    def run(self) -> int:
        """Run it; its exit code, as a shell says it."""
        began_ns = time.time_ns()
        try:
            self._program = program = Program(self._wanted.command, self._environment())
        except OSError as error:
            return self._not_started(error)
        self._courier.put(self._report.began())
        copies = [
            self._copying(program.stdout, 1, "stdout", (self._output,)),
            self._copying(program.stderr, 2, "stderr", (self._output, self._stderr)),
        ]
        ended = program.wait(self._wanted.timeout_s)
        self._report.over()
        was_stopped = bool(ended.stopped) or ended.timed_out
        program.linger(
            # Not whether the threads are alive: each still is when it wakes us for the last time.
            lambda: any(not copying.over for _, copying in copies),
            was_stopped=was_stopped,
        )
        for worker, copying in copies:
            worker.stop()
            copying.stop_now()
            worker.join(1.0)
        size = self._send_artifacts(began_ns)
        failure = _failure_of(ended, self._wanted.timeout_s)
        self._end(failure, ended)
        self._deliver(size)
        return TIMED_OUT if ended.timed_out else ended.code

    def _metadata(self) -> dict[str, Any]:
        known = {
            "command": list(self._wanted.command),
            "folder": os.getcwd(),
            "parent_trace_id": os.environ.get("HANTU_TRACE_ID", ""),
        }
        return {key: value for key, value in known.items() if value}

    def _environment(self) -> dict[str, str]:
        trace_id = self._report.trace_id
        ours = {"HANTU_TRACE_ID": trace_id, "HANTU_EXECUTION_ID": self._report.id}
        if parent := traceparent(trace_id):
            ours["TRACEPARENT"] = parent
        return {**os.environ, **ours, **self._wanted.environment}

    def _copying(
        self, source: int, target: int, stream: str, tails: tuple[Tail, ...]
    ) -> tuple[Worker, Copying]:
        metadata = {
            "stream": stream,
            "trace_id": self._report.trace_id,
            "execution_id": self._report.id,
        }
        lines = Lines(self._report.body["jobName"], metadata, self._put_lines, self._mask)
        copying = Copying(source, target, lines, tails, self._troubles.append)
        program = self._program
        worker = Worker(stream, lambda stop: copying.run(stop, program.wake if program else _nothing))
        worker.start()
        return worker, copying

    def _put_lines(self, items: list[dict[str, Any]]) -> None:
        self._courier.put(*(Report("entry", self._report.id, item) for item in items))

    def _ended_by_others(self, status: str) -> None:
        if status == "CANCELLED" and self._program is not None:
            self._program.cancel()

    def _not_started(self, error: OSError) -> int:
        missing = error.errno == errno.ENOENT
        reason = f"{self._wanted.command[0]}: {os.strerror(error.errno or 0)}"
        print(f"hantu run: {reason}", file=sys.stderr)
        self._courier.put(self._report.began())
        self._end(Failure("NOT_FOUND" if missing else "NOT_RUNNABLE", reason), None)
        self._deliver(0)
        return NOT_FOUND if missing else NOT_RUNNABLE

    def _send_artifacts(self, began_ns: int) -> int:
        """Tell of the files that it made; their size together."""
        size = 0
        found = [path for pattern in self._wanted.artifacts for path in _files_of(pattern)]
        for path in dict.fromkeys(os.path.realpath(each) for each in found):
            try:
                stat = os.stat(path)
                if max(stat.st_mtime_ns, stat.st_ctime_ns) < began_ns - CLOCK_NS or not os.path.isfile(
                    path
                ):
                    continue
                self._courier.put(self._report.artifact(Path(path)))
                size += stat.st_size
            except OSError as error:
                self._troubles.append(f"{path}: {error.strerror}")
        return size

    def _end(self, failure: Failure | None, ended: Ended | None) -> None:
        more: dict[str, Any] = {}
        if ended is not None:
            more = {
                "exitCode": TIMED_OUT if ended.timed_out else ended.code,
                "cpuMs": ended.cpu_ms,
                "peakMemoryBytes": ended.peak_memory_bytes,
            }
            self._report.add_output(self._output.text())
        stopped = ""
        if ended is not None and ended.stopped and not ended.timed_out and ended.code:
            stopped = f"stopped by {ended.stopped}"
        elif failure is not None:
            details = {"stderr": self._stderr.text()}
            self._report.fail(failure.message, code=failure.code, details=details)
            if self._wanted.alerts:
                self._put_lines([self._error(failure)])
        self._courier.put(self._report.ended(cancelled=stopped, **more))

    def _error(self, failure: Failure) -> dict[str, Any]:
        """A line that counts as an error, so that it comes to the inbox and to people."""
        now_ns = time.time_ns()
        job = self._report.body["jobName"]
        return {
            "id": new_uuid(now_ns),
            "message": head(self._mask.mask(failure.message), 10_000),
            "level": "error",
            "timestamp": now_ns,
            "source": SOURCE,
            "sourceId": job,
            "metadata": {
                "service": job,
                "module": "hantu run",
                "function": "",
                "error_type": failure.code,
                "trace_id": self._report.trace_id,
                "execution_id": self._report.id,
                "context": {"stderr": tail(self._mask.mask(self._stderr.text()), STDERR_BYTES)},
            },
        }

    def _deliver(self, size: int) -> None:
        self._courier.finish(DELIVER_S + size / UPLOAD_BYTES_S, others=True)
        # A command's own output goes to people and programs; only at a terminal is there room for ours.
        if os.isatty(2):
            left = self._courier.spooled
            if left is not None:
                self._troubles.append(f"the service did not answer; the run waits in {left}")
            for reason in dict.fromkeys(self._troubles):
                print(f"hantu run: {reason}", file=sys.stderr)


def _failure_of(ended: Ended, timeout_s: float | None) -> Failure | None:
    if ended.timed_out:
        return Failure("TIMEOUT", f"did not end within {timeout_s:g} s")
    if ended.signal_name:
        return Failure(ended.signal_name.upper().replace(" ", "_"), f"ended by {ended.signal_name}")
    if ended.code:
        return Failure(f"EXIT_{ended.code}", f"exit code {ended.code}")
    return None


def _nothing() -> None:
    pass


def _files_of(pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.expanduser(pattern), recursive=True))
