"""Messages on their way to Telegram: each is sent by a thread of its own, so that one that hangs or
waits for its next try holds up no other. One thread uses this; the senders only report back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hantu.client.telegram import ChannelError, Telegram
from hantu.threads import Worker

if TYPE_CHECKING:
    from hantu.client.http_call import Caller

SENDERS_MOST: Final = 4
LOST_MOST: Final = 8
"""Senders that hang beyond their limit, beyond which no new ones are started until some end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between the tries of one message (the last one again and again), and how many tries."""

    retry_s: tuple[float, ...] = (5.0, 30.0, 300.0)
    tries_most: int = 12

    def wait_s(self, tries: int) -> float:
        """Seconds to wait after the `tries`-th try."""
        return self.retry_s[min(tries, len(self.retry_s)) - 1]


@dataclass(slots=True)
class Message:
    """A text that waits. errors: how many errors it tells of."""

    text: str
    errors: int = 1
    tries: int = 0
    not_before_s: float = 0.0


@dataclass(slots=True, eq=False)
class Sending:
    """A message that a thread is sending now; over: how that ended, None while it has not."""

    message: Message
    until_s: float
    caller: Caller
    worker: Worker | None = None
    error: ChannelError | None = None
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Outcome:
    """How one try of a message ended; error None: it was sent."""

    message: Message
    error: ChannelError | None


class Outgoing:
    """The messages that wait and those that are being sent.

    done: called from a sender's thread when it has ended."""

    def __init__(self, channel: Telegram, clock: Callable[[], float], done: Callable[[], None]) -> None:
        self._channel = channel
        self._clock = clock
        self._done = done
        self.waiting: list[Message] = []
        self._sending: list[Sending] = []
        self._lost: list[Sending] = []
        self.flooded_until_s = 0.0

    def __len__(self) -> int:
        return len(self.waiting) + len(self._sending)

    def start(self) -> None:
        """Start a sender for each message that is due, as far as there is room."""
        now_s = self._clock()
        self._lost = [each for each in self._lost if not each.over.is_set()]
        if now_s < self.flooded_until_s or len(self._lost) >= LOST_MOST:
            return
        for message in [each for each in self.waiting if each.not_before_s <= now_s]:
            if len(self._sending) >= SENDERS_MOST:
                return
            self.waiting.remove(message)
            message.tries += 1
            self._send(message, now_s)

    def settle(self) -> list[Outcome]:
        """How the tries ended that have ended since; one beyond its time limit has failed."""
        now_s = self._clock()
        outcomes = []
        for sending in list(self._sending):
            if sending.over.is_set():
                outcomes.append(Outcome(sending.message, sending.error))
            elif now_s >= sending.until_s:
                sending.caller.cancel()
                self._lost.append(sending)
                outcomes.append(Outcome(sending.message, ChannelError("Telegram did not answer in time")))
            else:
                continue
            self._sending.remove(sending)
        return outcomes

    @property
    def sending(self) -> int:
        """Messages that are being sent now."""
        return len(self._sending)

    def wait_s(self) -> float | None:
        """Seconds until there is something to do, unless a sender ends before; None: nothing is due."""
        times = [sending.until_s for sending in self._sending]
        if len(self._sending) < SENDERS_MOST and len(self._lost) < LOST_MOST:
            times += [max(each.not_before_s, self.flooded_until_s) for each in self.waiting]
        return max(0.0, min(times) - self._clock()) if times else None

    def cancel(self) -> None:
        """Let the senders end soon."""
        for sending in [*self._sending, *self._lost]:
            sending.caller.cancel()

    def _send(self, message: Message, now_s: float) -> None:
        caller = self._channel.caller()
        sending = Sending(message, now_s + self._channel.limit_s + 1.0, caller)

        def body(_stop: threading.Event) -> None:
            try:
                self._channel.send(message.text, caller)
            except ChannelError as error:
                sending.error = error
            except Exception as error:
                sending.error = ChannelError(f"a message could not be sent: {type(error).__name__}")
            sending.over.set()
            self._done()

        sending.worker = Worker("telegram", body)
        self._sending.append(sending)
        try:
            sending.worker.start()
        except RuntimeError:
            # No more threads, or the interpreter is ending.
            sending.error = ChannelError("no thread could be started to send a message")
            sending.over.set()
