"""The journal is read whole, once and in order, whatever happens to its reader and its files."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hantu.collect.base import CollectorState
from hantu.collect.journal import JournalLogCollector, probe
from hantu.collect.journal_process import JournalctlError
from hantu.model import LogEntry, LogLevel
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage, StoreError
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.journald import PrivateJournal
from tests.journald import journald as private
from tests.parts import require
from tests.waiting import wait_until

journald = private


class Desk:
    """A collector with its pipeline and store. A second one on the same store is a restart."""

    def __init__(self, namespace: str, store: LogStorage | None = None, **settings: Any) -> None:
        self.store: LogStorage = store or MemoryStore()
        self.pipeline = Pipeline(self.store, CommitSignal(self.store.cursor()), batch_ms=20)
        self.errors: list[Exception] = []
        self.collector = JournalLogCollector(
            pipeline=self.pipeline,
            store=self.store,
            namespace=namespace,
            on_error=self.errors.append,
            **settings,
        )

    def __enter__(self) -> Desk:
        self.pipeline.start()
        self.collector.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.collector.stop()
        assert self.collector.join(5)
        assert self.pipeline.stop(5)

    def entries(self, source_id: str = "app") -> list[LogEntry]:
        """Stored entries of one writer in the order of their arrival."""
        found = [entry for entry in self.store.export(LogQuery()) if entry.source_id == source_id]
        return sorted(found, key=lambda entry: entry.key)

    def messages(self, source_id: str = "app") -> list[str]:
        return [entry.message for entry in self.entries(source_id)]

    def wait(self, count: int, source_id: str = "app", timeout_s: float = 20) -> None:
        wait_until(lambda: len(self.entries(source_id)) >= count, timeout_s, 0.05)

    def gaps(self) -> list[dict[str, Any]]:
        found = [
            entry.metadata["gap"]
            for entry in self.store.export(LogQuery())
            if "gap" in (entry.metadata or {})
        ]
        return list(found)

    def state(self) -> CollectorState:
        return self.collector.status().state


def only(entries: Sequence[LogEntry]) -> LogEntry:
    assert len(entries) == 1, entries
    return entries[0]


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_every_line_is_there_once_and_in_order(journald: PrivateJournal) -> None:
    before = journald.write_lines(0, 1_000)
    with Desk(journald.namespace) as desk:
        after = journald.write_lines(1_000, 2_000)
        desk.wait(2_000)
        assert desk.messages() == before + after
        status = desk.collector.status()
        assert (status.key, status.source, status.state) == (
            "journal",
            "journal",
            CollectorState.COLLECTING,
        )
        assert status.lines >= 2_000
        assert status.gaps == 0
        assert "seen" in status.detail
    assert desk.state() is CollectorState.STOPPED
    times = [int(fields["__REALTIME_TIMESTAMP"]) * 1_000 for fields in journald.stored()]
    assert [entry.time_ns for entry in desk.entries()] == times


@pytest.mark.journal
@pytest.mark.promise("M28", "M29")
def test_an_entry_keeps_its_priority_fields_and_bytes(journald: PrivateJournal) -> None:
    for priority in range(8):
        journald.write(f"priority {priority}", priority=priority)
    journald.write(b"caf\xe9 \x00 \x1b[31mred\x1b[0m", "bytes")
    journald.write("a\nb", "lines", ORDER_ID=7, CODE_FILE="main.c", CODE_LINE=42, ERRNO=2)
    journald.send(
        [("MESSAGE", "one"), ("MESSAGE", "two"), ("TAG", "x"), ("TAG", "y"), ("SYSLOG_IDENTIFIER", "many")]
    )
    journald.send([("SYSLOG_IDENTIFIER", "bare"), ("STEP", "third")])
    with Desk(journald.namespace) as desk:
        desk.wait(1, "bare")
        assert [entry.level for entry in desk.entries()] == [
            *[LogLevel.FATAL] * 3,
            LogLevel.ERROR,
            LogLevel.WARN,
            LogLevel.INFO,
            LogLevel.INFO,
            LogLevel.DEBUG,
        ]
        assert only(desk.entries("bytes")).message == "caf\ufffd \x00 \x1b[31mred\x1b[0m"
        lines = only(desk.entries("lines"))
        assert lines.message == "a\nb"
        assert lines.metadata is not None
        assert lines.metadata["order_id"] == "7"
        assert (lines.metadata["code_line"], lines.metadata["errno"]) == (42, 2)
        assert lines.metadata["pid"] == os.getpid()
        assert lines.metadata["transport"] == "journal"
        many = only(desk.entries("many"))
        assert many.message == "one\ntwo"
        assert (many.metadata or {})["tag"] == ["x", "y"]
        assert only(desk.entries("bare")).message == "STEP=third"


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_a_message_of_a_megabyte_is_kept_to_the_limit_with_its_true_length(
    journald: PrivateJournal,
) -> None:
    journald.write("가" * 400_000, "text")
    journald.write(b"\xff" * 1_000_000, "binary")
    journald.write("after", "after")
    with Desk(journald.namespace) as desk:
        desk.wait(1, "after")
        for name, length in (("text", 1_200_000), ("binary", 1_000_000)):
            entry = only(desk.entries(name))
            assert 260_000 < len(entry.message.encode()) <= 262_144
            assert (entry.metadata or {})["truncated_bytes"] == length
        assert desk.messages("after") == ["after"]


@pytest.mark.journal
@pytest.mark.promise("M33")
def test_a_traceback_on_standard_error_is_one_entry_between_others(journald: PrivateJournal) -> None:
    trace = [
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 3, in <module>',
        "    run()",
        "ValueError: no such order",
    ]
    with journald.stream("api") as api, journald.stream("web") as web, Desk(journald.namespace) as desk:
        web.sendall(b"GET /1\n")
        for number, line in enumerate(trace):
            api.sendall(f"{line}\n".encode())
            web.sendall(f"GET /{number + 2}\n".encode())
        api.sendall(b"ready again\n<3>disk is full\n")
        desk.wait(3, "api")
        desk.wait(5, "web")
        first, second, third = desk.entries("api")
        assert first.message == "\n".join(trace)
        assert first.level is LogLevel.ERROR
        assert (first.metadata or {})["error_type"] == "ValueError"
        assert (second.message, second.level) == ("ready again", LogLevel.INFO)
        assert (third.message, third.level) == ("disk is full", LogLevel.ERROR)
        assert desk.messages("web") == [f"GET /{number}" for number in range(1, 6)]


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_reading_goes_on_exactly_after_each_restart(journald: PrivateJournal) -> None:
    store = MemoryStore()
    expected: list[str] = []
    for turn in range(5):
        expected += journald.write_lines(turn * 400, turn * 400 + 200)
        with Desk(journald.namespace, store) as desk:
            expected += journald.write_lines(turn * 400 + 200, turn * 400 + 400)
            if turn % 2:
                # Stopped in the middle of its work.
                wait_until(lambda: store.checkpoint("journal") is not None)
            else:
                desk.wait(len(expected))
    with Desk(journald.namespace, store) as desk:
        desk.wait(len(expected))
        assert desk.messages() == expected
        assert desk.gaps() == []


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_a_killed_journalctl_is_started_again(journald: PrivateJournal) -> None:
    expected = journald.write_lines(0, 100)
    with Desk(journald.namespace) as desk:
        for turn in range(1, 4):
            desk.wait(len(expected))
            process = desk.collector._process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            expected += journald.write_lines(turn * 100, turn * 100 + 100)
            desk.wait(len(expected))
        assert desk.messages() == expected
        assert len(desk.errors) == 3


class FailingStore(MemoryStore):
    """Refuses every third batch that has entries."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.failed = 0

    def write_batch(self, entries: Any, checkpoints: Any = None, *, durable: bool = False) -> Any:
        if entries:
            self.calls += 1
            if self.calls % 3 == 0 and self.failed < 3:
                self.failed += 1
                raise StoreError("no space left on device")
        return super().write_batch(entries, checkpoints, durable=durable)


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_what_the_store_refused_is_read_again(journald: PrivateJournal) -> None:
    store = FailingStore()
    expected: list[str] = []
    with Desk(journald.namespace, store) as desk:
        for turn in range(9):
            expected += journald.write_lines(turn * 100, turn * 100 + 100)
            desk.wait(len(expected))
        assert desk.messages() == expected
        assert store.failed == 3


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_rotation_loses_and_doubles_nothing(journald: PrivateJournal) -> None:
    store = MemoryStore()
    expected: list[str] = []
    with Desk(journald.namespace, store) as desk:
        for turn in range(4):
            expected += journald.write_lines(turn * 100, turn * 100 + 100)
            journald.rotate()
        desk.wait(len(expected))
    expected += journald.write_lines(400, 500)
    journald.rotate()
    with Desk(journald.namespace, store) as desk:
        expected += journald.write_lines(500, 600)
        desk.wait(len(expected))
        assert desk.messages() == expected
        assert desk.gaps() == []


@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.promise("M28")
def test_nothing_is_lost_or_doubled_through_nine_kills_and_eight_rotations(
    journald: PrivateJournal,
) -> None:
    expected: list[str] = []
    killed: list[int] = []
    with Desk(journald.namespace) as desk:
        for turn in range(9):
            expected += journald.write_lines(turn * 200, turn * 200 + 100)
            wait_until(lambda: desk.collector._process is not None)
            process = desk.collector._process
            if process is not None:
                os.kill(process.pid, signal.SIGKILL)
                killed.append(process.pid)
            expected += journald.write_lines(turn * 200 + 100, turn * 200 + 200)
            if turn:
                journald.rotate()
            wait_until(lambda: len(desk.errors) >= len(killed))
        desk.wait(len(expected))
        assert desk.messages() == expected
        assert desk.gaps() == []
    assert len(set(killed)) == 9
    cursors = [fields["__CURSOR"] for fields in journald.stored()]
    assert len(set(cursors)) == len(expected)


@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.promise("M28")
def test_what_is_vacuumed_under_a_slow_reader_is_counted_and_nothing_doubled(
    journald: PrivateJournal,
) -> None:
    with Desk(journald.namespace) as desk:
        expected = journald.write_lines(0, 100)
        desk.wait(100)
        process = desk.collector._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        for turn in range(1, 5):
            expected += journald.write_lines(turn * 100, turn * 100 + 100)
            journald.rotate()
        expected += journald.write_lines(500, 510)
        journald.journalctl("--sync")
        journald.vacuum()
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: "line 509" in desk.messages())
        read = desk.messages()
        assert read == [message for message in expected if message in set(read)]
        wait_until(lambda: sum(gap["lines"] for gap in desk.gaps()) >= len(expected) - len(read))


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_what_was_vacuumed_unread_is_told_as_one_counted_gap(journald: PrivateJournal) -> None:
    store = MemoryStore()
    seen = journald.write_lines(0, 100)
    with Desk(journald.namespace, store) as desk:
        desk.wait(100)
    journald.write_lines(100, 150)
    journald.rotate()
    lost = sum(fields["MESSAGE"].startswith("line") for fields in journald.stored()) - 100
    after = journald.write_lines(150, 160)
    journald.journalctl("--sync")
    journald.vacuum()
    with Desk(journald.namespace, store) as desk:
        desk.wait(110)
        assert desk.messages() == seen + after
        wait_until(desk.gaps)
        gap = only_gap(desk)
        assert gap["lines"] >= lost == 50
        assert gap["from_ns"] < gap["to_ns"]
        assert desk.collector.status().gaps == 1


def only_gap(desk: Desk) -> dict[str, Any]:
    gaps = desk.gaps()
    assert len(gaps) == 1
    return gaps[0]


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_a_journal_begun_anew_is_read_from_its_head_without_doubles(journald: PrivateJournal) -> None:
    store = MemoryStore()
    seen = journald.write_lines(0, 50)
    with Desk(journald.namespace, store) as desk:
        desk.wait(50)
    journald.end()
    shutil.rmtree(journald.folder)
    journald.start()
    new = journald.write_lines(50, 80)
    with Desk(journald.namespace, store) as desk:
        desk.wait(80)
        assert desk.messages() == seen + new
        assert only_gap(desk)["lines"] is None


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_a_damaged_checkpoint_does_not_stop_the_reading(journald: PrivateJournal) -> None:
    store = MemoryStore()
    expected = journald.write_lines(0, 20)
    stored = journald.stored()
    time_ns = int(stored[9]["__REALTIME_TIMESTAMP"]) * 1_000
    checkpoint = msgspec.json.encode({"cursor": "nonsense", "time_ns": time_ns})
    store.write_batch([], {"journal": checkpoint})
    with Desk(journald.namespace, store) as desk:
        desk.wait(10)
        assert desk.messages() == expected[10:]
    store.write_batch([], {"journal": b"\xff"})
    with Desk(journald.namespace, store) as desk:
        desk.wait(30)
        assert desk.messages() == expected[10:] + expected


@pytest.mark.journal
@pytest.mark.promise("M27")
def test_units_and_identifiers_choose_what_is_kept(journald: PrivateJournal) -> None:
    journald.write("a", "nginx")
    journald.write("b", "cron")
    journald.write("c", "sshd")
    journald.send([("MESSAGE", "d"), ("SYSLOG_IDENTIFIER", "systemd"), ("UNIT", "api.service")])
    journald.write("end", "cron.last")
    store = MemoryStore()
    with Desk(journald.namespace, store, units=("api",), identifiers=("cron*",)) as desk:
        desk.wait(1, "cron.last")
        kept = {entry.message for entry in store.export(LogQuery())}
        assert kept == {"b", "d", "end"}


@pytest.mark.journal
@pytest.mark.promise("M27")
def test_the_first_reading_begins_where_since_says(journald: PrivateJournal) -> None:
    journald.write_lines(0, 5)
    journald.journalctl("--sync")
    with Desk(journald.namespace, since="+1h") as desk:
        wait_until(lambda: desk.state() is CollectorState.COLLECTING)
        assert desk.entries() == []
    for since in ("-1h", "boot"):
        with Desk(journald.namespace, since=since) as desk:
            desk.wait(5)


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_nothing_is_left_behind_by_many_starts_and_stops(journald: PrivateJournal) -> None:
    journald.write_lines(0, 10)
    with Desk(journald.namespace) as desk:
        desk.wait(10)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(8):
            desk.collector.stop()
            assert desk.collector.join(5)
            desk.collector.start()
            wait_until(lambda: desk.state() is CollectorState.COLLECTING)
        assert len(os.listdir("/proc/self/fd")) == before
        assert desk.messages() == [f"line {number}" for number in range(10)]
    assert children() == []


def children() -> list[str]:
    """journalctl processes of this one, zombies included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(encoding="utf-8")
        except OSError:
            continue
        name, rest = words[words.index("(") + 1 :].rsplit(")", 1)
        if name == "journalctl" and int(rest.split()[1]) == os.getpid():
            found.append(folder.name)
    return found


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
