"""The journal is read whole, once and in order, whatever happens to its reader and its files."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hantu.collect.base import CollectorState
from hantu.collect.journal import probe
from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import StoreError
from hantu.store.memory import MemoryStore
from tests.collect.journaldesk import Desk, only
from tests.fault import tally
from tests.fault.length import pick
from tests.journald import PrivateJournal
from tests.journald import journald as private
from tests.waiting import wait_until

journald = private


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
@pytest.mark.fault_row("R21")
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
@pytest.mark.promise("M95")
def test_a_folder_of_journal_files_is_read_as_a_container_has_it(
    journald: PrivateJournal, tmp_path: Path
) -> None:
    mounted = tmp_path / "host" / "journal"
    mounted.parent.mkdir()
    mounted.symlink_to(journald.folder)
    store = MemoryStore()
    expected = journald.write_lines(0, 200)
    with Desk("", store, directory=str(mounted)) as desk:
        expected += journald.write_lines(200, 300)
        desk.wait(len(expected))
        assert str(mounted) in desk.collector.status().name
    journald.rotate()
    expected += journald.write_lines(300, 400)
    with Desk("", store, directory=str(mounted)) as desk:
        desk.wait(len(expected))
        assert desk.messages() == expected
        assert desk.gaps() == []
    assert probe(directory=str(mounted)) is None
    assert probe(directory=str(tmp_path / "nowhere")) is not None


@pytest.mark.journal
@pytest.mark.promise("M28")
def test_a_killed_journalctl_is_started_again(journald: PrivateJournal) -> None:
    expected = journald.write_lines(0, 100)
    with Desk(journald.namespace) as desk:
        for turn in range(1, 4):
            desk.wait(len(expected))
            process = desk.following()
            os.kill(process, signal.SIGKILL)
            expected += journald.write_lines(turn * 100, turn * 100 + 100)
            desk.wait(len(expected))
        assert desk.messages() == expected
        assert len(desk.errors) == 3


@pytest.mark.journal
@pytest.mark.promise("M82")
def test_a_journalctl_that_is_told_to_end_with_hantu_is_no_failure(journald: PrivateJournal) -> None:
    """`systemctl stop` sends SIGTERM to all processes of the service."""
    with Desk(journald.namespace) as desk:
        desk.wait(len(journald.write_lines(0, 10)))
        process = desk.following()
        os.kill(process, signal.SIGTERM)
        wait_until(lambda: desk.collector._process is None)
    assert desk.errors == []


@pytest.mark.journal
def test_a_journalctl_that_alone_is_told_to_end_is_started_again(
    journald: PrivateJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.collect.journal.ORDER_S", 0.1)
    expected = journald.write_lines(0, 10)
    with Desk(journald.namespace) as desk:
        desk.wait(len(expected))
        process = desk.following()
        os.kill(process, signal.SIGTERM)
        expected += journald.write_lines(10, 20)
        desk.wait(len(expected))
        assert desk.messages() == expected
        assert len(desk.errors) == 1


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


def numbers_of(messages: list[str]) -> list[int]:
    """The numbers of the lines."""
    return [int(message.split()[1]) for message in messages]


@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.promise("M28")
@pytest.mark.fault_row("R15")
@pytest.mark.timeout(pick(120, 900))
def test_nothing_is_lost_or_doubled_through_nine_kills_and_eight_rotations(
    journald: PrivateJournal,
) -> None:
    kills, half = pick((9, 100), (20, 1_500))
    expected: list[str] = []
    killed: list[int] = []
    with Desk(journald.namespace) as desk:
        for turn in range(kills):
            at = turn * 2 * half
            expected += journald.write_lines(at, at + half)
            killed.append(desk.following())
            os.kill(killed[-1], signal.SIGKILL)
            expected += journald.write_lines(at + half, at + 2 * half)
            if turn:
                journald.rotate()
            wait_until(lambda: len(desk.errors) >= len(killed), 30)
        stored = LogQuery(source_id="app")
        wait_until(lambda: desk.store.count(stored, cap=10**6).count >= len(expected), 60, 0.2)
        found = numbers_of(desk.messages())
        assert tally.account(found, range(len(expected)), runs=len(killed)) == (0, 0)
        assert desk.messages() == expected
        assert desk.gaps() == []
    assert len(set(killed)) == kills
    cursors = [fields["__CURSOR"] for fields in journald.stored()]
    assert len(set(cursors)) == len(expected)


@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.promise("M28")
@pytest.mark.fault_row("R16")
@pytest.mark.timeout(pick(120, 900))
def test_what_is_vacuumed_under_a_slow_reader_is_counted_and_nothing_doubled(
    journald: PrivateJournal,
) -> None:
    turns, files, size = pick((1, 4, 100), (12, 8, 300))
    with Desk(journald.namespace) as desk:
        expected = journald.write_lines(0, size)
        desk.wait(size)
        for turn in range(turns):
            process = desk.following()
            os.kill(process, signal.SIGSTOP)
            for _ in range(files):
                expected += journald.write_lines(len(expected), len(expected) + size)
                journald.rotate()
            expected += journald.write_lines(len(expected), len(expected) + 10)
            journald.journalctl("--sync")
            journald.vacuum()
            os.kill(process, signal.SIGCONT)
            last = expected[-1]
            wait_until(lambda last=last: last in desk.messages(), 30, 0.1)
            read = desk.messages()
            assert read == [message for message in expected if message in set(read)], f"turn {turn}"
            missing = len(expected) - len(read)
            wait_until(lambda missing=missing: sum(gap["lines"] for gap in desk.gaps()) >= missing)
        # journald's own lines are missing, too.
        assert sum(gap["lines"] for gap in desk.gaps()) <= missing + 20 * turns
        tally.note(runs=turns, lines=len(expected), lost=0, doubled=0, gaps=missing)


@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.promise("M28")
@pytest.mark.fault_row("R16")
@pytest.mark.timeout(pick(120, 900))
@pytest.mark.parametrize("files", pick((1,), (1, 10, 50)))
def test_what_was_vacuumed_unread_is_told_as_one_counted_gap(journald: PrivateJournal, files: int) -> None:
    store = MemoryStore()
    seen = journald.write_lines(0, 100)
    with Desk(journald.namespace, store) as desk:
        desk.wait(100)
    at = 100
    for _ in range(files):
        journald.write_lines(at, at + 50)
        at += 50
        # What still waits in its socket would go to the next file.
        journald.journalctl("--sync")
        journald.rotate()
    lost = sum(fields["MESSAGE"].startswith("line") for fields in journald.stored()) - 100
    after = journald.write_lines(at, at + 10)
    journald.journalctl("--sync")
    journald.vacuum()
    with Desk(journald.namespace, store) as desk:
        desk.wait(110)
        assert desk.messages() == seen + after
        wait_until(desk.gaps)
        gap = only_gap(desk)
        assert gap["lines"] >= lost == 50 * files
        assert gap["lines"] <= lost + 10 + 5 * files, "journald's own lines, and no more"
        assert gap["from_ns"] < gap["to_ns"]
        assert desk.collector.status().gaps == 1
        tally.note(runs=1, lines=at + 10, lost=0, doubled=0, gaps=lost)


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
