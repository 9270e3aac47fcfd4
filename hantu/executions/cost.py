"""What a run cost: decimal(10,6), exact, kept as a whole number of millionths (CONTRACT M105)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from hantu.executions.limits import NotAllowed

MICROS: Final = 1_000_000
COST_MOST: Final = 10_000 * MICROS - 1
"""9999.999999: ten digits, six of them behind the point."""


def cost_micros(value: str | int | float | Decimal) -> int:
    """A cost as millionths; what is finer is rounded half up, as decimal(10,6) does.

    A float counts as the decimal that it is written as: 0.1 is 0.100000. Raises NotAllowed."""
    try:
        cost = Decimal(value if isinstance(value, int | Decimal) else str(value).strip())
        micros = int((cost * MICROS).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError):
        micros = -1
    if isinstance(value, bool) or not 0 <= micros <= COST_MOST or (cost < 0):
        raise NotAllowed("estimated_cost", f"is a number from 0 to {cost_text(COST_MOST)}")
    return micros


def cost_text(micros: int) -> str:
    """A cost as text with six digits behind the point: 0.071482."""
    return f"{micros // MICROS}.{micros % MICROS:06d}"
