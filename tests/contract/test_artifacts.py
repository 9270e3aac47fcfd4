"""What every store promises of artifacts."""

from __future__ import annotations

from uuid import UUID

import pytest

from hantu.executions import (
    ArtifactStatus,
    ArtifactType,
    ExecutionStatus,
    IllegalMove,
    NotAllowed,
    TooLarge,
)
from hantu.executions.states import ARTIFACT_MOVES
from hantu.store.base import LogStorage
from hantu.store.execution_base import Taken, UnknownArtifact, UnknownExecution
from tests.contract.execution_samples import CHECKSUM, DAY_S, a_file, at, listed, move, page, run, uuid

UPLOADING, ACTIVE, ARCHIVED, DELETED = ArtifactStatus
STEPS = {
    UPLOADING: (),
    ACTIVE: (ACTIVE,),
    ARCHIVED: (ACTIVE, ARCHIVED),
    DELETED: (ACTIVE, DELETED),
}
"""How an artifact comes to a state."""


def stored(
    store: LogStorage,
    execution_id: str,
    status: ArtifactStatus = ACTIVE,
    number: int | None = None,
    **fields: float,
) -> str:
    """The id of an artifact that came to a status."""
    asked = a_file(id="" if number is None else uuid(number), **fields)
    artifact_id = store.add_artifact(execution_id, asked, at_ns=at(0)).artifact.id
    for step in STEPS[status]:
        if step is ACTIVE:
            store.artifact_arrived(artifact_id, size_bytes=7, checksum=CHECKSUM, at_ns=at(1))
        else:
            store.move_artifact(artifact_id, step, at_ns=at(2))
    return artifact_id


@pytest.mark.promise("M98", "M99", "M109", "M116", "M117")
def test_an_artifact_is_awaited_then_there(store: LogStorage) -> None:
    known = run(store)
    asked = a_file(
        "../정산요약.md",
        file_size=7,
        mime_type="text/markdown",
        checksum=CHECKSUM,
        type=ArtifactType.DOCUMENT,
        tags={"부서": "정산"},
        retention_days=1.5,
    )
    added = store.add_artifact(known.id, asked, at_ns=at(3))
    artifact = added.artifact
    assert added.is_new
    assert UUID(artifact.id).version == 7
    assert artifact.file_path == f"{artifact.id[-2:]}/{artifact.id}"
    assert (artifact.execution_id, artifact.file_name) == (known.id, "../정산요약.md")
    assert (artifact.file_size, artifact.mime_type, artifact.checksum) == (7, "text/markdown", CHECKSUM)
    assert (artifact.type, artifact.tags) == (ArtifactType.DOCUMENT, {"부서": "정산"})
    assert (artifact.status, artifact.created_ns, artifact.archived_ns) == (UPLOADING, at(3), None)
    assert artifact.expires_ns == at(3 + 1.5 * DAY_S)
    assert not artifact.has_content
    assert store.artifact(artifact.id.upper()) == artifact
    here = store.artifact_arrived(artifact.id, size_bytes=9, checksum="0" * 64, at_ns=at(5))
    assert (here.status, here.file_size, here.checksum, here.has_content) == (ACTIVE, 9, "0" * 64, True)
    assert store.artifacts(known.id) == (here,)


@pytest.mark.parametrize("status", ArtifactStatus)
def test_an_artifact_moves_only_where_it_may(store: LogStorage, status: ArtifactStatus) -> None:
    known = run(store)
    for to in ArtifactStatus:
        artifact_id = stored(store, known.id, status)
        before = store.artifact(artifact_id)
        if to in ARTIFACT_MOVES[status] and (status, to) != (UPLOADING, ACTIVE):
            moved = store.move_artifact(artifact_id, to, at_ns=at(9))
            archived_ns = {ARCHIVED: at(9), ACTIVE: None}.get(to, before.archived_ns)
            assert (moved.status, moved.archived_ns) == (to, archived_ns)
            continue
        with pytest.raises(IllegalMove):
            store.move_artifact(artifact_id, to, at_ns=at(9))
        assert store.artifact(artifact_id) == before


@pytest.mark.parametrize("status", [ACTIVE, ARCHIVED, DELETED])
def test_a_content_arrives_once(store: LogStorage, status: ArtifactStatus) -> None:
    artifact_id = stored(store, run(store).id, status)
    before = store.artifact(artifact_id)
    with pytest.raises(IllegalMove):
        store.artifact_arrived(artifact_id, size_bytes=1, checksum=CHECKSUM, at_ns=at(3))
    assert store.artifact(artifact_id) == before


def test_an_artifact_sent_again_is_stored_once(store: LogStorage) -> None:
    first, second = run(store, id=uuid(1)), run(store, id=uuid(2))
    one = store.add_artifact(first.id, a_file(id=uuid(9)), at_ns=at(1))
    again = store.add_artifact(first.id, a_file(id=uuid(9), mime_type="a/b"), at_ns=at(5))
    assert (one.is_new, again.is_new, again.artifact) == (True, False, one.artifact)
    with pytest.raises(Taken):
        store.add_artifact(second.id, a_file(id=uuid(9)), at_ns=at(1))
    with pytest.raises(Taken):
        store.add_artifact(first.id, a_file("other", id=uuid(9)), at_ns=at(1))
    assert store.artifacts(first.id) == (one.artifact,)
    assert store.artifacts(second.id) == ()


def test_what_is_wrong_or_unknown_is_refused(store: LogStorage) -> None:
    known = run(store)
    artifact_id = stored(store, known.id, UPLOADING)
    with pytest.raises(TooLarge):
        store.add_artifact(known.id, a_file("n" * 256), at_ns=at(0))
    with pytest.raises(UnknownExecution):
        store.add_artifact(uuid(9), a_file(), at_ns=at(0))
    for size, checksum in ((-1, CHECKSUM), (1, "x" * 64)):
        with pytest.raises(NotAllowed):
            store.artifact_arrived(artifact_id, size_bytes=size, checksum=checksum, at_ns=at(0))
    for name in (uuid(9), "../x", ""):
        with pytest.raises(UnknownArtifact):
            store.artifact(name)
        with pytest.raises(UnknownArtifact):
            store.move_artifact(name, DELETED, at_ns=at(0))
        with pytest.raises(UnknownArtifact):
            store.artifact_arrived(name, size_bytes=1, checksum=CHECKSUM, at_ns=at(0))
    assert [each.id for each in store.artifacts(known.id)] == [artifact_id]


def test_the_states_of_several_artifacts_are_told(store: LogStorage) -> None:
    known = run(store)
    ids = [stored(store, known.id, status) for status in ArtifactStatus]
    assert store.artifact_states([*ids, uuid(9), "../x"]) == dict(zip(ids, ArtifactStatus, strict=True))
    assert store.artifact_states([]) == {}


@pytest.mark.promise("M114")
def test_a_run_has_artifacts_while_one_is_not_deleted(store: LogStorage) -> None:
    with_some, without = run(store, id=uuid(1)), run(store, id=uuid(2))
    ids = [stored(store, with_some.id, status) for status in (UPLOADING, ACTIVE, DELETED)]
    assert store.execution(with_some.id).artifacts == 2
    assert listed(store, has_artifacts=True) == [with_some.id]
    assert listed(store, has_artifacts=False) == [without.id]
    assert [each.artifacts for each in page(store, has_artifacts=True).executions] == [2]
    for artifact_id in ids[:2]:
        store.move_artifact(artifact_id, DELETED, at_ns=at(9))
    assert listed(store, has_artifacts=True) == []
    assert len(store.artifacts(with_some.id)) == 3


@pytest.mark.promise("M116")
def test_what_is_past_its_expiry_is_deleted_unless_it_is_archived(store: LogStorage) -> None:
    known = run(store, is_permanent=True)
    short = stored(store, known.id, retention_days=1)
    stored(store, known.id, retention_days=3)
    stored(store, known.id, ARCHIVED, retention_days=1)
    stored(store, known.id)
    assert store.expire_artifacts(at(DAY_S) - 1, stale_before_ns=at(0)) == ()
    gone = store.expire_artifacts(at(DAY_S), stale_before_ns=at(0))
    assert gone == (store.artifact(short).file_path,)
    assert [each.status for each in store.artifacts(known.id)] == [DELETED, ACTIVE, ARCHIVED, ACTIVE]
    assert store.expire_artifacts(at(2 * DAY_S), stale_before_ns=at(0)) == ()


def test_what_never_came_is_deleted_in_the_end(store: LogStorage) -> None:
    known = run(store)
    artifact_id = stored(store, known.id, UPLOADING)
    assert store.expire_artifacts(at(5), stale_before_ns=at(0)) == ()
    assert store.expire_artifacts(at(5), stale_before_ns=at(1)) == (store.artifact(artifact_id).file_path,)
    assert store.artifact(artifact_id).status is DELETED


def test_a_run_that_goes_on_may_have_artifacts_and_one_that_ended_too(store: LogStorage) -> None:
    known = run(store, status=ExecutionStatus.RUNNING)
    stored(store, known.id)
    move(store, known.id, ExecutionStatus.FAILED)
    stored(store, known.id)
    assert store.execution(known.id).artifacts == 2
