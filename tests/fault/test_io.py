"""Each operation on the disk fails in turn: nothing is lost, doubled or damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hantu.store.base import StoreError
from hantu.store.sqlite import SqliteStore
from tests.fault import tally
from tests.fault.killed_writer import READER, numbers
from tests.fault.length import LONG, pick
from tests.store.made import many, opened

VFS = "hantu-failing"
POINTS = 16
"""Tried of each error within `make test`; within `make fault` all are."""
LINES = 1_200


class Failure:
    """Which operation fails: the n-th from when it was armed. lasting: all after it, too."""

    left: int | None = None
    lasting = False
    error: type[apsw.Error] = apsw.IOError
    operations = 0

    @classmethod
    def arm(cls, at: int | None, *, lasting: bool = False) -> None:
        """Fail the at-th operation from now; None: none."""
        cls.operations, cls.left, cls.lasting = 0, at, lasting

    @classmethod
    def meet(cls) -> None:
        """An operation happens."""
        cls.operations += 1
        if cls.left is None or cls.operations < cls.left:
            return
        if cls.operations == cls.left or cls.lasting:
            raise cls.error("made to fail")


class FailingFile(apsw.VFSFile):
    """A file whose changes can fail."""

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 — SQLite's name
        Failure.meet()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 — SQLite's name
        Failure.meet()
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 — SQLite's name
        Failure.meet()
        super().xTruncate(newsize)


class FailingVFS(apsw.VFS):
    """The default VFS with files that can fail: the database, its WAL, what SQLite makes beside them."""

    def __init__(self) -> None:
        super().__init__(VFS, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 — SQLite's name
        return FailingFile("", name, flags)


@pytest.fixture
def vfs() -> Iterator[str]:
    made = FailingVFS()
    Failure.arm(None)
    yield VFS
    Failure.arm(None)
    made.unregister()


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A file with some lines."""
    path = tmp_path / "begun.db"
    with opened(path, background=False, seal_entries=400) as store:
        store.write_batch(many(300), {READER: b"300"})
    return path


def _read_all(path: Path) -> int:
    """Read lines from the checkpoint on until all are stored, as a reader does; how many refusals that
    took. A failure of opening or closing is one more try."""
    refusals = 0
    while refusals < 50:
        try:
            with opened(path, background=False, seal_entries=400, vfs=VFS) as store:
                refusals += _read_on(store)
        except StoreError:
            refusals += 1
            Failure.lasting = False
            continue
        return refusals
    raise AssertionError("it never went on")


def _read_on(store: SqliteStore) -> int:
    refusals = 0
    while (at := int(store.checkpoint(READER) or 0)) < LINES:
        try:
            store.write_batch(many(60, first=at), {READER: b"%d" % (at + 60)}, durable=at % 120 == 0)
        except StoreError:
            refusals += 1
            # A disk that stays broken for a while works again in the end.
            Failure.lasting = False
            assert refusals < 50
    return refusals


@pytest.mark.fault
@pytest.mark.fault_row("R3")
@pytest.mark.timeout(pick(120, 1800))
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for a while"])
@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError], ids=["io", "full"])
def test_a_failure_at_any_operation_loses_and_doubles_nothing(
    tmp_path: Path, vfs: str, begun: Path, error: type[apsw.Error], lasting: bool
) -> None:
    copy = tmp_path / "copy.db"

    def fresh() -> None:
        for old in tmp_path.glob("copy.db*"):
            old.unlink()
        shutil.copy(begun, copy)

    fresh()
    Failure.arm(None)
    assert _read_all(copy) == 0
    operations = Failure.operations
    assert operations > 100
    step = 1 if LONG else operations / POINTS
    met = 0
    for point in sorted({1 + int(number * step) for number in range(int(operations / step))}):
        fresh()
        Failure.error = error
        Failure.arm(point, lasting=lasting)
        _read_all(copy)
        met += Failure.operations >= point
        Failure.arm(None)
        with opened(copy, background=False) as store:
            found = numbers(store, "docker")
            assert tally.account(found, range(LINES)) == (0, 0), f"operation {point}"
            assert found == sorted(found)
            assert int(store.checkpoint(READER) or 0) == LINES
            assert store.maintain(100_000, now_ns=0, pause=lambda: False).problems == ()
    assert met > POINTS // 2
