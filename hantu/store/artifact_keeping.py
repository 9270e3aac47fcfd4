"""What is done with artifacts and executions every day: those whose time is over go, with their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from hantu.executions import Keeping
from hantu.executions.keeping import DAY_NS
from hantu.store.artifact_files import ArtifactFiles, Swept
from hantu.store.execution_base import ExecutionStorage

T = TypeVar("T")

STALE_NS: Final = DAY_NS
"""How long an artifact may be UPLOADING."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many executions and artifacts went, and what else was found in the folder."""

    executions: int
    artifacts: int
    swept: Swept


class WithStore(Protocol):
    """Runs some work with the store, while nobody else writes to it."""

    def __call__(self, work: Callable[[ExecutionStorage], T], /) -> T: ...


def tidy_executions(
    with_store: WithStore,
    files: ArtifactFiles,
    keeping: Keeping,
    *,
    now_ns: int,
    pause: Callable[[], bool],
) -> Tidied:
    """Remove what is no longer kept, and files that belong to nothing. Raises StoreError.

    Rows go first: a file whose removal fails, or is cut short by a crash, belongs to nothing, and goes the
    next time. pause() is called within with_store, between slices."""
    expired = with_store(lambda store: store.expire_artifacts(now_ns, stale_before_ns=now_ns - STALE_NS))
    removed = with_store(lambda store: store.remove_executions(keeping, now_ns=now_ns, pause=pause))
    files.remove(expired)
    files.remove(removed.artifact_paths)
    return Tidied(removed.executions, len(expired), sweep_artifacts(with_store, files))


def sweep_artifacts(with_store: WithStore, files: ArtifactFiles) -> Swept:
    """Remove files that belong to no artifact: what a crash left. Raises StoreError."""
    return files.sweep(lambda ids: with_store(lambda store: store.artifact_states(ids)))
