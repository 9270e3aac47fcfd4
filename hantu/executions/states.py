"""The life of an execution and of an artifact: which states there are, and what may follow (CONTRACT
M97–M99, M118)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ExecutionStatus(StrEnum):
    """Where a run stands; in this order when a list is sorted by it."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ArtifactStatus(StrEnum):
    """UPLOADING: its content is not there yet. ARCHIVED: kept past its expiry. DELETED: it is gone."""

    UPLOADING = "UPLOADING"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"


class ArtifactType(StrEnum):
    """What kind of file an artifact is."""

    CODE = "CODE"
    DOCUMENT = "DOCUMENT"
    IMAGE = "IMAGE"
    DATA = "DATA"
    LOG = "LOG"
    OTHER = "OTHER"


class IllegalMove(ValueError):
    """That state does not follow on the one that it is in; nothing was changed."""


MOVES: Final[dict[ExecutionStatus, tuple[ExecutionStatus, ...]]] = {
    ExecutionStatus.PENDING: (ExecutionStatus.RUNNING, ExecutionStatus.CANCELLED),
    ExecutionStatus.RUNNING: (
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELLED,
    ),
    ExecutionStatus.COMPLETED: (),
    ExecutionStatus.FAILED: (),
    ExecutionStatus.CANCELLED: (),
}
"""The legal moves of an execution; any other is refused and changes nothing."""

ENDED: Final = frozenset(status for status, then in MOVES.items() if not then)
"""The states of a run that is over."""

ARTIFACT_MOVES: Final[dict[ArtifactStatus, tuple[ArtifactStatus, ...]]] = {
    ArtifactStatus.UPLOADING: (ArtifactStatus.ACTIVE, ArtifactStatus.DELETED),
    ArtifactStatus.ACTIVE: (ArtifactStatus.ARCHIVED, ArtifactStatus.DELETED),
    ArtifactStatus.ARCHIVED: (ArtifactStatus.ACTIVE, ArtifactStatus.DELETED),
    ArtifactStatus.DELETED: (),
}
"""The legal moves of an artifact."""


def check_move(status: ExecutionStatus, to: ExecutionStatus) -> None:
    """Raises IllegalMove when an execution may not go there."""
    if to not in MOVES[status]:
        raise IllegalMove(_refusal("execution", status, to, MOVES[status]))


def check_artifact_move(status: ArtifactStatus, to: ArtifactStatus) -> None:
    """Raises IllegalMove when an artifact may not go there."""
    if to not in ARTIFACT_MOVES[status]:
        raise IllegalMove(_refusal("artifact", status, to, ARTIFACT_MOVES[status]))


def _refusal(what: str, status: StrEnum, to: StrEnum, allowed: tuple[StrEnum, ...]) -> str:
    may = f"may become {' or '.join(allowed)}" if allowed else "stays as it is"
    return f"the {what} is {status} and cannot become {to}: it {may}"
