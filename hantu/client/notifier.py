"""Tells people of errors by Telegram: each once per cooldown, repeats counted; nothing waits for it."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from hantu.client import health as health_module
from hantu.client.cooldown import Cooldown
from hantu.client.files import day_of, note_told
from hantu.client.health import Fault, Health
from hantu.client.outgoing import Message, Outcome, Outgoing, Patience
from hantu.client.telegram import ChannelError, Telegram
from hantu.client.told import Told, Trouble, gathered, held_back_text, repeats_text, text_of
from hantu.threads import Backoff, Worker

if TYPE_CHECKING:
    from pathlib import Path

    from hantu.errors import ErrorRecord

INBOX_MOST: Final = 20_000
MESSAGES_MOST: Final = 50


class Notifier:
    """Takes errors from any thread and sends messages of them.

    service: the program's name, for what happened to the library itself. errors_dir: where it is noted
    which errors are told of; None: nowhere. Its thread starts with the first error, in each process of
    its own."""

    def __init__(
        self,
        channel: Telegram,
        cooldown: Cooldown,
        *,
        service: str,
        errors_dir: Path | None = None,
        patience: Patience | None = None,
        health: Health = health_module.current,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._channel = channel
        self._cooldown = cooldown
        self._service = service
        self._errors_dir = errors_dir
        self._patience = patience or Patience()
        self._health = health
        self._clock = clock
        self._now_ns = now_ns
        self._stopped = False
        self.sent = 0
        self.failed = 0
        self.counted = 0
        self._begin()
        _all.add(self)

    def tell(self, record: ErrorRecord) -> None:
        """Take an error; returns at once."""
        self._take(record)
        self._note(record)

    def tell_fault(self, title: str, message: str) -> None:
        """Take what happened to the library itself, told as CRITICAL; title: a few words of Korean."""
        self._take(Trouble(self._service, title, message, self._now_ns()))

    def resume(self) -> None:
        """Tell of repeats that an earlier process counted and did not live to tell of."""
        if self._cooldown.left_behind():
            self._start()

    def stop(self, limit_s: float = 2.0) -> bool:
        """Send what waits, within limit_s; True when nothing is left. Repeats stay in their file, for
        the next process to tell of at the cooldown's end."""
        self._stopped = True
        worker = self._worker
        if worker is None:
            return True
        worker.stop()
        self._inbox.put(None)
        ended = worker.join(limit_s)
        self._outgoing.cancel()
        return ended and not self.waiting

    @property
    def waiting(self) -> int:
        """Messages that are not sent yet."""
        return len(self._outgoing)

    @property
    def closed(self) -> str:
        """Why nothing is sent any more; "" when it is."""
        return self._closed

    def snapshot(self) -> dict[str, Any]:
        """Figures of this process as plain JSON values."""
        return {
            "waiting": self.waiting,
            "sent": self.sent,
            "failed": self.failed,
            "repeats": self.counted,
            "stopped": self._closed,
        }

    def _begin(self) -> None:
        self._inbox: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._outgoing = Outgoing(self._channel, self._clock, lambda: self._inbox.put(None))
        # Entered again by a signal handler without harm.
        self._counting = threading.RLock()
        self._held_back = 0
        self._closed = ""
        self._look_s: float | None = None
        self._starting = threading.Lock()
        self._worker: Worker | None = None

    def _take(self, item: Told) -> None:
        if self._closed or self._stopped:
            return
        if self._inbox.qsize() >= INBOX_MOST:
            self._hold_back(1)
            return
        self._inbox.put(item)
        if self._worker is None:
            self._start()

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._worker is None:
                worker = Worker("alerts", self._run, backoff=Backoff(), on_error=self._broke)
                worker.start()
                self._worker = worker
        finally:
            self._starting.release()

    def _broke(self, error: BaseException) -> None:
        self._health.fault(Fault.HANDLER, f"the sending of alerts failed and starts again: {error!r}")

    def _run(self, stop: threading.Event) -> None:
        self._rule([])
        while not stop.is_set():
            self._round(self._receive(self._wait_s()))
        self._round(self._receive(0.0))
        for message in self._outgoing.waiting:
            message.not_before_s = 0.0
        self._round([])
        while self._outgoing.sending:
            self._round(self._receive(self._outgoing.wait_s()))

    def _round(self, items: list[Told]) -> None:
        for outcome in self._outgoing.settle():
            self._settled(outcome)
        if items or (self._look_s is not None and self._look_s <= self._clock()):
            self._rule(items)
        self._outgoing.start()
        for outcome in self._outgoing.settle():
            self._settled(outcome)

    def _receive(self, wait_s: float | None) -> list[Told]:
        """What came, all of it; waits for something to come, wait_s at most."""
        items: list[Told] = []
        try:
            item = self._inbox.get(timeout=wait_s)
            while True:
                if item is not None:
                    items.append(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return items

    def _wait_s(self) -> float | None:
        waits = [] if self._look_s is None else [max(0.0, self._look_s - self._clock())]
        waits += [each for each in (self._outgoing.wait_s(),) if each is not None]
        return min(waits, default=None)

    def _rule(self, items: Iterable[Told]) -> None:
        """Let the cooldown decide on what came, and make messages of what is to be told."""
        first, occurrences = gathered(items)
        ruling = self._cooldown.rule(occurrences)
        self._look_s = ruling.next_s
        self.counted += sum(each.count for each in occurrences) - len(ruling.now)
        for key, quiet in ruling.now.items():
            self._add(text_of(first[key], quiet))
        for quiet in ruling.ended:
            self._add(repeats_text(quiet), errors=quiet.count)

    def _note(self, record: ErrorRecord) -> None:
        """Note the error at once, so that a service which reads its file does not tell of it as well."""
        if self._errors_dir is None or not record.id:
            return
        # At worst an error is told twice.
        with contextlib.suppress(OSError):
            note_told(self._errors_dir, day_of(record.time_ns), record.id)

    def _add(self, text: str, *, errors: int = 1) -> None:
        if len(self._outgoing.waiting) >= MESSAGES_MOST:
            self._hold_back(errors)
            return
        self._outgoing.waiting.append(Message(text, errors))

    def _hold_back(self, errors: int) -> None:
        with self._counting:
            self._held_back += errors

    def _take_held_back(self) -> int:
        with self._counting:
            count, self._held_back = self._held_back, 0
        return count

    def _settled(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self.sent += 1
            self._health.cleared(Fault.TELEGRAM)
            self._tell_held_back()
            return
        self._not_sent(outcome.message, outcome.error)

    def _not_sent(self, message: Message, error: ChannelError) -> None:
        now_s = self._clock()
        if error.permanent:
            self._close(message, str(error))
        elif error.refused or (error.retry_after_s is None and message.tries >= self._patience.tries_most):
            self.failed += message.errors
            self._says(self._health.gave_up, str(error))
        else:
            self._says(self._health.fault, str(error))
            wait_s = self._patience.wait_s(message.tries)
            if error.retry_after_s is not None:
                # Telegram counts all messages to a chat together.
                wait_s = error.retry_after_s
                self._outgoing.flooded_until_s = max(self._outgoing.flooded_until_s, now_s + wait_s)
            message.not_before_s = now_s + wait_s
            # Oldest first, as far as they are due.
            self._outgoing.waiting.insert(0, message)

    def _close(self, message: Message, reason: str) -> None:
        """Send nothing any more: the settings are wrong, and trying again would mend nothing."""
        self._closed = reason
        waiting, self._outgoing.waiting = self._outgoing.waiting, []
        self.failed += message.errors + sum(each.errors for each in waiting) + self._take_held_back()
        self._says(self._health.gave_up, f"{reason}; nothing is sent until the settings are changed")

    def _says(self, tell: Callable[[Fault, str], None], reason: str) -> None:
        # One that is stopped gave way to another, whose health is told from then on.
        if not self._stopped:
            tell(Fault.TELEGRAM, reason)

    def _tell_held_back(self) -> None:
        """Tell, once there is room again, how many errors got no message of their own."""
        if not self._held_back or len(self._outgoing.waiting) >= MESSAGES_MOST // 2:
            return
        count = self._take_held_back()
        self._add(held_back_text(self._service, self._now_ns(), count), errors=count)


_all: weakref.WeakSet[Notifier] = weakref.WeakSet()


def _after_fork() -> None:
    for notifier in list(_all):
        notifier._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
