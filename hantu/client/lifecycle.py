"""How the log library starts, is set up, forks and ends (CONTRACT M54, M67)."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hantu.client import health
from hantu.client.config import ClientConfig, load
from hantu.client.files import day_of, note_sent, prune
from hantu.client.health import Fault
from hantu.client.health_file import HealthFile
from hantu.client.logger import here
from hantu.threads import Worker

if TYPE_CHECKING:
    from hantu.client.delivery import Delivery
    from hantu.client.desk import Desk
    from hantu.client.logger import Route
    from hantu.errors import ErrorRecord


class Phase(Enum):
    """How far the library is. What happens to errors on their way is told by health and delivery."""

    INIT = "INIT"
    READY = "READY"
    FALLBACK = "FALLBACK"
    STOPPING = "STOPPING"
    ENDED = "ENDED"


MOVES: Final[Mapping[Phase, frozenset[Phase]]] = {
    Phase.INIT: frozenset({Phase.READY, Phase.FALLBACK, Phase.ENDED}),
    Phase.READY: frozenset({Phase.READY, Phase.STOPPING}),
    Phase.FALLBACK: frozenset({Phase.READY, Phase.FALLBACK, Phase.STOPPING}),
    Phase.STOPPING: frozenset({Phase.ENDED}),
    Phase.ENDED: frozenset({Phase.READY}),
}
"""From each phase, those that may follow: configure() makes READY again of what had ended."""


class Lifecycle:
    """The library of one process: the desk that records go to, and what delivers errors."""

    def __init__(self) -> None:
        self.phase = Phase.INIT
        self.config: ClientConfig | None = None
        self.desk: Desk | None = None
        self.delivery: Delivery | None = None
        self.end_runs: Callable[[], None] | None = None
        """Delivers what is known of runs, in programs that have any."""
        self._lock = threading.RLock()
        self._hooked = False
        self._starting = False

    def start(self) -> Route:
        """The route of records, made of the environment's settings when there is none. Never raises."""
        with self._lock:
            if self.phase is not Phase.INIT:
                return here.route
            if self._starting:
                # A signal handler, or __del__, that came in between in this very thread.
                from hantu.client.fallback import Fallback

                return Fallback()
            self._starting = True
            config = None
            try:
                config, wrong = load({}, os.environ)
                self._open(config)
            except Exception as error:
                return self._fall_back(error, config)
            finally:
                self._starting = False
            if wrong:
                self._say_wrong(wrong)
            return here.route

    def configure(self, given: Mapping[str, Any]) -> None:
        """Start with these settings, or go on with them. Raises ValueError for a wrong one."""
        config, wrong = load(given, os.environ)
        with self._lock:
            old_desk, old_delivery = self.desk, self.delivery
            try:
                self._open(config)
            except ValueError:
                raise
            except Exception as error:
                self._fall_back(error, config)
                return
            if wrong:
                self._say_wrong(wrong)
        _end(old_desk, old_delivery, config.exit_flush_s)

    def shutdown(self) -> bool:
        """Write and send what waits, within exit_flush_s; True when nothing was left."""
        if self.end_runs is not None:
            self.end_runs()
        with self._lock:
            if self.phase in (Phase.INIT, Phase.ENDED, Phase.STOPPING):
                return True
            self._move(Phase.STOPPING)
            limit_s = self.config.exit_flush_s if self.config else 0.0
            try:
                return _end(self.desk, self.delivery, limit_s)
            finally:
                self._move(Phase.ENDED)
                if self.config is not None:
                    HealthFile(self.config.log_dir, self.config.service, health.current).remove()

    def status(self) -> dict[str, Any]:
        """What works and what does not, as plain JSON values."""
        found = health.snapshot()
        found["phase"] = self.phase.value
        if self.config is not None:
            found["service"] = self.config.service
            found["log_dir"] = str(self.config.log_dir)
        if self.delivery is not None:
            found["delivery"] = self.delivery.snapshot()
        return found

    def after_fork(self) -> None:
        """Begin anew in a child: locks are free, nothing of the parent's waits here."""
        self._lock = threading.RLock()
        self._starting = False
        if self.desk is not None:
            self.desk.after_fork()
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            # A child that is just being made forgets what was registered before.
            util.register_after_fork(self, _end_with_multiprocessing)

    def _open(self, config: ClientConfig) -> None:
        from hantu.client.desk import Desk
        from hantu.client.opening import open_delivery, open_guard, open_notifier

        notifier = open_notifier(config)
        delivery = open_delivery(config, notifier, on_stored=lambda records: _stored(config, records))
        desk = Desk(config, delivery=delivery, guard=open_guard(config, notifier))
        desk.on_new_day = lambda: _prune(config)
        file = HealthFile(config.log_dir, config.service, health.current)
        health.current.changed = file.write
        health.cleared(Fault.INITIALISATION)
        self._move(Phase.READY)
        self.config, self.desk, self.delivery = config, desk, delivery
        here.route, here.level = desk, config.level
        if notifier is not None:
            notifier.resume()
        self._hook()

    def _fall_back(self, error: Exception, config: ClientConfig | None) -> Route:
        """Go on with standard error alone (M67)."""
        reason = f"the log library could not start: {type(error).__name__}: {error}"
        from hantu.client.fallback import Fallback

        route = Fallback(reason)
        self._move(Phase.FALLBACK)
        here.route, here.level = route, 0
        route.say(health.snapshot()["reason"])
        try:
            from hantu.client.opening import tell_start_failure

            tell_start_failure(config, os.environ, health.snapshot()["reason"])
        except Exception as failed:
            route.say(f"nobody was told: {type(failed).__name__}")
        return route

    def _say_wrong(self, wrong: Sequence[str]) -> None:
        """Wrong variables: their defaults are used, and it is said where people look (M67)."""
        health.fault(Fault.INITIALISATION, "; ".join(wrong))
        if self.desk is not None:
            self.desk.say("; ".join(wrong))
        if self.delivery is not None:
            from hantu.client.opening import tell_wrong_settings

            tell_wrong_settings(self.delivery, "; ".join(wrong))

    def _move(self, phase: Phase) -> None:
        if phase not in MOVES[self.phase]:
            raise RuntimeError(f"the log library cannot go from {self.phase.value} to {phase.value}")
        self.phase = phase

    def _hook(self) -> None:
        if self._hooked:
            return
        self._hooked = True
        atexit.register(self.shutdown)
        _end_with_multiprocessing(self)


def _end(desk: Desk | None, delivery: Delivery | None, limit_s: float) -> bool:
    settled = True
    if desk is not None:
        desk.end()
    if delivery is not None:
        settled = delivery.stop(limit_s)
    return settled


def _stored(config: ClientConfig, records: Sequence[ErrorRecord]) -> None:
    """Errors have arrived: their file need not be spared for them any longer."""
    note_sent(config.errors_dir, [day_of(record.time_ns) for record in records])


def _prune(config: ClientConfig) -> None:
    def body(_stop: threading.Event) -> None:
        today = date.today()  # noqa: DTZ011  files are named after local days
        prune(config.log_dir, keep_days=config.retention_days, today=today, spare_unsent=bool(config.dsn))

    try:
        Worker("log-prune", body).start()
    except RuntimeError:
        # No thread any more: the next day, or the next start, does it.
        return


def _end_with_multiprocessing(lifecycle: Lifecycle) -> None:
    """Have a child of multiprocessing end the library, for such a child ends without atexit."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, lifecycle.shutdown, exitpriority=10)


current: Final = Lifecycle()
if hasattr(os, "register_at_fork"):
    # From the beginning: another thread may be starting the library while this one forks.
    os.register_at_fork(after_in_child=current.after_fork)

start: Final = current.start
status: Final = current.status
shutdown: Final = current.shutdown


def configure(
    *,
    service: str | None = None,
    log_dir: str | Path | None = None,
    dsn: str | None = None,
    telegram_token: str | None = None,
    telegram_chat_id: str | int | None = None,
    level: str | int | None = None,
    stdout: bool | None = None,
    retention_days: int | None = None,
    cooldown_s: int | None = None,
    mask_keys: Sequence[str] | None = None,
    mask_rules: Sequence[tuple[str, str]] | None = None,
    **more: Any,
) -> None:
    """Set the library up; what is not given comes from HANTU_ variables, then from the defaults.

    more: the other settings of docs/library.md. Raises ValueError with what is allowed."""
    named = {
        "service": service,
        "log_dir": log_dir,
        "dsn": dsn,
        "telegram_token": telegram_token,
        "telegram_chat_id": telegram_chat_id,
        "level": level,
        "stdout": stdout,
        "retention_days": retention_days,
        "cooldown_s": cooldown_s,
        "mask_keys": mask_keys,
        "mask_rules": mask_rules,
    }
    given = {key: value for key, value in {**named, **more}.items() if value is not None}
    current.configure(given)
