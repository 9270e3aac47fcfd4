"""Which states there are, and which moves between them."""

from __future__ import annotations

from itertools import product

import pytest

from hantu.executions import (
    ARTIFACT_MOVES,
    ENDED,
    MOVES,
    ArtifactStatus,
    ArtifactType,
    ExecutionStatus,
    IllegalMove,
    check_artifact_move,
    check_move,
)

LEGAL = {
    ("PENDING", "RUNNING"),
    ("PENDING", "CANCELLED"),
    ("RUNNING", "COMPLETED"),
    ("RUNNING", "FAILED"),
    ("RUNNING", "CANCELLED"),
}
LEGAL_OF_ARTIFACTS = {
    ("UPLOADING", "ACTIVE"),
    ("UPLOADING", "DELETED"),
    ("ACTIVE", "ARCHIVED"),
    ("ACTIVE", "DELETED"),
    ("ARCHIVED", "ACTIVE"),
    ("ARCHIVED", "DELETED"),
}


@pytest.mark.promise("M97")
def test_the_states_of_an_execution_are_these() -> None:
    assert list(ExecutionStatus) == ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    assert sorted(ENDED) == ["CANCELLED", "COMPLETED", "FAILED"]


@pytest.mark.promise("M98")
def test_the_states_of_an_artifact_are_these() -> None:
    assert list(ArtifactStatus) == ["UPLOADING", "ACTIVE", "ARCHIVED", "DELETED"]


@pytest.mark.promise("M99")
def test_the_kinds_of_artifact_are_these() -> None:
    assert list(ArtifactType) == ["CODE", "DOCUMENT", "IMAGE", "DATA", "LOG", "OTHER"]


@pytest.mark.promise("M118")
@pytest.mark.parametrize(("status", "to"), [*product(ExecutionStatus, ExecutionStatus)])
def test_an_execution_moves_only_where_it_may(status: ExecutionStatus, to: ExecutionStatus) -> None:
    if (status, to) in LEGAL:
        check_move(status, to)
        return
    with pytest.raises(IllegalMove, match=f"the execution is {status} and cannot become {to}"):
        check_move(status, to)


@pytest.mark.parametrize(("status", "to"), [*product(ArtifactStatus, ArtifactStatus)])
def test_an_artifact_moves_only_where_it_may(status: ArtifactStatus, to: ArtifactStatus) -> None:
    if (status, to) in LEGAL_OF_ARTIFACTS:
        check_artifact_move(status, to)
        return
    with pytest.raises(IllegalMove, match=f"the artifact is {status} and cannot become {to}"):
        check_artifact_move(status, to)


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(ExecutionStatus)
    assert set(ARTIFACT_MOVES) == set(ArtifactStatus)


def test_a_refusal_says_what_is_allowed() -> None:
    with pytest.raises(IllegalMove, match="it may become RUNNING or CANCELLED"):
        check_move(ExecutionStatus.PENDING, ExecutionStatus.FAILED)
    with pytest.raises(IllegalMove, match="it stays as it is"):
        check_move(ExecutionStatus.FAILED, ExecutionStatus.RUNNING)
