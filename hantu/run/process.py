"""A program of its own: started, sent on the signals that come here, waited for."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

PASSED_ON: Final = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
)
STOPS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
WATCHED: Final = PASSED_ON | {signal.SIGCHLD}
KILL_AFTER_S: Final = 10.0
"""After being asked to end."""
LINGER_S: Final = 2.0
"""How long is listened to what a stopped program has started, after its own end."""
_BY_KERNEL: Final = 0x80


class Ended(NamedTuple):
    """How a program ended. code: as a shell says it, 128 + the number of a signal.

    stopped: the name of the signal that asked it to end, by way of us; "" when none did."""

    code: int
    signal_name: str
    stopped: str
    timed_out: bool
    cpu_ms: int
    peak_memory_bytes: int


class Program:
    """A program whose standard output and error come here. Blocks the signals that it passes on.

    Made in the main thread, before all others. Raises OSError when it cannot be started."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        # Ignored by whoever started us, its end could not be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        # At a terminal it must stay in the group that has the terminal; it gets Ctrl-C from there.
        self._own_group = not any(os.isatty(fd) for fd in (0, 1, 2))
        self._stop_asked = ""
        self._cancelled = False
        self._reaped = False
        stdout, to_stdout = os.pipe()
        stderr, to_stderr = os.pipe()
        try:
            self.pid = os.posix_spawnp(
                command[0],
                command,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, to_stdout, 1),
                    (os.POSIX_SPAWN_DUP2, to_stderr, 2),
                ],
                setpgroup=0 if self._own_group else os.getpgrp(),
                setsigmask=mask,
                # Python ignores these, which a program would inherit.
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except OSError:
            os.close(stdout)
            os.close(stderr)
            raise
        finally:
            os.close(to_stdout)
            os.close(to_stderr)
        self.stdout, self.stderr = stdout, stderr

    def cancel(self) -> None:
        """Have it end; from any thread."""
        self._cancelled = True
        self.wake()

    def wake(self) -> None:
        """Have wait() or linger() look again; from any thread."""
        os.kill(os.getpid(), signal.SIGCHLD)

    def wait(self, timeout_s: float | None) -> Ended:
        """Wait for its end, at most so long: then it is asked to end, and made to."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        kill_at: float | None = None
        timed_out = False
        while True:
            got = _next_signal(_least(until if not timed_out else None, kill_at))
            if got is not None and got.si_signo != signal.SIGCHLD:
                self._pass_on(got)
            if self._cancelled and kill_at is None:
                self._send(signal.SIGTERM)
                kill_at = time.monotonic() + KILL_AFTER_S
            now = time.monotonic()
            if until is not None and now >= until and not timed_out:
                timed_out = True
                self._send(signal.SIGTERM)
                # A program that is stopped hears nothing until it goes on.
                self._send(signal.SIGCONT)
                kill_at = now + KILL_AFTER_S
            elif kill_at is not None and now >= kill_at:
                self._send(signal.SIGKILL)
                kill_at = now + KILL_AFTER_S
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._reaped = True
                break
        code = os.waitstatus_to_exitcode(status)
        name = signal.Signals(-code).name if code < 0 and -code in _KNOWN else ""
        return Ended(
            code=128 - code if code < 0 else code,
            signal_name=name or (f"signal {-code}" if code < 0 else ""),
            stopped="cancelled" if self._cancelled else self._stop_asked,
            timed_out=timed_out,
            cpu_ms=round((usage.ru_utime + usage.ru_stime) * 1000),
            peak_memory_bytes=usage.ru_maxrss * 1024,
        )

    def linger(self, alive: Callable[[], bool], *, was_stopped: bool) -> None:
        """Wait while its streams are held open by what it started; not for long once all should end."""
        until = time.monotonic() + LINGER_S if was_stopped else None
        while alive() and (until is None or time.monotonic() < until):
            got = _next_signal(until)
            if got is not None and got.si_signo in STOPS:
                self._send(signal.Signals(got.si_signo))
                until = until or time.monotonic() + LINGER_S
        if alive():
            self._send(signal.SIGKILL)

    def _pass_on(self, got: signal.struct_siginfo) -> None:
        number = signal.Signals(got.si_signo)
        if number in STOPS:
            self._stop_asked = number.name
        if self._own_group or got.si_code != _BY_KERNEL:
            self._send(number)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._own_group:
                os.killpg(self.pid, number)
            elif not self._reaped:
                os.kill(self.pid, number)


_KNOWN: Final = frozenset(number.value for number in signal.Signals)


def _next_signal(until: float | None) -> signal.struct_siginfo | None:
    if until is None:
        return signal.sigwaitinfo(WATCHED)
    return signal.sigtimedwait(WATCHED, max(0.0, until - time.monotonic()))


def _least(*times: float | None) -> float | None:
    return min((each for each in times if each is not None), default=None)
