"""The life of a group of equal errors: what may become of it (CONTRACT M55)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ErrorStatus(StrEnum):
    """Whether somebody has settled a group of errors."""

    UNRESOLVED = "UNRESOLVED"
    RESOLVED = "RESOLVED"


class Move(StrEnum):
    """What changes the status of a group. RECUR: a new occurrence after it was resolved."""

    RESOLVE = "resolve"
    REOPEN = "reopen"
    RECUR = "recur"


MOVES: Final[dict[tuple[ErrorStatus, Move], ErrorStatus]] = {
    (ErrorStatus.UNRESOLVED, Move.RESOLVE): ErrorStatus.RESOLVED,
    (ErrorStatus.RESOLVED, Move.REOPEN): ErrorStatus.UNRESOLVED,
    (ErrorStatus.RESOLVED, Move.RECUR): ErrorStatus.UNRESOLVED,
}
"""The legal moves; any other changes nothing."""


def moved(status: ErrorStatus, move: Move) -> ErrorStatus | None:
    """The status after the move; None when it is not legal."""
    return MOVES.get((status, move))


def recurs(status: ErrorStatus, resolved_ns: int | None, time_ns: int) -> bool:
    """Whether an occurrence at time_ns reopens a group that was resolved at resolved_ns: an old one
    that arrives late does not."""
    return status is ErrorStatus.RESOLVED and resolved_ns is not None and time_ns > resolved_ns
