"""What is done with artifacts and executions every day: those whose time is over go, with their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hantu.executions import Keeping
from hantu.executions.keeping import DAY_NS
from hantu.store.artifact_files import ArtifactFiles, Swept
from hantu.store.execution_base import ExecutionStorage

STALE_NS: Final = DAY_NS
"""How long an artifact may be UPLOADING."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many executions and artifacts went, and what else was found in the folder."""

    executions: int
    artifacts: int
    swept: Swept


def tidy_executions(
    store: ExecutionStorage,
    files: ArtifactFiles,
    keeping: Keeping,
    *,
    now_ns: int,
    pause: Callable[[], bool],
) -> Tidied:
    """Remove what is no longer kept, and files that belong to nothing. Raises StoreError.

    Rows go first: a file whose removal fails, or is cut short by a crash, belongs to nothing, and goes the
    next time."""
    expired = store.expire_artifacts(now_ns, stale_before_ns=now_ns - STALE_NS)
    removed = store.remove_executions(keeping, now_ns=now_ns, pause=pause)
    files.remove(expired)
    files.remove(removed.artifact_paths)
    return Tidied(removed.executions, len(expired), files.sweep(store.artifact_states))
