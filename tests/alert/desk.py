"""An alert engine over a real store, with a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hantu.alert import AlertEngine, ServiceFault
from hantu.alert.report import Disk
from hantu.client.outgoing import Patience
from hantu.client.telegram import Telegram
from hantu.model import APP, LogEntry, LogLevel
from hantu.pipeline import Pipeline, Submission
from hantu.store.base import WriteResult
from hantu.store.error_base import ErrorGroup, ErrorQuery
from hantu.store.sqlite import SqliteStore
from hantu.tail import CommitSignal
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.waiting import wait_until

SECOND_NS = 1_000_000_000
NOON_NS = 1_795_230_000 * SECOND_NS
"""2026-11-21 12:00:00 in Seoul."""


class Clock:
    """Seconds that the test moves on."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.passed_s += seconds

    def monotonic_s(self) -> float:
        """As time.monotonic()."""
        return 1_000.0 + self.passed_s

    def now_ns(self) -> int:
        """As time.time_ns()."""
        return NOON_NS + round(self.passed_s * SECOND_NS)


class Desk:
    """The parts of a service that alerts need. engine: the one that runs now."""

    def __init__(self, folder: Path, api: BotApi) -> None:
        self.api = api
        self.clock = Clock()
        self.store = SqliteStore.open(folder / "hantu.db")
        self.signal = CommitSignal(self.store.cursor())
        self.pipeline = Pipeline(self.store, self.signal, batch_ms=1)
        self.pipeline.start()
        self.faults: list[ServiceFault] = []
        self.engine = self.start()

    def start(self, **settings: Any) -> AlertEngine:
        """A new engine takes the place of the one before, which may have ended in any way."""
        token = settings.pop("token", TOKEN)
        limit_s = settings.pop("limit_s", 5.0)
        given: dict[str, Any] = {
            "cooldown_s": 300,
            "report_at": "off",
            "public_url": "",
            "patience": Patience((5.0, 30.0)),
        }
        channel = Telegram(token, CHAT, self.api.url, connect_limit_s=limit_s, answer_limit_s=limit_s)
        self.engine = AlertEngine(
            self.store,
            self.pipeline,
            self.signal,
            channel,
            faults=lambda: self.faults,
            disk=lambda: Disk(1_250_000_000, 20_000_000_000, 7.0),
            clock=self.clock.monotonic_s,
            now_ns=self.clock.now_ns,
            **(given | settings),
        )
        self.engine.begin()
        return self.engine

    def push(self, *entries: LogEntry) -> None:
        """Have entries stored by the pipeline; returns after their commit."""
        done = threading.Event()
        results: list[WriteResult | None] = []

        def settled(result: WriteResult | None) -> None:
            results.append(result)
            done.set()

        self.pipeline.submit(Submission(entries, settled=settled))
        assert done.wait(10)
        assert results[0] is not None

    def error(self, message: str = "주문 실행 실패: 잔고 부족", **parts: Any) -> None:
        """Have an error stored that happens now."""
        self.push(self.entry(message, **parts))

    def entry(
        self,
        message: str = "주문 실행 실패: 잔고 부족",
        *,
        service: str = "scheduler",
        kind: str = "InsufficientBalance",
        level: LogLevel = LogLevel.ERROR,
        age_s: float = 0,
        **metadata: Any,
    ) -> LogEntry:
        """An error as the log library pushes it, age_s seconds ago."""
        return LogEntry(
            APP,
            service,
            level,
            message,
            self.clock.now_ns() - round(age_s * SECOND_NS),
            metadata={
                "service": service,
                "module": "trading_engine",
                "function": "execute_order",
                "error_type": kind,
                "stack_trace": f'File "core/engine.py", line 123\n    raise {kind}()\n{kind}',
                "trace_id": "abc12345",
                **metadata,
            },
        )

    def until(self, condition: Callable[[], object]) -> None:
        """Let the engine work until it has read everything, and something holds."""

        def met() -> object:
            caught_up = self.engine.step() > 0
            return caught_up and condition()

        wait_until(met, every_s=0.005)

    def settle(self) -> list[str]:
        """Let the engine work until nothing waits to be sent; all texts that were taken so far."""
        self.until(lambda: not self.engine.figures().waiting)
        return self.api.texts

    def after(self, seconds: float) -> list[str]:
        """Let time pass, then as settle()."""
        self.clock.forward(seconds)
        return self.settle()

    def group(self) -> ErrorGroup:
        """The one group that there is."""
        (group,) = self.store.errors(ErrorQuery()).groups
        return group

    def close(self) -> None:
        """End everything."""
        self.api.forget()
        self.engine.finish()
        self.pipeline.stop(5)
        self.store.close()


def kinds(count: int) -> list[str]:
    """Names that no folding makes equal."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [f"{letters[at // 26 % 26]}{letters[at % 26]}{letters[at // 676]}Error" for at in range(count)]
