"""The fault matrix: each row, and the tests that try it. `python -m tests.fault.matrix --write` puts the
table of the last `make fault` into docs/reliability.md."""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PAGE: Final = ROOT / "docs" / "reliability.md"
RESULTS: Final = ROOT / "build" / "fault.json"
HEAD: Final = "<!-- table of make fault -->"
FOOT: Final = "<!-- end of table -->"

ROWS: Final = {
    "R1": "kill −9 of the writer at random times under load",
    "R2": "power cut",
    "R3": "I/O error or no room at each operation in turn",
    "R5": "disk full",
    "R6": "file system turns read-only",
    "R7": "a page of the database is overwritten",
    "R8": "clock set back by a day",
    "R9": "kill −9 of the reader of a container",
    "R10": "Docker engine restarted and killed",
    "R11": "container at full speed",
    "R12": "Docker rotates its log files",
    "R13": "files renamed, switched, made anew, packed at 20,000 lines/s",
    "R14": "copytruncate, with and without kills",
    "R15": "journal reader killed, journald rotated",
    "R16": "journal vacuumed under the reader",
    "R17": "500 live tails",
    "R18": "live tail that stops reading",
    "R19": "more live tails than the cap",
    "R20": "SIGTERM under load with open tails",
    "R21": "line of 1 GB, NUL, bytes that are no text",
    "R22": "Telegram refuses, hangs, is down",
    "R23": "second instance on the same file",
}


@cache
def marked() -> dict[str, list[str]]:
    """Row → the tests that carry it, as `file::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT / "tests").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in _rows(node):
                    found[row].append(f"{name}::{node.name}")
    return found


def _rows(test: ast.FunctionDef) -> list[str]:
    return [
        str(arg.value)
        for decorator in test.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault_row"
        for arg in decorator.args
        if isinstance(arg, ast.Constant)
    ]


def kept(length: str) -> dict[str, Any]:
    """The rows of the last runs of this length."""
    if not RESULTS.exists():
        return {}
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows: dict[str, Any] = results["rows"] if results["length"] == length else {}
    return {row: found for row, found in rows.items() if "commit" in found}


def table(results: dict[str, Any]) -> str:
    """The table of a run as Markdown."""
    rows = results["rows"]
    days = sorted({found["at"] for found in rows.values()})
    lines = [
        f"Measured on {results['machine']}, {' to '.join(dict.fromkeys((days[0], days[-1])))}; "
        f"lengths: {results['length']}.",
        "",
        "| Row | Fault | Tests | Runs | Lines | Lost | Doubled | Gaps admitted | Seconds | Result | At |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    for row, what in ROWS.items():
        found = rows.get(row)
        if found is None:
            lines.append(f"| {row} | {what} | 0 | | | | | | | not run | |")
            continue
        counts = [
            f"{found[name]:,}" if found["counted"] or name == "runs" else "–"
            for name in ("runs", "lines", "lost", "doubled", "gaps")
        ]
        cells = [row, what, str(found["tests"]), *counts]
        cells += [f"{found['seconds']:.0f}", found["result"], found["commit"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write() -> None:
    """Put the table of the last `make fault` into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(HEAD)
    _, _, after = rest.partition(FOOT)
    shown = table(json.loads(RESULTS.read_text(encoding="utf-8")))
    PAGE.write_text(f"{before}{HEAD}\n\n{shown}\n\n{FOOT}{after}", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    for row, tests in sorted(marked().items(), key=lambda item: int(item[0][1:])):
        print(row, ROWS.get(row, "?"), *tests, sep="\n    ")
