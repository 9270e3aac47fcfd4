"""What of executions every store must see alike: what is new, what changes, is sought, or is late."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hantu.executions import (
    ENDED,
    KEEP,
    Artifact,
    ArtifactStatus,
    Change,
    Execution,
    ExecutionStatus,
    IllegalMove,
    NewArtifact,
    NewExecution,
    NotAllowed,
    check_artifact_move,
    execution_uuid,
    new_id,
)
from hantu.executions.keeping import DAY_NS
from hantu.store.execution_base import LOST_AFTER, Overdue, UnknownArtifact, UnknownExecution
from hantu.text import Needle, needle, tokens

WORDS_MOST: Final = 32
"""Words of a search; those beyond are not looked for."""

SEARCHED: Final = frozenset({"output", "error_code", "error_message", "pod_name"})
"""Fields that change, and in which a search looks."""

_MS_NS: Final = 1_000_000
_WORD: Final = re.compile(r'(?P<no>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<open>\*?)')


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for: each of `all_of`, and none of `none_of`."""

    all_of: tuple[Needle, ...]
    none_of: tuple[Needle, ...]

    def found_in(self, texts: Sequence[Sequence[str]]) -> bool:
        """Whether the tokens of some texts have it."""
        return all(any(each.found_in(text) for text in texts) for each in self.all_of) and not any(
            each.found_in(text) for each in self.none_of for text in texts
        )


def sought(search: str) -> Sought:
    """What a search looks for. A word without letters and digits is passed over."""
    needles: list[tuple[bool, Needle]] = []
    for match in _WORD.finditer(search):
        word = match["word"] or ""
        prefix = bool(match["open"]) or word.endswith("*")
        found = needle(match["phrase"] or word.rstrip("*"), prefix=prefix)
        if found.tokens and len(needles) < WORDS_MOST:
            needles.append((bool(match["no"]), found))
    return Sought(tuple(each for no, each in needles if not no), tuple(each for no, each in needles if no))


def searched_texts(execution: Execution) -> tuple[list[str], list[str], list[str], list[str]]:
    """The tokens that a search looks for: of its names, prompt, output and error."""
    names = (execution.id, execution.trace_id, execution.job_name, execution.pod_name or "")
    error = (execution.error_code or "", execution.error_message or "")
    return (
        tokens("\n".join(names)),
        tokens(execution.prompt),
        tokens(execution.output or ""),
        tokens("\n".join(error)),
    )


def overdue(
    started_ns: int | None,
    timeout_ms: int | None,
    heartbeat_ns: int | None,
    interval_ms: int | None,
    *,
    now_ns: int,
) -> tuple[Overdue, int] | None:
    """Why a run that is RUNNING should not be any more, and since when; None while all is well."""
    if started_ns is not None and timeout_ms is not None:
        over_ns = started_ns + timeout_ms * _MS_NS
        if over_ns <= now_ns:
            return Overdue.TIMEOUT, over_ns
    if heartbeat_ns is not None and interval_ms is not None:
        over_ns = heartbeat_ns + LOST_AFTER * interval_ms * _MS_NS
        if over_ns <= now_ns:
            return Overdue.LOST, over_ns
    return None


def new_trace_id() -> str:
    """A trace id of 8 hexadecimal digits, as the log library makes them."""
    return os.urandom(4).hex()


def begun(new: NewExecution, *, at_ns: int, trace_id: str) -> Execution:
    """The execution that a new one becomes."""
    return Execution(
        id=execution_uuid(new.id) if new.id else new_id(at_ns),
        trace_id=trace_id,
        job_name=new.job_name,
        status=ExecutionStatus.PENDING,
        prompt=new.prompt,
        model=new.model,
        max_tokens=new.max_tokens,
        metadata=new.metadata,
        resources=new.resources,
        timeout_ms=new.timeout_ms,
        callback_url=new.callback_url,
        pod_name=new.pod_name,
        created_ns=at_ns,
        updated_ns=at_ns,
        retain_until_ns=new.retain_until_ns,
        is_permanent=new.is_permanent,
    )


def is_again(new: NewExecution, known: Execution) -> bool:
    """Whether a new execution is one that is known, sent again."""
    return (new.job_name, new.prompt) == (known.job_name, known.prompt) and new.trace_id in (
        "",
        known.trace_id,
    )


def changes(execution: Execution, change: Change, at_ns: int) -> dict[str, object]:
    """The fields of an execution that a change makes different, with those that follow from them.

    updated_ns always grows. The move must be legal."""
    fields: dict[str, object] = {**change.given(), "updated_ns": max(at_ns, execution.updated_ns + 1)}
    if change.status is KEEP:
        return fields
    fields["status"] = change.status
    if change.status is ExecutionStatus.RUNNING:
        fields["started_ns"] = at_ns
    if change.status in ENDED:
        fields["completed_ns"] = at_ns
        if execution.callback_url is not None:
            fields["callback_due_ns"] = at_ns
    return fields


def known_execution_id(text: str) -> str:
    """The UUID of an execution as it is stored. Raises UnknownExecution."""
    try:
        return execution_uuid(text)
    except NotAllowed:
        raise UnknownExecution(text) from None


def known_artifact_id(text: str) -> str:
    """The UUID of an artifact as it is stored. Raises UnknownArtifact."""
    try:
        return execution_uuid(text)
    except NotAllowed:
        raise UnknownArtifact(text) from None


def artifact_path(artifact_id: str) -> str:
    """Where the content of an artifact lies in the folder of artifacts.

    The last digits name the folder: the first ones are a time, and would put all into one."""
    return f"{artifact_id[-2:]}/{artifact_id}"


def arriving(execution_id: str, new: NewArtifact, at_ns: int) -> Artifact:
    """The artifact that a new one becomes."""
    artifact_id = known_artifact_id(new.id) if new.id else new_id(at_ns)
    expires_ns = None if new.retention_days is None else at_ns + int(new.retention_days * DAY_NS)
    return Artifact(
        id=artifact_id,
        execution_id=execution_id,
        file_name=new.file_name,
        file_path=artifact_path(artifact_id),
        file_size=new.file_size,
        mime_type=new.mime_type,
        checksum=new.checksum,
        type=new.type,
        status=ArtifactStatus.UPLOADING,
        created_ns=at_ns,
        expires_ns=expires_ns,
        tags=new.tags,
    )


def check_arrival(artifact: Artifact) -> None:
    """Raises IllegalMove unless its content is awaited."""
    if artifact.status is not ArtifactStatus.UPLOADING:
        raise IllegalMove(f"the artifact is {artifact.status}: it has its content, or it is gone")


def archived_ns_of(artifact: Artifact, to: ArtifactStatus, at_ns: int) -> int | None:
    """When it was archived, once it is moved there."""
    if to is ArtifactStatus.ARCHIVED:
        return at_ns
    return None if to is ArtifactStatus.ACTIVE else artifact.archived_ns


def check_asked(artifact: Artifact, to: ArtifactStatus) -> None:
    """Raises IllegalMove when somebody may not move it there."""
    if artifact.status is ArtifactStatus.UPLOADING and to is ArtifactStatus.ACTIVE:
        raise IllegalMove("the artifact becomes ACTIVE when its content arrives")
    check_artifact_move(artifact.status, to)
