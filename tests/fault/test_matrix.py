"""The fault matrix is whole: each row has a test, and the page tells of each."""

from __future__ import annotations

import pytest

from tests.fault.matrix import PAGE, ROOT, ROWS, marked
from tests.fault.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_a_test(row: str) -> None:
    assert marked().get(row), f"{row} ({ROWS[row]}) has no test that carries its mark"


def test_each_mark_is_a_row() -> None:
    assert marked().keys() <= ROWS.keys()


@pytest.mark.parametrize("row", ROWS)
def test_the_page_tells_of_each_row(row: str) -> None:
    assert f"| {row} | {ROWS[row]} |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.row} {mutant.what}")
def test_each_mutant_still_breaks_one_place(mutant: Mutant) -> None:
    assert mutant.path.read_text(encoding="utf-8").count(mutant.before) == 1
    path, _, word = mutant.test.rpartition(" -k ")
    for name in (path or word).split():
        assert word in (ROOT / name).read_text(encoding="utf-8") or not path


def test_each_row_has_a_mutant() -> None:
    assert {mutant.row for mutant in MUTANTS} == set(ROWS)
