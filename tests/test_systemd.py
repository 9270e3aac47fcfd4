"""What systemd is told, and what it gives."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.systemd import Notifier, credential


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def environment(receiver: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": receiver.getsockname(), "HOME": "/", **more}


def test_systemd_is_told_each_state_in_its_own_words(listening: socket.socket) -> None:
    notifier = Notifier.taken_from(environment(listening))
    notifier.busy("making anew: 5 %", seconds=60)
    notifier.ready("answers")
    notifier.alive()
    notifier.stopping()
    said = [listening.recv(1000).decode().split("\n") for _ in range(4)]
    assert said == [
        ["STATUS=making anew: 5 %", "EXTEND_TIMEOUT_USEC=60000000"],
        ["READY=1", "STATUS=answers"],
        ["WATCHDOG=1"],
        ["STOPPING=1", "STATUS=writing what waits"],
    ]


def test_an_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0hantu-test-{os.getpid()}")
        receiver.settimeout(5)
        Notifier.taken_from({"NOTIFY_SOCKET": f"@hantu-test-{os.getpid()}"}).alive()
        assert receiver.recv(100) == b"WATCHDOG=1"


def test_programs_that_the_service_starts_do_not_see_systemds_variables(listening: socket.socket) -> None:
    environ = environment(listening, WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid()))
    assert Notifier.taken_from(environ).watchdog_s == 3.0
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}],
)
def test_a_watchdog_of_nobody_or_of_another_process_is_not_fed(watchdog: dict[str, str]) -> None:
    assert Notifier.taken_from(dict(watchdog)).watchdog_s is None


def test_nobody_listens_and_nothing_happens(tmp_path: Path) -> None:
    Notifier.taken_from({}).ready("answers")
    Notifier(str(tmp_path / "gone")).ready("answers")


def test_a_credential_is_its_text_and_a_missing_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "hantu.telegram_token").write_text("123:abc\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert credential("telegram_token", environ) == "123:abc"
    assert credential("callback_secret", environ) is None
    assert credential("telegram_token", {}) is None
