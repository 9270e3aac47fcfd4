"""Files rotated in every style while programs write 20,000 lines a second: each line once, in order."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.files import FileLogCollector, FileReader, Watch
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery, Order
from hantu.store.sqlite import SqliteStore
from hantu.tail import CommitSignal
from tests.fault import tally
from tests.fault.fast_writer import STYLES
from tests.fault.length import LONG, pick
from tests.running import ROOT
from tests.waiting import wait_until

RATE = 20_000
SECONDS = pick(2.0, 30.0)
TOGETHER = [[*STYLES]]
"""Within `make test` the styles share the rate."""


def _write(style: str, path: Path, rate: float, turns: float) -> tuple[int, int]:
    """How many lines a program wrote, and how often its log was rotated."""
    command = [sys.executable, "-m", "tests.fault.fast_writer", str(path), style]
    done = subprocess.run(
        [*command, str(rate), str(turns), str(SECONDS)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS * 4 + 30,
    )
    lines, turned = (int(word) for word in done.stdout.split())
    return lines, turned


@pytest.mark.fault
@pytest.mark.fault_row("R13", "R14")
@pytest.mark.timeout(pick(120, 600))
@pytest.mark.promise("M31")
@pytest.mark.parametrize("styles", [[style] for style in STYLES] if LONG else TOGETHER, ids="-".join)
def test_twenty_thousand_lines_a_second_through_rotations(tmp_path: Path, styles: list[str]) -> None:
    paths = {style: tmp_path / style / "app.log" for style in styles}
    for style, path in paths.items():
        path.parent.mkdir()
        if style == "switch":
            path.with_name("app-0000.data").touch()
            path.symlink_to(path.with_name("app-0000.data"))
        else:
            path.touch()
    store = SqliteStore.open(tmp_path / "hantu.db")
    pipeline = Pipeline(store, CommitSignal())
    pipeline.start()
    reader = FileReader(pipeline, store)
    collectors = [FileLogCollector(Watch(str(path), begin="start"), reader) for path in paths.values()]
    for collector in collectors:
        collector.start()
    try:
        for collector in collectors:
            wait_until(lambda: collector.status().state is CollectorState.COLLECTING)  # noqa: B023  now
        rate, turns = RATE / len(styles), 4 / len(styles)
        written: dict[str, int] = {}
        with ThreadPoolExecutor() as pool:
            for style, (lines, turned) in zip(
                paths, pool.map(lambda item: _write(*item, rate, turns), paths.items()), strict=True
            ):
                assert lines >= SECONDS * rate * 0.9
                assert turned >= SECONDS * turns - 1.5
                written[style] = lines
        wait_until(lambda: pipeline.written_total >= sum(written.values()), 60, 0.1)
        for style, path in paths.items():
            found = store.export(LogQuery(source_id=str(path), order=Order.OLDEST))
            messages = [entry.message for entry in sorted(found, key=lambda entry: entry.key)]
            numbers = [int(message.rsplit(" ", 1)[1]) for message in messages if " line " in message]
            assert tally.account(numbers, range(written[style]), gaps=len(messages) - len(numbers)) == (
                0,
                0,
            )
            assert numbers == sorted(numbers), style
        assert store.gaps() == ()
    finally:
        for collector in collectors:
            collector.stop()
        for collector in collectors:
            assert collector.join(10)
        assert pipeline.stop(10)
        store.close()
