"""The messages that wait, sent one at a time at the pace that the channel takes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from hantu.alert.state import Queued, State
from hantu.client.outgoing import Message, Outcome, Outgoing, Patience
from hantu.client.telegram import ChannelError, Telegram

log = logging.getLogger(__name__)

MINUTE_S: Final = 60.0
SENDS_A_MINUTE: Final = 20
"""What Telegram lets a bot send to one group. Source: Bots FAQ, "My bot is hitting limits"."""
PATIENCE: Final = Patience((5.0, 30.0, 60.0, 300.0))


class Sender:
    """Sends state.queue. changed: called when a message has left the queue.

    lost: called with the number of errors of a message that will never be taken."""

    def __init__(
        self,
        channel: Telegram,
        *,
        changed: Callable[[], None],
        lost: Callable[[int], None],
        patience: Patience,
        clock: Callable[[], float],
        now_ns: Callable[[], int],
    ) -> None:
        self._outgoing = Outgoing(channel, clock, lambda: None)
        self._changed = changed
        self._lost = lost
        self._patience = patience
        self._clock = clock
        self._now_ns = now_ns
        self._sending: Queued | None = None
        self._tries_s: deque[float] = deque(maxlen=SENDS_A_MINUTE)
        self._failures = 0
        self._not_before_s = 0.0
        self._retry = threading.Event()
        self.error = ""
        self.error_ns = 0
        self.closed = ""

    @property
    def sending(self) -> bool:
        """Whether a message is on its way."""
        return self._sending is not None

    @property
    def well(self) -> bool:
        """Whether the last try worked, as far as there was one."""
        return not self._failures and not self.closed

    def load(self, state: State) -> int:
        """Messages of the last minute and those that wait."""
        minute_ago_s = self._clock() - MINUTE_S
        return sum(each > minute_ago_s for each in self._tries_s) + len(state.queue)

    def retry(self) -> None:
        """Send again after a refusal, and at once what waits for its next try; from any thread."""
        self._retry.set()

    def send(self, state: State) -> None:
        """Start to send the next message: critical ones first."""
        now_s = self._clock()
        if self._retry.is_set():
            self._retry.clear()
            self.closed, self._failures, self._not_before_s = "", 0, 0.0
        if self._sending is not None or self.closed or now_s < self._not_before_s or not state.queue:
            return
        if len(self._tries_s) == SENDS_A_MINUTE and now_s - self._tries_s[0] < MINUTE_S:
            return
        chosen = next((each for each in state.queue if each.critical), state.queue[0])
        self._outgoing.waiting[:] = [Message(chosen.text, chosen.errors)]
        self._outgoing.start()
        if self._outgoing.sending:
            self._sending = chosen
            self._tries_s.append(now_s)

    def settle(self, state: State) -> None:
        """Learn how the message on its way fared."""
        for outcome in self._outgoing.settle():
            sent, self._sending = self._sending, None
            if sent is not None:
                self._settled(state, sent, outcome)

    def finish(self, state: State, limit_s: float) -> None:
        """Wait a moment for the message on its way."""
        until_s = time.monotonic() + limit_s
        while self._sending is not None and time.monotonic() < until_s:
            time.sleep(limit_s / 50)
            self.settle(state)
        self._outgoing.cancel()

    def _settled(self, state: State, sent: Queued, outcome: Outcome) -> None:
        error = outcome.error
        if error is None:
            self._failures, self.error = 0, ""
            state.sent += 1
            state.sent_ns = self._now_ns()
            self._remove(state, sent)
            return
        self.error, self.error_ns = str(error), self._now_ns()
        if error.permanent:
            self.closed = str(error)
            log.error("%s; no alerts are sent until the settings are changed", error)
        elif error.refused:
            log.error("an alert was refused: %s", error)
            self._lost(sent.errors)
            self._remove(state, sent)
        else:
            self._wait(error)

    def _wait(self, error: ChannelError) -> None:
        """Try again later, not before Telegram wants it."""
        self._failures += 1
        wait_s = self._patience.wait_s(self._failures)
        if error.retry_after_s is not None:
            wait_s = error.retry_after_s
        self._not_before_s = self._clock() + wait_s
        log.warning("%s; tried again in %.0f s", error, wait_s)

    def _remove(self, state: State, message: Queued) -> None:
        state.queue.remove(message)
        self._changed()
