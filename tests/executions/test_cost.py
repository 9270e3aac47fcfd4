"""Costs are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.executions import NotAllowed, cost_micros, cost_text
from hantu.executions.cost import COST_MOST


@pytest.mark.promise("M105")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000000"),
        ("0.071482", "0.071482"),
        (0.1, "0.100000"),
        (0.3, "0.300000"),
        (Decimal("9999.999999"), "9999.999999"),
        ("0.0000005", "0.000001"),
        ("0.00000049", "0.000000"),
        (" 1e-3 ", "0.001000"),
        (12, "12.000000"),
    ],
)
def test_a_cost_keeps_its_six_digits(value: Any, text: str) -> None:
    assert cost_text(cost_micros(value)) == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "free",
        "-0.000001",
        -1,
        "-1e-9",
        "NaN",
        "sNaN",
        "Infinity",
        "1e99999",
        10_000,
        "9999.9999995",
        True,
        None,
    ],
)
def test_what_is_no_cost_is_refused(value: Any) -> None:
    with pytest.raises(NotAllowed, match=r"^estimated_cost is a number from 0 to 9999\.999999$"):
        cost_micros(value)


@given(st.integers(0, COST_MOST))
def test_every_cost_comes_back_exactly(micros: int) -> None:
    text = cost_text(micros)
    assert cost_micros(text) == micros
    assert cost_micros(Decimal(text)) == micros
    assert cost_micros(float(text)) == micros


@given(st.lists(st.integers(0, 10_000_000), max_size=50))
def test_costs_add_up_exactly(parts: list[int]) -> None:
    assert Decimal(cost_text(sum(parts))) == sum((Decimal(cost_text(part)) for part in parts), Decimal())
