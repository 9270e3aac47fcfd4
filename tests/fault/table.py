"""A plugin of pytest's for `make fault`: the choice of rows, progress within a long test, the table at the
end (-p tests.fault.table)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from tests.fault import tally
from tests.fault.length import LONG
from tests.fault.matrix import RESULTS, ROOT, ROWS, kept, marked

_WIDTHS = (7, 12, 6, 9, 6)
_PROGRESS_EVERY_S = 20.0

_rows: dict[str, dict[str, Any]] = {}
_seen: dict[str, set[str]] = {}
_chosen: set[str] = set(ROWS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rows "R7 R8"`: these rows alone."""
    parser.addoption("--rows", default="", help="rows of the fault matrix to try; none: all")


def pytest_configure(config: pytest.Config) -> None:
    """Take over the choice of rows, and say now and then how far a long test is."""
    rows = str(config.getoption("--rows")).replace(",", " ").split()
    unknown = set(rows) - ROWS.keys()
    if unknown:
        raise pytest.UsageError(f"no rows of the matrix: {', '.join(sorted(unknown))}")
    if rows:
        _chosen.intersection_update(rows)
    tally.heard.append(_Progress(config).tell)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what tries none of the chosen rows."""
    wanted = [item for item in items if _rows_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _rows_of(item)])
    items[:] = wanted


class _Progress:
    """A line of what the running test has counted, every so many seconds."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told_s = time.monotonic()

    def tell(self, counted: Counter[str]) -> None:
        """Say it when the last word was long ago."""
        if time.monotonic() - self._told_s < _PROGRESS_EVERY_S:
            return
        self._told_s = time.monotonic()
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if reporter is None or capture is None:
            return
        words = ", ".join(f"{counted[name]:,} {name}" for name in tally.COUNTED)
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"    … {words}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Gather what each test of a row did."""
    report = yield
    for row in _rows_of(item):
        _gather(row, report)
        if report.when == "call":
            _seen.setdefault(row, set()).add(report.nodeid.removeprefix("tests/").partition("[")[0])
    return report


def _rows_of(item: pytest.Item) -> set[str]:
    return {row for mark in item.iter_markers("fault_row") for row in mark.args} & _chosen


def _gather(row: str, report: pytest.TestReport) -> None:
    found = _rows.setdefault(
        row,
        {"tests": 0, "seconds": 0.0, "result": "pass", "counted": False, **dict.fromkeys(tally.COUNTED, 0)},
    )
    found["seconds"] += report.duration
    if report.failed:
        found["result"] = "FAIL"
    elif report.skipped and found["result"] == "pass":
        found["result"] = "not everywhere: " + str(report.longrepr)[-120:]
    if report.when != "call":
        return
    found["tests"] += 1
    counted = tally.noted(report.nodeid)
    found["counted"] |= bool(counted)
    for name, count in (counted or Counter(runs=1)).items():
        found[name] += count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, and keep its whole rows for the page."""
    if not _rows:
        return
    tests = marked()
    parts = {row for row in _rows if _seen.get(row, set()) != set(tests[row])}
    RESULTS.parent.mkdir(exist_ok=True)
    whole = {row: found for row, found in _rows.items() if row not in parts}
    RESULTS.write_text(json.dumps(_results(whole), indent=1), encoding="utf-8")
    out = terminalreporter
    out.section("faults")
    out.write_line("row     runs       lines  lost  doubled  gaps      s  result")
    for row, what in ROWS.items():
        found = _rows.get(row)
        if found is None:
            continue
        counts = [found[name] if found["counted"] or name == "runs" else "–" for name in tally.COUNTED]
        shown = [f"{count:,}" if isinstance(count, int) else count for count in counts]
        cells = "".join(text.rjust(width) for text, width in zip(shown, _WIDTHS, strict=True))
        only = " (not all of its tests)" if row in parts else ""
        out.write_line(f"{row:<5}{cells}{found['seconds']:>7.0f}  {found['result']}{only}: {what}")


def _results(whole: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """This run's rows, and of those that it did not try what the last run of this length had."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    for found in whole.values():
        found["commit"] = commit.stdout.strip()
        found["at"] = time.strftime("%Y-%m-%d")
    length = "long" if LONG else "short"
    return {
        "machine": f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}",
        "length": length,
        "rows": kept(length) | whole,
    }
