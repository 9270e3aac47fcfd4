"""Each kind of rotation, with hantu running and with hantu killed meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from tests.collect.filedesk import FileDesk, copytruncate, pack, rotate, write

Meanwhile = Callable[[FileDesk], None]


def _nothing(desk: FileDesk) -> None:
    return


def _kill(desk: FileDesk) -> None:
    desk.kill()


def _lose(desk: FileDesk) -> None:
    """Read on, but die before it is stored."""
    desk.poll()
    desk.kill()


meanwhile = pytest.mark.parametrize("meanwhile", [_nothing, _kill, _lose])


def long_lines(name: str, count: int) -> list[str]:
    return [f"{name} {number} {'x' * 60}" for number in range(count)]


@pytest.mark.promise("M26", "M31")
@meanwhile
def test_a_renamed_file_is_read_to_its_end_under_its_old_name(tmp_path: Path, meanwhile: Meanwhile) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, "two")
    meanwhile(desk)
    moved = rotate(path)
    write(path, "four")
    write(moved, "three")
    desk.settle()
    write(moved, "late")
    desk.settle(seconds=10)
    assert desk.messages(str(path)) == ["one", "two", "three", "four", "late"]
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M31")
@meanwhile
def test_files_rotated_between_two_looks_are_read_in_order(tmp_path: Path, meanwhile: Meanwhile) -> None:
    path = tmp_path / "app.log"
    write(path, "0")
    desk = FileDesk(tmp_path)
    desk.settle()
    meanwhile(desk)
    for number in range(1, 6):
        rotate(path)
        write(path, str(number))
    desk.settle()
    assert desk.messages() == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.promise("M31")
@meanwhile
def test_a_rotated_file_that_was_packed_at_once_is_read_to_its_end(
    tmp_path: Path, meanwhile: Meanwhile
) -> None:
    path = tmp_path / "app.log"
    write(path, *long_lines("first", 30))
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, "last of the first")
    meanwhile(desk)
    pack(rotate(path))
    write(path, "second")
    desk.settle()
    assert desk.messages() == [*long_lines("first", 30), "last of the first", "second"]
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M31")
@meanwhile
def test_a_copied_and_truncated_file_goes_on_in_the_copy(tmp_path: Path, meanwhile: Meanwhile) -> None:
    path = tmp_path / "app.log"
    write(path, *long_lines("first", 30))
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, "unread")
    meanwhile(desk)
    copytruncate(path)
    write(path, *long_lines("second", 60))
    desk.settle()
    write(path, "third")
    desk.settle()
    desk.kill()
    desk.settle()
    assert desk.messages() == [*long_lines("first", 30), "unread", *long_lines("second", 60), "third"]
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M26", "M31")
def test_a_copy_that_is_being_drained_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    lines = long_lines("first", 20_000)
    write(path, "begin")
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, *lines)
    copytruncate(path)
    write(path, "second")
    desk.poll()
    desk.poll()
    desk.pipeline.commit(1)
    desk.kill()
    desk.settle()
    assert desk.messages() == ["begin", *lines, "second"]


@pytest.mark.promise("M31")
@meanwhile
def test_a_deleted_and_made_again_file_is_read_from_its_start(tmp_path: Path, meanwhile: Meanwhile) -> None:
    path = tmp_path / "app.log"
    write(path, "one", "two")
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.pipeline.commit()
    meanwhile(desk)
    path.unlink()
    # The file system is free to give the same inode again.
    write(path, "three", "four", "five")
    desk.settle()
    assert desk.messages() == ["one", "two", "three", "four", "five"]


@pytest.mark.promise("M31")
def test_a_reused_inode_is_told_by_the_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "banner", "old one")
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.kill()
    inode = path.stat().st_ino
    with open(path, "wb") as same:
        same.write(b"banner\nnew one that is longer\n")
    assert path.stat().st_ino == inode
    desk.settle()
    assert desk.messages() == ["banner", "old one", "banner", "new one that is longer"]


@pytest.mark.promise("M31")
@meanwhile
def test_a_switched_link_is_followed_and_the_old_target_read_to_its_end(
    tmp_path: Path, meanwhile: Meanwhile
) -> None:
    link = tmp_path / "current.log"
    write(tmp_path / "app-1", "one")
    link.symlink_to("app-1")
    desk = FileDesk(tmp_path)
    desk.settle()
    write(tmp_path / "app-1", "two")
    meanwhile(desk)
    write(tmp_path / "app-2", "three")
    write(tmp_path / "app-3", "four")
    for target in ("app-2", "app-3"):
        (tmp_path / "new").symlink_to(target)
        os.replace(tmp_path / "new", link)
    desk.settle()
    assert desk.messages(str(link)) == ["one", "two", "three", "four"]


@pytest.mark.promise("M31")
def test_a_link_switched_back_goes_on_where_it_was(tmp_path: Path) -> None:
    link = tmp_path / "current.log"
    write(tmp_path / "a", "one")
    write(tmp_path / "b", "two")
    link.symlink_to("a")
    desk = FileDesk(tmp_path)
    desk.settle()
    for target, line in (("b", ""), ("a", "three")):
        link.unlink()
        link.symlink_to(target)
        if line:
            write(tmp_path / target, line)
        desk.settle(seconds=100)
    assert desk.messages() == ["one", "two", "three"]


@pytest.mark.promise("M31")
def test_a_file_matched_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    (tmp_path / "link.log").symlink_to("app.log")
    os.link(path, tmp_path / "second name.log")
    desk = FileDesk(tmp_path, str(tmp_path / "*.log"), str(tmp_path / "app*"), str(path))
    desk.settle()
    write(path, "two")
    desk.settle()
    assert desk.messages() == ["one", "two"]


@pytest.mark.promise("M31")
def test_a_rotated_name_within_the_pattern_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path, str(tmp_path / "app.log*"))
    desk.settle()
    for line in ("two", "three"):
        rotate(path)
        write(path, line)
        desk.settle(seconds=100)
        desk.kill()
        desk.settle()
    assert desk.messages(str(path)) == desk.messages() == ["one", "two", "three"]


@pytest.mark.promise("M31")
def test_dated_names_within_the_pattern_are_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    desk.settle()
    os.rename(path, tmp_path / "app-2026-02-01T10-00-00.000.log")
    write(path, "two")
    desk.settle(seconds=100)
    desk.kill()
    desk.settle()
    assert desk.messages() == ["one", "two"]


@pytest.mark.promise("M31")
def test_logs_with_numbered_names_are_logs_of_their_own(tmp_path: Path) -> None:
    for name in ("worker", "worker-1", "worker-2"):
        write(tmp_path / f"{name}.log", name)
    desk = FileDesk(tmp_path)
    desk.settle()
    rotate(tmp_path / "worker.log")
    write(tmp_path / "worker-1.log", "more")
    desk.settle()
    assert desk.messages(str(tmp_path / "worker-1.log")) == ["worker-1", "more"]
    assert desk.messages(str(tmp_path / "worker.log")) == ["worker"]


@pytest.mark.promise("M31")
def test_two_files_that_begin_alike_are_not_mixed_up(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    banner = long_lines("banner", 40)
    write(path, *banner, "first")
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.kill()
    rotate(path)
    write(path, *banner, "second")
    rotate(path)
    write(path, *banner, "third")
    desk.settle()
    assert desk.messages() == [*banner, "first", *banner, "second", *banner, "third"]


@pytest.mark.promise("M31")
def test_a_file_replaced_by_a_longer_copy_of_itself_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "mirror.log"
    write(path, *long_lines("line", 40))
    desk = FileDesk(tmp_path)
    desk.settle()
    for step in ("running", "killed"):
        if step == "killed":
            desk.kill()
        shutil.copy(path, tmp_path / "incoming")
        write(tmp_path / "incoming", step)
        os.replace(tmp_path / "incoming", path)
        desk.settle(seconds=10)
    assert desk.messages() == [*long_lines("line", 40), "running", "killed"]


@pytest.mark.promise("M31")
def test_an_emptied_file_is_read_on_and_what_was_unread_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "begin")
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, *long_lines("much", 20_000))
    desk.poll()
    os.truncate(path, 0)
    write(path, "after")
    desk.settle()
    [gap] = [e for e in desk.store.export(LogQuery()) if "gap" in (e.metadata or {})]
    assert gap.level is LogLevel.WARN
    assert gap.source_id == str(path)
    assert gap.metadata is not None
    assert gap.metadata["gap"]["lines"] is None
    assert gap.metadata["gap"]["bytes"] > 100_000
    assert desk.messages()[-1] == "after"


@pytest.mark.promise("M31")
def test_an_emptied_file_that_was_read_to_its_end_leaves_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    desk.settle()
    os.truncate(path, 0)
    desk.settle()
    write(path, "two")
    desk.settle()
    assert desk.messages() == ["one", "two"]
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M31")
def test_a_file_emptied_and_filled_to_the_same_size_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "aaa", "bbb")
    desk = FileDesk(tmp_path)
    desk.settle()
    os.truncate(path, 0)
    write(path, "ccc", "ddd")
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    desk.settle()
    assert desk.messages() == ["aaa", "bbb", "ccc", "ddd"]


@pytest.mark.promise("M31")
def test_a_writer_that_keeps_its_place_after_a_truncation_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    with open(path, "wb", buffering=0) as writer:
        writer.write("".join(f"{line}\n" for line in long_lines("one", 5_000)).encode())
        desk = FileDesk(tmp_path)
        desk.settle()
        copytruncate(path)
        writer.write(b"two\n")
        desk.settle()
        writer.write(b"three\n")
        desk.settle()
    assert desk.messages() == [*long_lines("one", 5_000), "two", "three"]


@pytest.mark.promise("M31")
def test_lines_lost_while_hantu_was_down_are_told(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.kill()
    (tmp_path / "keep the inode").hardlink_to(path)
    path.unlink()
    (tmp_path / "keep the inode").write_text("something else\n")
    write(path, "two")
    desk.settle()
    assert desk.messages() == ["one", "two"]
    assert len(desk.messages(gaps=True)) == 1


@pytest.mark.promise("M33")
def test_the_last_line_of_a_rotated_file_without_a_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    write(path, "no newline", end="")
    desk.settle(seconds=20)
    assert desk.messages() == ["one"]
    rotate(path)
    write(path, "two")
    desk.settle(seconds=20)
    assert sorted(desk.messages()) == ["no newline", "one", "two"]
    desk.kill()
    desk.settle(seconds=20)
    assert len(desk.messages()) == 3


@pytest.mark.promise("M26")
def test_rotated_files_are_let_go_once_they_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    desk = FileDesk(tmp_path)
    desk.settle()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        rotate(path)
        write(path, str(number))
        desk.settle(seconds=0.5)
    shutil.rmtree(tmp_path / "gone", ignore_errors=True)
    desk.settle(seconds=100)
    assert len(os.listdir("/proc/self/fd")) == before
    desk.rounds.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1
