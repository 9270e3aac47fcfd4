"""docs/security.md: every row names tests that are there."""

from __future__ import annotations

import ast
import re

import pytest

from hantu.paths import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = {
    match[1]: re.findall(r"`([\w/]+\.py)::(\w+)`", match[0])
    for match in re.finditer(r"^\| (S\d+) \|.*$", PAGE, re.MULTILINE)
}


def test_the_table_has_every_row() -> None:
    assert list(ROWS) == [f"S{number}" for number in range(1, 23)]


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    assert ROWS[row]
    for file, name in ROWS[row]:
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, file


def test_the_roles_are_described() -> None:
    for role in ("viewer", "operator", "admin"):
        assert f"| {role} |" in PAGE
