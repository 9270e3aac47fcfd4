"""A plugin of pytest's for `make fault`: the table at the end (-p tests.fault.table)."""

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

from tests.fault.length import LONG
from tests.fault.matrix import RESULTS, ROOT, ROWS
from tests.fault.tally import COUNTED, noted

_WIDTHS = (7, 12, 6, 9, 6)

_rows: dict[str, dict[str, Any]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Gather what each test of a row did."""
    report = yield
    for mark in item.iter_markers("fault_row"):
        for row in mark.args:
            _gather(row, report)
    return report


def _gather(row: str, report: pytest.TestReport) -> None:
    found = _rows.setdefault(
        row,
        {"tests": 0, "seconds": 0.0, "result": "pass", "counted": False, **dict.fromkeys(COUNTED, 0)},
    )
    found["seconds"] += report.duration
    if report.failed:
        found["result"] = "FAIL"
    elif report.skipped and found["result"] == "pass":
        found["result"] = "not everywhere: " + str(report.longrepr)[-120:]
    if report.when != "call":
        return
    found["tests"] += 1
    counted = noted(report.nodeid)
    found["counted"] |= bool(counted)
    for name, count in (counted or Counter(runs=1)).items():
        found[name] += count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, and keep it for the page."""
    if not _rows:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_results(), indent=1), encoding="utf-8")
    out = terminalreporter
    out.section("faults")
    out.write_line("row     runs       lines  lost  doubled  gaps      s  result")
    for row, what in ROWS.items():
        found = _rows.get(row)
        if found is None:
            continue
        counts = [found[name] if found["counted"] or name == "runs" else "–" for name in COUNTED]
        shown = [f"{count:,}" if isinstance(count, int) else count for count in counts]
        cells = "".join(text.rjust(width) for text, width in zip(shown, _WIDTHS, strict=True))
        out.write_line(f"{row:<5}{cells}{found['seconds']:>7.0f}  {found['result']}: {what}")


def _results() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip(),
        "at": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}",
        "length": "long" if LONG else "short",
        "rows": _rows,
    }
