"""Tells people of errors by Telegram: each once per cooldown, repeats counted; nothing waits for it."""

from __future__ import annotations

import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from hantu.client import health as health_module
from hantu.client.cooldown import Cooldown, Occurrence, Quiet
from hantu.client.health import Fault, Health
from hantu.client.outgoing import Message, Outcome, Outgoing, Patience
from hantu.client.sink import fingerprint_of
from hantu.client.telegram import ChannelError, Telegram
from hantu.client.telegram_text import Head, Repeats, error_text, message_text, repeats_line
from hantu.errors import ErrorRecord
from hantu.threads import Backoff, Worker

INBOX_MOST: Final = 20_000
MESSAGES_MOST: Final = 50
_SUBJECT_CHARS_MOST: Final = 1_000
_FAULT: Final = "fault:"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Something that happened to the library itself."""

    title: str
    message: str
    time_ns: int


class Notifier:
    """Takes errors from any thread and sends messages of them.

    service: the program's name, for what happened to the library itself. Its thread starts with the
    first error, in each process of its own."""

    def __init__(
        self,
        channel: Telegram,
        cooldown: Cooldown,
        *,
        service: str,
        patience: Patience | None = None,
        health: Health = health_module.current,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._channel = channel
        self._cooldown = cooldown
        self._service = service
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

    def tell_fault(self, title: str, message: str) -> None:
        """Take what happened to the library itself, told as CRITICAL; title: a few words of Korean."""
        self._take(_Trouble(title, message, self._now_ns()))

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
        self._inbox: queue.SimpleQueue[ErrorRecord | _Trouble | None] = queue.SimpleQueue()
        self._outgoing = Outgoing(self._channel, self._clock, lambda: self._inbox.put(None))
        # Entered again by a signal handler without harm.
        self._counting = threading.RLock()
        self._held_back = 0
        self._closed = ""
        self._look_s: float | None = None
        self._starting = threading.Lock()
        self._worker: Worker | None = None

    def _take(self, item: ErrorRecord | _Trouble) -> None:
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

    def _round(self, items: list[ErrorRecord | _Trouble]) -> None:
        for outcome in self._outgoing.settle():
            self._settled(outcome)
        if items or (self._look_s is not None and self._look_s <= self._clock()):
            self._rule(items)
        self._outgoing.start()
        for outcome in self._outgoing.settle():
            self._settled(outcome)

    def _receive(self, wait_s: float | None) -> list[ErrorRecord | _Trouble]:
        """What came, all of it; waits for something to come, wait_s at most."""
        items: list[ErrorRecord | _Trouble] = []
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

    def _rule(self, items: Iterable[ErrorRecord | _Trouble]) -> None:
        """Let the cooldown decide on what came, and make messages of what is to be told."""
        occurrences: dict[str, Occurrence] = {}
        first: dict[str, ErrorRecord | _Trouble] = {}
        for item in items:
            key = self._key(item)
            first.setdefault(key, item)
            before = occurrences.get(key)
            occurrences[key] = (
                Occurrence(key, 1, item.time_ns, item.time_ns, self._subject(item))
                if before is None
                else replace(
                    before,
                    count=before.count + 1,
                    first_ns=min(before.first_ns, item.time_ns),
                    last_ns=max(before.last_ns, item.time_ns),
                )
            )
        ruling = self._cooldown.rule(occurrences.values())
        self._look_s = ruling.next_s
        self.counted += sum(each.count for each in occurrences.values()) - len(ruling.now)
        for key, quiet in ruling.now.items():
            self._add(self._text(first[key], quiet))
        for quiet in ruling.ended:
            self._add(_repeats_text(quiet), errors=quiet.count)

    def _key(self, item: ErrorRecord | _Trouble) -> str:
        if isinstance(item, _Trouble):
            return f"{self._service}\n{_FAULT}{item.title}"
        # A CRITICAL is not held back by the cooldown of an ERROR (M72).
        return f"{item.service}\n{fingerprint_of(item)}\n{item.level}"

    def _subject(self, item: ErrorRecord | _Trouble) -> dict[str, str]:
        if isinstance(item, _Trouble):
            return {
                "service": self._service,
                "place": "hantu",
                "error_type": item.title,
                "message": item.message[:_SUBJECT_CHARS_MOST],
                "trace_id": "",
            }
        return {
            "service": item.service,
            "place": f"{item.module}.{item.function}".strip("."),
            "error_type": item.error_type,
            "message": item.message[:_SUBJECT_CHARS_MOST],
            "trace_id": item.trace_id,
        }

    def _text(self, item: ErrorRecord | _Trouble, quiet: Quiet | None) -> str:
        repeats = None if quiet is None else Repeats(quiet.count, quiet.first_ns, quiet.last_ns)
        if isinstance(item, ErrorRecord):
            return error_text(item, repeats=repeats)
        return message_text(
            Head.ERROR,
            self._service,
            item.time_ns,
            place="hantu",
            error_type=item.title,
            message=item.message,
            notes=() if repeats is None else (repeats_line(repeats),),
        )

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
            self._health.gave_up(Fault.TELEGRAM, str(error))
        else:
            self._health.fault(Fault.TELEGRAM, str(error))
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
        self._health.gave_up(Fault.TELEGRAM, f"{reason}; nothing is sent until the settings are changed")

    def _tell_held_back(self) -> None:
        """Tell, once there is room again, how many errors got no message of their own."""
        if not self._held_back or len(self._outgoing.waiting) >= MESSAGES_MOST // 2:
            return
        count = self._take_held_back()
        self._add(
            message_text(
                Head.ERROR,
                self._service,
                self._now_ns(),
                place="hantu",
                message=f"에러가 한꺼번에 몰려 {count:,}건은 따로 알리지 못했습니다. "
                "에러 목록이나 로컬 JSON 파일에서 확인하세요.",
            ),
            errors=count,
        )


def _repeats_text(quiet: Quiet) -> str:
    said = quiet.subject
    return message_text(
        Head.ERROR,
        said.get("service", ""),
        quiet.last_ns,
        place=said.get("place", ""),
        error_type=said.get("error_type", ""),
        message=said.get("message", ""),
        notes=(repeats_line(Repeats(quiet.count, quiet.first_ns, quiet.last_ns)),),
        trace_id=said.get("trace_id", ""),
    )


_all: weakref.WeakSet[Notifier] = weakref.WeakSet()


def _after_fork() -> None:
    for notifier in list(_all):
        notifier._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
