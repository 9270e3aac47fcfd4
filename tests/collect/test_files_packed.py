"""A log that was copied, truncated and packed before it was read to its end."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.collect.filedesk import FileDesk, copytruncate, pack, rotate, write


@pytest.fixture
def desk(tmp_path: Path) -> FileDesk:
    (tmp_path / "app.log").touch()
    desk = FileDesk(tmp_path)
    desk.settle()
    return desk


@pytest.mark.promise("M26")
@pytest.mark.parametrize("committed", [0, None], ids=["nothing stored", "stored"])
def test_reading_goes_on_in_a_packed_copy_after_a_restart(
    desk: FileDesk, tmp_path: Path, committed: int | None
) -> None:
    path = tmp_path / "app.log"
    write(path, *(f"line {number} {'x' * 100}" for number in range(100)))
    desk.settle()
    write(path, *(f"line {number} {'x' * 100}" for number in range(100, 6_000)))
    pack(copytruncate(path))
    write(path, "after")
    desk.poll()
    desk.poll()
    desk.pipeline.commit(committed)
    assert len(desk.messages()) < 6_000
    desk.kill()
    desk.settle(seconds=10)
    assert [message.split()[1] for message in desk.messages()[:-1]] == [str(n) for n in range(6_000)]
    assert desk.messages()[-1] == "after"
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M26")
def test_a_truncated_file_that_is_longer_than_before_costs_no_gap(desk: FileDesk, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "read", "to the end")
    desk.settle()
    path.write_text("".join(f"new line {number}\n" for number in range(50)))
    desk.settle(seconds=10)
    assert desk.messages() == ["read", "to the end", *(f"new line {number}" for number in range(50))]
    assert desk.messages(gaps=True) == []


@pytest.mark.promise("M26")
def test_what_was_seen_unread_and_truncated_is_a_gap_of_its_own_length(
    desk: FileDesk, tmp_path: Path
) -> None:
    path = tmp_path / "app.log"
    write(path, *(f"line {number:05d} {'x' * 100}" for number in range(10_000)))
    desk.poll()
    desk.pipeline.commit()
    read = len(desk.messages())
    assert 0 < read < 10_000
    path.write_text("y" * 3_000_000 + "\n")
    desk.settle(seconds=10)
    (told,) = desk.messages(gaps=True)
    assert told.startswith(f"{(10_000 - read) * 112:,} bytes or more were lost here")


@pytest.mark.promise("M26", "M31")
@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_compressed_copy_that_is_being_written_is_not_read_beside_its_original(
    desk: FileDesk, tmp_path: Path, share: float, restarted: bool
) -> None:
    path = tmp_path / "app.log"
    write(path, "read")
    desk.settle()
    desk.kill()
    expected = ["read"]
    for part in range(2):
        # The first of them hantu has never seen.
        lines = [f"{part} line {number} {os.urandom(40).hex()}" for number in range(200)]
        write(path, *lines)
        expected += lines
        first = rotate(path)
    whole = gzip.compress(first.read_bytes())
    packed = first.with_name(first.name + ".gz")
    packed.write_bytes(whole[: int(len(whole) * share)])
    write(path, "new")
    desk.settle(seconds=10)
    assert desk.messages() == [*expected, "new"]
    packed.write_bytes(whole)
    os.utime(packed, ns=(first.stat().st_atime_ns, first.stat().st_mtime_ns))
    first.unlink()
    write(path, "newer")
    if restarted:
        desk.kill()
    desk.settle(seconds=10)
    assert desk.messages() == [*expected, "new", "newer"]
    assert desk.messages(gaps=True) == []


def test_a_packed_file_that_was_read_is_not_read_again(desk: FileDesk, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one", "two")
    desk.settle()
    pack(rotate(path))
    write(path, "three")
    desk.settle(seconds=10)
    desk.kill()
    desk.settle(seconds=10)
    assert desk.messages() == ["one", "two", "three"]
