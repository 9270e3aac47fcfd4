"""What hantu does with executions by itself: ends those that are overdue, and tells of their end."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from hantu import __version__
from hantu.alert.channels.callback import CallbackError, post_callback
from hantu.config import Config
from hantu.executions import Change, Execution, ExecutionStatus, IllegalMove
from hantu.jobs.wire import execution_of
from hantu.output import to_json
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage, StoreError
from hantu.store.execution_base import LOST_AFTER, Overdue, OverdueExecution, UnknownExecution
from hantu.threads import Worker

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
GRACE_S: Final = 2.0
"""A run is overdue for so long before it is ended: its runner may be about to report the end itself, and
reports that were kept while hantu was down come one after the other."""
ASLEEP_S: Final = 10.0
"""A look that is so late tells that the machine slept: heartbeats could not arrive."""
OVERDUE_MOST: Final = 1_000
CALLBACKS_MOST: Final = 20
AT_ONCE: Final = 4
"""Hosts that are called at the same time."""
AGAIN_S: Final = (10, 60, 300, 1_800, 7_200)
"""Waiting times after a failed callback; after the last one it is given up."""
UNNOTED_S: Final = 30.0
"""A store that fails is left alone for so long."""
TICK_S: Final = 0.05
STOP_TICK_S: Final = 0.5
SECOND_NS: Final = 10**9

_MESSAGES: Final = {
    Overdue.TIMEOUT: "it ran longer than its timeout of {seconds:g} s",
    Overdue.LOST: f"its runner sent no sign of life for {LOST_AFTER} intervals of {{seconds:g}} s",
}


class Executions:
    """Ends overdue runs and tells callback addresses. overdue_body and callback_body are the bodies of two
    Workers, so that a slow receiver holds up no timeout."""

    def __init__(
        self,
        config: Config,
        store: LogStorage,
        pipeline: Pipeline,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        again_s: tuple[float, ...] = AGAIN_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._config = config
        self._store = store
        self._pipeline = pipeline
        self._now_ns = now_ns
        self._again_s = again_s
        self._grace_s = grace_s
        self._woken = threading.Event()
        self._listening_ns = now_ns()
        self._looked_ns = self._listening_ns
        self._seen: dict[str, int] = {}

    def wake(self) -> None:
        """A callback is due: look at once."""
        self._woken.set()

    def overdue_body(self, stop: threading.Event) -> None:
        """Look again and again until stop."""
        self._looked_ns = self._listening_ns = self._now_ns()
        while not stop.wait(LOOK_S):
            try:
                self.end_overdue()
            except StoreError as error:
                log.warning("overdue executions could not be ended: %s", error)

    def end_overdue(self) -> int:
        """End what is overdue now; returns how many that were."""
        now_ns = self._now_ns()
        # Also a clock that was set: what it says of the time before tells nothing.
        if not 0 <= now_ns - self._looked_ns < ASLEEP_S * SECOND_NS:
            self._listening_ns = now_ns
            self._seen.clear()
        self._looked_ns = now_ns
        found = self._store.overdue_executions(now_ns, most=OVERDUE_MOST)
        self._seen = {each.id: self._seen.get(each.id, now_ns) for each in found}
        ended = 0
        for each in found:
            if now_ns - self._seen[each.id] >= self._grace_s * SECOND_NS:
                ended += self._end(each, now_ns)
        if ended:
            self.wake()
        return ended

    def _end(self, overdue: OverdueExecution, now_ns: int) -> bool:
        def end(store: LogStorage) -> bool:
            execution = store.execution(overdue.id)
            interval_ms = execution.heartbeat_interval_ms or 0
            silent_ns = now_ns - max(execution.heartbeat_ns or 0, self._listening_ns)
            if overdue.why is Overdue.LOST and silent_ns < LOST_AFTER * interval_ms * 1_000_000:
                return False
            limit_ms = interval_ms if overdue.why is Overdue.LOST else execution.timeout_ms or 0
            message = _MESSAGES[overdue.why].format(seconds=limit_ms / 1000)
            change = Change(
                status=ExecutionStatus.FAILED, error_code=overdue.why.value, error_message=message
            )
            store.change_execution(overdue.id, change, at_ns=now_ns, reason=message)
            return True

        try:
            ended = self._pipeline.with_store(end)
        except (IllegalMove, UnknownExecution):
            return False
        if ended:
            log.warning("execution %s of %s was ended: %s", overdue.id, overdue.job_name, overdue.why)
        return ended

    def callback_body(self, stop: threading.Event) -> None:
        """Tell who waits for an end, again and again until stop."""
        while not stop.is_set():
            self._woken.clear()
            try:
                if self.tell(stop) < CALLBACKS_MOST:
                    _rest(stop, self._woken, LOOK_S)
            except StoreError as error:
                log.warning("callbacks are not sent now: %s", error)
                _rest(stop, stop, UNNOTED_S)

    def tell(self, stop: threading.Event) -> int:
        """Try every callback that is due now, AT_ONCE hosts at the same time; returns how many were due.

        Raises StoreError when a try could not be noted: who was told would be told again at once."""
        due = self._store.due_callbacks(self._now_ns(), most=CALLBACKS_MOST)
        by_host: dict[str, list[Execution]] = defaultdict(list)
        for execution in due:
            by_host[urlsplit(execution.callback_url or "").netloc].append(execution)
        waiting = list(by_host.values())
        unnoted: list[StoreError] = []

        def call(_stop: threading.Event) -> None:
            try:
                while waiting and not stop.is_set():
                    self._tell_host(waiting.pop(), stop)
            except StoreError as error:
                unnoted.append(error)

        callers = [Worker(f"callback-{number}", call) for number in range(min(AT_ONCE, len(waiting)))]
        for caller in callers:
            caller.start()
        for caller in callers:
            while not caller.join(TICK_S) and not stop.is_set():
                pass
        if unnoted:
            raise unnoted[0]
        return len(due)

    def _tell_host(self, due: list[Execution], stop: threading.Event) -> None:
        """Tell one receiver, one run after the other. Once it does not answer, the others wait, too."""
        silent = ""
        for execution in due:
            if stop.is_set():
                return
            failed = silent
            try:
                if not silent:
                    self._tell(execution)
            except CallbackError as error:
                failed = str(error)
                silent = "" if error.answered else failed
            self._note(execution, failed)

    def _tell(self, execution: Execution) -> None:
        """Raises CallbackError."""
        now_ns = self._now_ns()
        post_callback(
            execution.callback_url or "",
            to_json({"event": "execution.ended", "execution": execution_of(execution, now_ns)}),
            secret=self._config.callback_secret,
            hosts=self._config.callback_hosts,
            agent=f"hantu/{__version__}",
            now_s=now_ns // SECOND_NS,
        )

    def _note(self, execution: Execution, failed: str) -> None:
        next_ns = None
        if failed and execution.callback_attempts < len(self._again_s):
            next_ns = self._now_ns() + int(self._again_s[execution.callback_attempts] * SECOND_NS)
        if failed and next_ns is None:
            log.error(
                "the end of execution %s of %s could not be told to its callback address: %s",
                *(execution.id, execution.job_name, failed),
            )
        try:
            self._pipeline.with_store(lambda store: store.callback_tried(execution.id, next_ns=next_ns))
        except UnknownExecution:
            log.debug("execution %s was removed while its end was told", execution.id)


def _rest(stop: threading.Event, woken: threading.Event, wait_s: float) -> None:
    """Wait for so long, or until woken or stop."""
    until = time.monotonic() + wait_s
    while not stop.is_set() and (left_s := until - time.monotonic()) > 0:
        if woken.wait(min(left_s, STOP_TICK_S)):
            return
