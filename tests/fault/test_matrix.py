"""The fault matrix is whole: each row has a test, and the page tells of each."""

from __future__ import annotations

import pytest

from tests.fault.matrix import PAGE, ROWS, marked


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_a_test(row: str) -> None:
    assert marked().get(row), f"{row} ({ROWS[row]}) has no test that carries its mark"


def test_each_mark_is_a_row() -> None:
    assert marked().keys() <= ROWS.keys()


@pytest.mark.parametrize("row", ROWS)
def test_the_page_tells_of_each_row(row: str) -> None:
    assert f"| {row} | {ROWS[row]} |" in PAGE.read_text(encoding="utf-8")
