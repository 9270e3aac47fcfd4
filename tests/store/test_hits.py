"""The nearest matches, and how much of the file they hold in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store.sqlite import hits, judge
from hantu.store.sqlite.snapshot import GROUP
from hantu.store.sqlite.sweep import Sweep, Unit
from tests.store.made import asked, many, opened

SEGMENTS = 12


def test_a_page_of_many_segments_holds_the_columns_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "FRAMES_MOST", 3)
    most = 0
    units: set[Unit] = set()
    frame = Unit.frame.fget
    assert frame is not None

    def counted(unit: Unit) -> object:
        nonlocal most
        units.add(unit)
        found = frame(unit)
        most = max(most, sum(each._frame is not None for each in units))
        return found

    monkeypatch.setattr(Unit, "frame", property(counted))
    lines = many(SEGMENTS * 5)
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for at in range(0, len(lines), 5):
            store.write_batch(lines[at : at + 5])
            store.seal()
        found = store.search(LogQuery(limit=1_000)).entries
    assert [entry.message for entry in found] == [line.message for line in reversed(lines)]
    assert len(units) == SEGMENTS
    assert most == 4


def test_a_query_over_many_blocks_holds_the_verdicts_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = Sweep.judged
    most = 0

    def counted(own: Sweep, block_no: int) -> object:
        nonlocal most
        found = judged(own, block_no)
        most = max(most, len(own._judge._kept))
        return found

    monkeypatch.setattr(Sweep, "judged", counted)
    lines = many(3 * GROUP + 8)
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        # Late lines: the blocks overlap in time, so that a page goes back and forth between them.
        order = [line for at in range(4) for line in lines[at::4]]
        for line in order:
            store.write_batch([line])
            store.seal()
        wanted = {
            text: store.search(asked(text)).entries for text in ("line", "line level:error", "*5 took*")
        }
        counts = {text: store.count(asked(text)) for text in wanted}
        assert most == 4
        most = 0
        monkeypatch.setattr(judge, "JUDGED_MOST", 1)
        assert {text: store.search(asked(text)).entries for text in wanted} == wanted
        assert {text: store.count(asked(text)) for text in wanted} == counts
        assert most == 1
    assert len(wanted["line"]) == 100
