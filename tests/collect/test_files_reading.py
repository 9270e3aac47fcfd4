"""What is read of a file, from where, and what is left alone."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import tracemalloc
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hantu.collect.files.ledger import Patience
from hantu.model import MESSAGE_LIMIT_BYTES
from hantu.query.logquery import LogQuery
from tests.collect.filedesk import FileDesk, write
from tests.parts import require


@pytest.mark.promise("M31")
def test_a_file_that_was_there_is_read_from_its_end_and_a_new_one_from_its_start(tmp_path: Path) -> None:
    write(tmp_path / "old.log", "before")
    write(tmp_path / "old.log", "begun", end="")
    desk = FileDesk(tmp_path, begin="end")
    desk.settle()
    write(tmp_path / "old.log", " and ended", "after")
    write(tmp_path / "new.log", "from the start")
    desk.settle()
    assert desk.messages() == ["begun and ended", "after", "from the start"] or desk.messages() == [
        "from the start",
        "begun and ended",
        "after",
    ]


@pytest.mark.promise("M31")
def test_a_file_that_appeared_while_hantu_was_down_is_read_from_its_start(tmp_path: Path) -> None:
    write(tmp_path / "old.log", "before")
    desk = FileDesk(tmp_path, begin="end")
    desk.settle()
    desk.kill()
    write(tmp_path / "new.log", "new")
    write(tmp_path / "old.log", "more")
    desk.settle()
    assert sorted(desk.messages()) == ["more", "new"]


@pytest.mark.promise("M31")
def test_what_was_rotated_before_the_first_sight_is_not_read(tmp_path: Path) -> None:
    for name in ("app.log.2", "app.log.1", "app.log"):
        write(tmp_path / name, f"old in {name}")
    desk = FileDesk(tmp_path, str(tmp_path / "app.log*"), begin="end")
    desk.settle()
    os.rename(tmp_path / "app.log.2", tmp_path / "app.log.3")
    os.rename(tmp_path / "app.log.1", tmp_path / "app.log.2")
    os.rename(tmp_path / "app.log", tmp_path / "app.log.1")
    write(tmp_path / "app.log", "new")
    desk.settle()
    desk.kill()
    desk.settle()
    assert desk.messages() == ["new"]


@pytest.mark.promise("M33")
def test_lines_are_whole_however_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    desk = FileDesk(tmp_path)
    text = "주문 하나\n\r\n둘 🚨\nthe third, of some length\n".encode()
    for at in range(len(text)):
        with open(path, "ab", buffering=0) as file:
            file.write(text[at : at + 1])
        desk.poll(scan=at == 0)
    desk.settle()
    assert [message for message in desk.messages() if message.strip()] == [
        "주문 하나",
        "둘 🚨",
        "the third, of some length",
    ]


@pytest.mark.promise("M33")
@pytest.mark.fault_row("R21")
def test_bytes_that_are_no_text_do_not_stop_reading(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"\xef\xbb\xbfbom\nnul \0 in it\nbad \xff\xfe utf-8\nlast\n")
    desk = FileDesk(tmp_path)
    desk.settle()
    assert desk.messages() == ["bom", "nul \0 in it", "bad �� utf-8", "last"]


@pytest.mark.parametrize(
    "content",
    [
        "utf-16\n".encode("utf-16"),
        b"LPKSHHRH" + bytes(500),
        os.urandom(4) + bytes(60),
        b"\x1f\x8b\x08" + os.urandom(100),
    ],
    ids=["utf-16", "journal", "wtmp", "gzip by another name"],
)
def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "app.log").write_bytes(content)
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.rounds.show(desk.watches)
    assert desk.messages() == []
    assert desk.watches[0].left_alone == 1
    desk.kill()
    desk.settle()
    assert desk.messages() == []


def test_zeros_before_the_text_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(bytes(300_000) + b"text\n")
    desk = FileDesk(tmp_path)
    desk.settle()
    assert desk.messages() == ["text"]


def test_compressed_files_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "zero.log").symlink_to("/dev/zero")
    (tmp_path / "proc.log").symlink_to("/proc/kmsg")
    (tmp_path / "to the pipe.log").symlink_to("pipe.log")
    write(tmp_path / "app.log.1.gz", "packed")
    write(tmp_path / "app.log", "text")
    desk = FileDesk(tmp_path, str(tmp_path / "*"))
    desk.settle()
    assert desk.messages() == ["text"]
    assert desk.watches[0].error == ""


def test_a_link_out_of_the_configured_folders_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write(tmp_path / "secret", "root:x")
    (tmp_path / "logs" / "app.log").symlink_to(tmp_path / "secret")
    (tmp_path / "logs" / "inside.log").symlink_to("target")
    write(tmp_path / "logs" / "target", "inside")
    desk = FileDesk(tmp_path / "logs")
    desk.settle()
    desk.rounds.show(desk.watches)
    assert desk.messages() == ["inside"]
    assert "outside the configured folders" in desk.watches[0].error
    assert str(tmp_path / "secret") in desk.watches[0].fix


@pytest.mark.promise("M33")
@pytest.mark.fault_row("R21")
def test_a_huge_line_keeps_its_head_and_the_next_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    size = 40_000_000
    with open(path, "wb") as file:
        file.write(b"before\n")
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\nafter\n")
    desk = FileDesk(tmp_path)
    tracemalloc.start()
    desk.settle()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    before, long, after = sorted(desk.store.export(LogQuery()), key=lambda entry: entry.key)
    assert (before.message, after.message) == ("before", "after")
    assert long.metadata == {"truncated_bytes": size}
    assert set(long.message) == {"x"}
    assert len(long.message) == MESSAGE_LIMIT_BYTES
    assert peak < 8_000_000


def test_a_huge_line_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    desk = FileDesk(tmp_path)
    for _ in range(5):
        write(path, "y" * 300_000, end="")
        desk.settle()
        desk.kill()
    assert desk.messages() == []
    write(path, "", "after")
    desk.settle()
    assert [len(message) for message in desk.messages()] == [MESSAGE_LIMIT_BYTES, 5]


def test_a_big_file_does_not_keep_others_waiting(tmp_path: Path) -> None:
    with open(tmp_path / "big.log", "w") as file:
        file.writelines(f"line {number}\n" for number in range(200_000))
    write(tmp_path / "small.log", "small")
    desk = FileDesk(tmp_path)
    desk.poll()
    desk.pipeline.commit()
    assert "small" in desk.messages()
    desk.settle()
    assert len(desk.messages()) == 200_001


@pytest.mark.promise("M33")
def test_held_lines_are_given_out_after_a_while_and_read_again_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    desk = FileDesk(tmp_path, hold=2, patience=Patience(hold_s=0.3))
    write(path, "one", "two", "three")
    desk.poll()
    desk.pipeline.commit()
    assert desk.messages() == ["one"]
    desk.kill()
    desk.settle(seconds=2)
    assert desk.messages() == ["one", "two", "three"]


@pytest.mark.promise("M26")
def test_a_failed_store_is_read_for_again_without_a_double(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path, begin="end")
    desk.poll()
    desk.pipeline.fail()
    write(path, "two")
    desk.settle()
    write(path, "three")
    desk.poll()
    os.unlink(path)
    desk.pipeline.fail()
    desk.settle()
    assert desk.messages() == ["two", "three"]


def _as_nobody(folder: Path, answer: Connection) -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    desk = FileDesk(folder, begin="end")
    desk.settle()
    desk.rounds.show(desk.watches)
    answer.send((desk.watches[0].error, desk.watches[0].fix))
    answer.recv()
    desk.settle(seconds=5)
    desk.rounds.show(desk.watches)
    answer.send((desk.watches[0].error, desk.messages()))


@pytest.mark.promise("M31")
def test_a_file_that_may_not_be_read_is_told_with_the_fix_and_read_once_it_may(tmp_path: Path) -> None:
    require("root", os.geteuid() == 0, "only root can become somebody else")
    folder = tmp_path / "logs"
    folder.mkdir()
    write(folder / "app.log", "before")
    os.chmod(folder / "app.log", 0o600)
    for parent in (folder, *folder.parents):
        if parent.is_relative_to("/tmp") and parent.stat().st_mode & 0o055 != 0o055:
            os.chmod(parent, 0o755)
    # Everything is imported once before: the other user may not read where Python lies.
    FileDesk(folder).settle()
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_as_nobody, args=(folder, there))
    child.start()
    try:
        assert here.poll(30)
        error, fix = here.recv()
        assert error == f"cannot read {folder}/app.log: permission denied"
        assert fix == f"sudo setfacl -R -m u:nobody:rX,d:u:nobody:rX {folder}"
        write(folder / "app.log", "after")
        os.chmod(folder / "app.log", 0o644)
        here.send("go on")
        assert here.poll(30)
        assert here.recv() == ("", ["after"])
    finally:
        child.join(30)
        here.close()
        there.close()


def test_too_many_open_files_cost_no_line(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "before")
    desk = FileDesk(tmp_path, begin="end")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
    try:
        desk.poll(scan=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    desk.settle(seconds=3)
    write(path, "after")
    desk.settle(seconds=3)
    assert desk.messages() == ["after"]


def test_a_look_at_files_that_did_not_change_reads_and_opens_nothing(tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path / f"{number}.log", "line")
    desk = FileDesk(tmp_path, begin="end")
    desk.settle()
    opened, calls = len(os.listdir("/proc/self/fd")), _reads()
    for _ in range(20):
        desk.poll()
    assert _reads() - calls < 10
    assert len(os.listdir("/proc/self/fd")) == opened
    desk.rounds.close()
    assert len(os.listdir("/proc/self/fd")) <= opened - 200


def _reads() -> int:
    """Read calls of this process so far."""
    found = re.search(r"syscr: (\d+)", Path("/proc/self/io").read_text())
    assert found is not None
    return int(found.group(1))
