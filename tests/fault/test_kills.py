"""SIGKILL and power cuts at random times under load: what was acknowledged is there, once."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from tests.fault import tally
from tests.fault.killed_writer import READER, Writer, numbers
from tests.fault.length import pick
from tests.fault.loop import LoopDisk, loop_disk
from tests.store.made import asked, opened

__all__ = ["loop_disk"]

KILLS = pick(15, 200)
CUTS = pick(3, 40)


@pytest.mark.fault
@pytest.mark.fault_row("R1")
@pytest.mark.timeout(pick(120, 1800))
@pytest.mark.promise("M13")
def test_a_writer_that_is_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    chance = random.Random(20261121)
    sent = 0
    for _ in range(KILLS):
        writer = Writer(path)
        writer.wait(chance.randint(1, 12))
        # Not right after a commit, but anywhere.
        threading.Event().wait(chance.random() * 0.03)
        writer.end()
        sent = max(sent, writer.sent)
        with opened(path, background=False) as store:
            checkpoint = int(store.checkpoint(READER) or 0)
            assert checkpoint >= writer.read > 0
            counted = store.stats()
            assert counted.by_source["docker"] == checkpoint
            assert counted.by_source.get("app", 0) >= sent
    _look(path, sent, runs=KILLS)


@pytest.mark.fault
@pytest.mark.fault_row("R2")
@pytest.mark.timeout(pick(120, 1800))
def test_a_power_cut_loses_nothing_that_was_durable_and_what_can_be_read_is_read_again(
    loop_disk: LoopDisk,
) -> None:
    chance = random.Random(20261121)
    sent = read = 0
    for _ in range(CUTS):
        folder = loop_disk.mount()
        path = folder / "hantu.db"
        writer = Writer(path)
        writer.wait(chance.randint(3, 40))
        writer.catch_up()
        # What is acknowledged while the disk goes is no promise: ext4 may end an fsync of that moment well.
        sent, read = max(sent, writer.sent), max(read, writer.read)
        loop_disk.cut_power()
        writer.end()
        loop_disk.unmount()
        loop_disk.mount()
        with opened(path, background=False) as store:
            # Later ones than were told may be there; earlier ones must be.
            assert len(numbers(store, "app")) >= sent
            checkpoint = int(store.checkpoint(READER) or 0)
            assert store.stats().by_source["docker"] == checkpoint
        loop_disk.unmount()
    loop_disk.mount()
    writer = Writer(path)
    while writer.read < read + 1:
        writer.wait(1)
    writer.end()
    _look(path, sent, runs=CUTS)


def _look(path: Path, sent: int, *, runs: int) -> None:
    """Every line once and in order, its index of words whole, the file sound."""
    with opened(path, background=False) as store:
        total = int(store.checkpoint(READER) or 0)
        lines = numbers(store, "docker")
        assert tally.account(lines, range(total), runs=runs) == (0, 0)
        assert lines == sorted(lines)
        pushes = numbers(store, "app")
        assert len(pushes) >= sent
        assert tally.account(pushes, range(len(pushes)), runs=0) == (0, 0)
        store.seal()
        assert store.count(asked("line"), cap=10**7).count == total
        assert store.count(LogQuery(), cap=10**7).count == total + len(pushes)
        assert store.maintain(100_000, now_ns=0, pause=lambda: False).problems == ()
