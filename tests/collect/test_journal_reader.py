"""What the journal's reader says and refuses is told, and what it gives is read past its faults."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.journal import probe
from hantu.collect.journal_process import JournalctlError
from hantu.store.base import StoreError
from hantu.store.memory import MemoryStore
from tests.collect.journaldesk import Desk, only
from tests.journald import PrivateJournal
from tests.journald import journald as private
from tests.parts import require
from tests.waiting import wait_until

journald = private


# journalctl's own words, systemd 252.
DENIED = "No journal files were opened due to insufficient permissions."
HINT = """Hint: You are currently not seeing messages from other users and the system.
      Users in groups 'adm', 'systemd-journal' can see all messages.
      Pass -q to turn off this notice."""
ENTRY = (
    '{"__CURSOR":"s=0123456789abcdef0123456789abcdef;i=%x;b=0;m=0;t=0;x=0","MESSAGE":"own %d",'
    '"__REALTIME_TIMESTAMP":"1795228485422087","SYSLOG_IDENTIFIER":"app","PRIORITY":"6"}'
)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a journalctl of one's own on the path."""

    def install(script: str) -> None:
        path = tmp_path / "journalctl"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


@pytest.mark.promise("M30")
def test_no_permission_is_told_with_the_group_that_mends_it(fake: Callable[[str], None]) -> None:
    fake(f'echo "{DENIED}" >&2; exit 1')
    with Desk("") as desk:
        wait_until(lambda: desk.state() is CollectorState.FAILED)
        status = desk.collector.status()
        assert status.error == "no permission to read the system journal"
        assert "usermod -aG systemd-journal" in status.fix
        assert only_error(desk).fix == status.fix
        assert desk.pipeline.failing == ""
    problem = probe()
    assert problem is not None
    assert "systemd-journal" in problem.fix


def only_error(desk: Desk) -> JournalctlError:
    assert len(desk.errors) == 1
    error = desk.errors[0]
    assert isinstance(error, JournalctlError)
    return error


@pytest.mark.promise("M30")
def test_a_reader_that_sees_only_its_own_entries_collects_them_and_says_so(
    fake: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text(ENTRY % (1, 1) + "\n" + ENTRY % (9, 9) + "\n", encoding="utf-8")
    fake(f"cat >&2 <<'END'\n{HINT}\nEND\ncat {tmp_path}/out; exec sleep 60")
    with Desk("") as desk:
        desk.wait(2)
        status = desk.collector.status()
        assert status.state is CollectorState.COLLECTING
        assert "only hantu's own entries" in status.error
        assert "systemd-journal" in status.fix
        # Numbers that others' entries have are no loss.
        assert desk.gaps() == []


@pytest.mark.promise("M30")
def test_a_machine_without_journalctl_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Desk("") as desk:
        wait_until(lambda: desk.state() is CollectorState.ENDED)
        assert desk.collector.status().detail == "journalctl is not installed"
        assert desk.collector.status().error == ""
        assert desk.errors == []
    problem = probe()
    assert problem is not None
    assert problem.absent


@pytest.mark.promise("M30")
def test_a_failure_is_tried_again_unless_the_setting_says_manual(fake: Callable[[str], None]) -> None:
    fake('echo "Failed to open journal: Cannot allocate memory" >&2; exit 1')
    with Desk("") as desk:
        wait_until(lambda: len(desk.errors) >= 2)
        status = desk.collector.status()
        assert status.state is CollectorState.RECONNECTING
        assert "Cannot allocate memory" in status.error
        assert status.retry_in_s is not None
    with Desk("", reconnect="manual") as desk:
        wait_until(lambda: desk.state() is CollectorState.FAILED)
        assert len(desk.errors) == 1
        desk.collector.start()
        wait_until(lambda: len(desk.errors) == 2)


@pytest.mark.journal
@pytest.mark.promise("M30")
def test_another_user_is_refused_by_journalctl_in_the_words_that_are_known(
    journald: PrivateJournal,
) -> None:
    require("setpriv", shutil.which("setpriv") is not None, "install util-linux")
    journald.write_lines(0, 1)
    journald.journalctl("--sync")
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "journalctl"]
    done = subprocess.run(
        [*words, f"--namespace={journald.namespace}", "-o", "json", "-f"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == DENIED


class RefusingStore(MemoryStore):
    """Refuses the first entries, and after that to tell the checkpoint once."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def write_batch(self, entries: Any, checkpoints: Any = None, *, durable: bool = False) -> Any:
        if entries and not self.refused:
            self.refused.append("entries")
            raise StoreError("no space left on device")
        return super().write_batch(entries, checkpoints, durable=durable)

    def checkpoint(self, name: str) -> bytes | None:
        if self.refused == ["entries"]:
            self.refused.append("checkpoint")
            raise StoreError("disk I/O error")
        return super().checkpoint(name)


@pytest.mark.promise("M28")
def test_what_was_refused_is_read_again_when_the_checkpoint_could_not_be_read_at_first(
    fake: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text(ENTRY % (1, 1) + "\n", encoding="utf-8")
    fake(f"cat {tmp_path}/out; exit 1")
    store = RefusingStore()
    with Desk("", store) as desk:
        desk.wait(1)
        assert store.refused == ["entries", "checkpoint"]
        assert desk.messages() == ["own 1"]


def test_an_entry_too_long_to_hold_is_read_past(fake: Callable[[str], None], tmp_path: Path) -> None:
    place = '"__CURSOR":"s=0123456789abcdef0123456789abcdef;i=2;b=0;m=0;t=0;x=0"'
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        out.write(ENTRY % (1, 1) + "\n")
        out.write('{"MESSAGE":"dumped core","SYSLOG_IDENTIFIER":"big","COREDUMP":"')
        for _ in range(20):
            out.write("x" * 1024 * 1024)
        out.write(f'","__REALTIME_TIMESTAMP":"1795228485422087",{place}}}\n')
        out.write(ENTRY % (3, 3) + "\n")
    fake(f"cat {tmp_path}/out; exec sleep 60")
    with Desk("") as desk:
        desk.wait(2)
        big = only(desk.entries("big"))
        assert big.message == "dumped core"
        assert (big.metadata or {})["oversized_bytes"] > 20 * 1024 * 1024
        assert desk.messages() == ["own 1", "own 3"]
        assert desk.gaps() == []


def test_a_line_that_is_no_entry_stops_nothing(fake: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "out").write_text(f"nonsense\n{ENTRY % (1, 1)}\n[]\n\n{ENTRY % (2, 2)}\n", encoding="utf-8")
    fake(f"cat {tmp_path}/out; exec sleep 60")
    with Desk("") as desk:
        desk.wait(2)
        assert desk.messages() == ["own 1", "own 2"]
