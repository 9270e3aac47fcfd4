"""The nearest matches, and how much of the file they hold in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store.sqlite import hits
from hantu.store.sqlite.sweep import Unit
from tests.store.made import many, opened

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
