"""SqliteArtifacts: the artifacts of executions, within ExecutionStorage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import apsw

from hantu.executions import Artifact, ArtifactStatus, NewArtifact, check_artifact
from hantu.executions.checks import check_content
from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.execution_base import AddedArtifact, Taken, UnknownArtifact
from hantu.store.execution_words import (
    archived_ns_of,
    arriving,
    check_arrival,
    check_asked,
    known_artifact_id,
)
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.execution_rows import ADD_ARTIFACT, ARTIFACT, artifact, binds_of_artifact
from hantu.store.sqlite.execution_writing import execution_of_id, executions_changing

_BY_ID: Final = f"{ARTIFACT} WHERE id = ?"
_OF_EXECUTION: Final = f"{ARTIFACT} WHERE execution_id = ? ORDER BY artifact_no"
_STATES: Final = "SELECT id, status FROM artifacts WHERE id IN (SELECT value FROM json_each(?))"
_ARRIVED: Final = """
UPDATE artifacts SET status = 'ACTIVE', file_size = :size_bytes, checksum = :checksum WHERE id = :id
"""
_MOVE: Final = "UPDATE artifacts SET status = :status, archived_ns = :archived_ns WHERE id = :id"
_OVER: Final = """
SELECT artifact_no, file_path
FROM artifacts INDEXED BY artifacts_expires
WHERE expires_ns <= :now_ns AND status = 'ACTIVE'
UNION ALL
SELECT artifact_no, file_path
FROM artifacts INDEXED BY artifacts_status
WHERE status = 'UPLOADING' AND created_ns < :stale_before_ns
ORDER BY artifact_no
"""
_DELETE: Final = """
UPDATE artifacts SET status = 'DELETED' WHERE artifact_no IN (SELECT value FROM json_each(?))
"""


class SqliteArtifacts:
    """The artifacts of one SQLite file."""

    _database: Database

    def add_artifact(self, execution_id: str, new: NewArtifact, *, at_ns: int) -> AddedArtifact:
        """Store an artifact."""
        check_artifact(new)
        with executions_changing(self._database) as connection:
            execution = execution_of_id(connection, execution_id)
            made = arriving(execution.id, new, at_ns)
            known = _first(connection, made.id)
            if known is None:
                connection.execute(ADD_ARTIFACT, binds_of_artifact(made))
                return AddedArtifact(made, is_new=True)
            if (known.execution_id, known.file_name) != (execution.id, new.file_name):
                raise Taken(f"the id {known.id} is that of another artifact")
            return AddedArtifact(known, is_new=False)

    def artifact_arrived(self, artifact_id: str, *, size_bytes: int, checksum: str, at_ns: int) -> Artifact:
        """Its content is in its place."""
        del at_ns
        check_content(size_bytes, checksum)
        with executions_changing(self._database) as connection:
            was = _of_id(connection, artifact_id)
            check_arrival(was)
            binds: dict[str, Any] = {"id": was.id, "size_bytes": size_bytes, "checksum": checksum}
            connection.execute(_ARRIVED, binds)
            return _of_id(connection, was.id)

    def move_artifact(self, artifact_id: str, to: ArtifactStatus, *, at_ns: int) -> Artifact:
        """Make it ARCHIVED, ACTIVE or DELETED."""
        with executions_changing(self._database) as connection:
            was = _of_id(connection, artifact_id)
            check_asked(was, to)
            binds = {"id": was.id, "status": to, "archived_ns": archived_ns_of(was, to, at_ns)}
            connection.execute(_MOVE, binds)
            return _of_id(connection, was.id)

    def artifact(self, artifact_id: str) -> Artifact:
        """The artifact with this UUID."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return _of_id(reader.connection, artifact_id)

    def artifacts(self, execution_id: str) -> tuple[Artifact, ...]:
        """All artifacts of an execution."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            known = execution_of_id(reader.connection, execution_id)
            return tuple(map(artifact, reader.rows(_OF_EXECUTION, (known.id,))))

    def artifact_states(self, artifact_ids: Sequence[str]) -> Mapping[str, ArtifactStatus]:
        """The status of each of these artifacts."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            rows = reader.rows(_STATES, (json.dumps(list(artifact_ids)),))
            return {artifact_id: ArtifactStatus(status) for artifact_id, status in rows}

    def expire_artifacts(self, now_ns: int, *, stale_before_ns: int) -> tuple[str, ...]:
        """Make DELETED what is past its time."""
        with executions_changing(self._database) as connection:
            binds = {"now_ns": now_ns, "stale_before_ns": stale_before_ns}
            rows: list[tuple[Any, ...]] = connection.execute(_OVER, binds).fetchall()
            connection.execute(_DELETE, (json.dumps([number for number, _ in rows]),))
            return tuple(path for _, path in rows)


def _of_id(connection: apsw.Connection, artifact_id: str) -> Artifact:
    """Raises UnknownArtifact."""
    found = _first(connection, known_artifact_id(artifact_id))
    if found is None:
        raise UnknownArtifact(artifact_id)
    return found


def _first(connection: apsw.Connection, artifact_id: str) -> Artifact | None:
    row = connection.execute(_BY_ID, (artifact_id,)).fetchone()
    return None if row is None else artifact(row)
