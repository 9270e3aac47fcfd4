"""What runs came to together: how many there were, their tokens, their cost; by job, model and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hantu.executions import Execution, ExecutionStatus

DAY_S: Final = 86_400
SECOND_NS: Final = 10**9


@dataclass(frozen=True, slots=True)
class ExecutionSum:
    """Runs of one job, with one model, created on one day.

    day: since the epoch, of the zone that was asked for. tokens: tokens_used, where that is not known those
    put in and out. cost_micros: millionths of the currency's unit."""

    job_name: str
    model: str
    day: int
    runs: int
    failed: int
    tokens: int
    cost_micros: int


def tokens_of(tokens_used: int | None, input_tokens: int | None, output_tokens: int | None) -> int | None:
    """All tokens of a run, None when nothing is known of them."""
    if tokens_used is not None:
        return tokens_used
    if input_tokens is None and output_tokens is None:
        return None
    return (input_tokens or 0) + (output_tokens or 0)


def day_of(created_ns: int, utc_offset_s: int) -> int:
    """The day of a time, counted from the epoch, in the zone that is so far ahead of UTC."""
    return (created_ns // SECOND_NS + utc_offset_s) // DAY_S


def sums_of(executions: Iterable[Execution], utc_offset_s: int) -> tuple[ExecutionSum, ...]:
    """The sums of executions, in order of job, model and day."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for each in executions:
        key = (each.job_name, each.model, day_of(each.created_ns, utc_offset_s))
        row = found.setdefault(key, [0, 0, 0, 0])
        row[0] += 1
        row[1] += each.status is ExecutionStatus.FAILED
        row[2] += tokens_of(each.tokens_used, each.input_tokens, each.output_tokens) or 0
        row[3] += each.cost_micros or 0
    return tuple(ExecutionSum(*key, *found[key]) for key in sorted(found))
