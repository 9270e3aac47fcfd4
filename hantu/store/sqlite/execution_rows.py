"""Executions, their steps and artifacts as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hantu.executions import (
    Artifact,
    ArtifactStatus,
    ArtifactType,
    Execution,
    ExecutionStatus,
    Transition,
)
from hantu.store.execution_base import PROMPT_HEAD, ExecutionSummary

_JSON: Final = frozenset({"metadata", "resources", "error_details", "tags"})
_COLUMN_OF: Final = {"artifacts": "artifact_count"}
"""Where a column is not called as its field."""

_FIELDS: Final = tuple(Execution.__slots__)
_SUMMARY_FIELDS: Final = tuple(ExecutionSummary.__slots__)
_ARTIFACT_FIELDS: Final = tuple(Artifact.__slots__)
_COUNTED: Final = frozenset({"artifacts"})
"""Fields that the schema keeps itself."""


def column(field: str) -> str:
    """The column of a field."""
    return _COLUMN_OF.get(field, field)


def _select(fields: Iterable[str], table: str) -> str:
    return f"SELECT {', '.join(f'{table}.{column(field)}' for field in fields)} FROM {table}"  # noqa: S608  constants


def _insert(fields: Iterable[str], table: str) -> str:
    names = list(fields)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES (:{', :'.join(names)})"  # noqa: S608  constants


EXECUTION: Final = _select(_FIELDS, "executions")
"""What execution() makes an Execution of."""
SUMMARY: Final = _select(_SUMMARY_FIELDS, "executions")
"""What summary() makes an ExecutionSummary of; no long texts."""
ARTIFACT: Final = _select(_ARTIFACT_FIELDS, "artifacts")
"""What artifact() makes an Artifact of."""
TRANSITION: Final = """
SELECT execution_id, number, from_status, to_status, transitioned_ns, reason FROM status_transitions
"""
"""What transition() makes a Transition of."""

_WRITTEN: Final = tuple(field for field in _FIELDS if field not in _COUNTED)
ADD_EXECUTION: Final = f"{_insert((*_WRITTEN, 'prompt_head'), 'executions')} RETURNING execution_no"
ADD_ARTIFACT: Final = _insert(_ARTIFACT_FIELDS, "artifacts")
ADD_TRANSITION: Final = """
INSERT INTO status_transitions (execution_id, number, from_status, to_status, transitioned_ns, reason)
SELECT
  :execution_id, 1 + (SELECT count(*) FROM status_transitions WHERE execution_id = :execution_id),
  :from_status, :to_status, :at_ns, :reason
"""


def execution(row: tuple[Any, ...]) -> Execution:
    """The execution of a row of EXECUTION."""
    return Execution(**_values(_FIELDS, row))


def summary(row: tuple[Any, ...]) -> ExecutionSummary:
    """The line of the list of a row of SUMMARY."""
    return ExecutionSummary(**_values(_SUMMARY_FIELDS, row))


def artifact(row: tuple[Any, ...]) -> Artifact:
    """The artifact of a row of ARTIFACT."""
    values = _with_json(_ARTIFACT_FIELDS, row)
    return Artifact(
        **values | {"status": ArtifactStatus(values["status"]), "type": ArtifactType(values["type"])}
    )


def transition(row: tuple[Any, ...]) -> Transition:
    """The step of a row of TRANSITION."""
    execution_id, number, from_status, to_status, at_ns, reason = row
    begun_in = None if from_status is None else ExecutionStatus(from_status)
    return Transition(execution_id, number, begun_in, ExecutionStatus(to_status), at_ns, reason)


def binds_of_execution(new: Execution) -> dict[str, Any]:
    """What ADD_EXECUTION binds."""
    written = binds({field: getattr(new, field) for field in _WRITTEN})
    return {**written, "prompt_head": new.prompt[:PROMPT_HEAD]}


def binds_of_artifact(new: Artifact) -> dict[str, Any]:
    """What ADD_ARTIFACT binds."""
    return binds({field: getattr(new, field) for field in _ARTIFACT_FIELDS})


def binds(fields: Mapping[str, object]) -> dict[str, Any]:
    """Values of fields as a statement binds them."""
    return {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if name in _JSON and value is not None
        else value
        for name, value in fields.items()
    }


def _values(fields: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    """The fields of an execution."""
    values = _with_json(fields, row)
    return values | {
        "status": ExecutionStatus(values["status"]),
        "is_permanent": bool(values["is_permanent"]),
    }


def _with_json(fields: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in _JSON and value is not None else value
        for name, value in zip(fields, row, strict=True)
    }
