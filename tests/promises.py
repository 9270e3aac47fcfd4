"""docs/promises.md against the tests: `python -m tests.promises` checks, `--write` fills in the tests.

Each line of the table is `| M14 | words | state | tests |`; the state is done, part or open. A line
called done must have a test that carries its number, and every number a test carries must have a
line."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "promises.md"
STATES: Final = ("done", "part", "open")
NUMBERS: Final = {*(f"M{number}" for number in range(1, 120)), "M26a"}
_LINE: Final = re.compile(r"^\| (M\d+a?) \| (.+?) \| (\w+) \| (.*?) ?\|$")


def marked() -> dict[str, list[str]]:
    """Number → the tests that carry it, as `file::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT / "tests").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in _numbers(node):
                    found[number].append(f"{name}::{node.name}")
    return found


def _numbers(test: ast.FunctionDef) -> Iterator[str]:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise":
            yield from (arg.value for arg in decorator.args if isinstance(arg, ast.Constant))


def lines() -> dict[str, tuple[str, str, str]]:
    """Number → (words, state, tests) of docs/promises.md."""
    found = {}
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        if match := _LINE.match(text):
            number, words, state, tests = match.groups()
            found[number] = (words, state, tests)
    return found


def problems() -> list[str]:
    """What does not agree, a sentence each."""
    page, tests = lines(), marked()
    found = [f"{number} has no line in docs/promises.md" for number in sorted(NUMBERS - page.keys())]
    for number, (_, state, named) in page.items():
        if number not in NUMBERS:
            found.append(f"{number} is no promise")
        if state not in STATES:
            found.append(f"{number} is {state!r}; use one of {', '.join(STATES)}")
        if state == "done" and not tests.get(number):
            found.append(f"{number} is called done and no test carries its number")
        found += [
            f"{test} is named for {number} and does not carry it: run make promises"
            for test in re.findall(r"`(.+?)`", named)
            if test not in tests.get(number, [])
        ]
        if state == "done" and "`" not in named:
            found.append(f"{number} names no test: run make promises")
    found += [f"a test carries {number}, which has no line" for number in tests if number not in page]
    return found


def shown(tests: list[str]) -> str:
    """The tests as the table shows them: at most three, then how many more."""
    if not tests:
        return ""
    more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
    return ", ".join(f"`{test}`" for test in tests[:3]) + more


def write() -> None:
    """Fill in the tests column."""
    tests = marked()
    out = []
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        if match := _LINE.match(text):
            number, words, state, _ = match.groups()
            text = f"| {number} | {words} | {state} | {shown(tests.get(number, []))} |"
        out.append(text)
    PAGE.write_text("\n".join(out) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    for problem in problems():
        print(problem)
    sys.exit(1 if problems() else 0)
