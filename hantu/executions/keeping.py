"""How long executions are kept (CONTRACT M106)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hantu.executions.record import Execution
from hantu.executions.states import ENDED

DAY_NS: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """days: how long a run is kept after its end, None: without limit. runs: that many newest of each job
    stay, however old."""

    days: float | None
    runs: int = 0


def kept_until_ns(execution: Execution, keeping: Keeping) -> int | None:
    """When its time is over; None when that never comes as things stand: it is permanent, it has not ended,
    or there is no limit.

    Its own retain_until counts before the settings. Being one of the newest runs of its job keeps it
    longer, unless retain_until says when it goes."""
    if execution.is_permanent or execution.status not in ENDED:
        return None
    if execution.retain_until_ns is not None:
        return execution.retain_until_ns
    if keeping.days is None or execution.completed_ns is None:
        return None
    return execution.completed_ns + int(keeping.days * DAY_NS)
