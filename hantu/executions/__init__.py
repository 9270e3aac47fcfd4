"""Runs of jobs: what an execution and an artifact are, what may become of them, what is allowed in them.
Standard library only: programs that report their runs import it.

Names are loaded when they are first used, so that `hantu run` starts quickly."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hantu.executions.artifact import Artifact, NewArtifact
    from hantu.executions.checks import check_artifact, check_change, check_new, check_reason
    from hantu.executions.cost import cost_micros, cost_text
    from hantu.executions.ids import execution_uuid, new_id
    from hantu.executions.keeping import Keeping, kept_until_ns
    from hantu.executions.limits import NotAllowed, TooLarge
    from hantu.executions.record import KEEP, Change, Execution, Keep, NewExecution, Transition
    from hantu.executions.states import (
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

__all__ = [
    "ARTIFACT_MOVES",
    "ENDED",
    "KEEP",
    "MOVES",
    "Artifact",
    "ArtifactStatus",
    "ArtifactType",
    "Change",
    "Execution",
    "ExecutionStatus",
    "IllegalMove",
    "Keep",
    "Keeping",
    "NewArtifact",
    "NewExecution",
    "NotAllowed",
    "TooLarge",
    "Transition",
    "check_artifact",
    "check_artifact_move",
    "check_change",
    "check_move",
    "check_new",
    "check_reason",
    "cost_micros",
    "cost_text",
    "execution_uuid",
    "kept_until_ns",
    "new_id",
]

_MODULES: Final = {
    **dict.fromkeys(("Artifact", "NewArtifact"), "artifact"),
    **dict.fromkeys(("check_artifact", "check_change", "check_new", "check_reason"), "checks"),
    **dict.fromkeys(("cost_micros", "cost_text"), "cost"),
    **dict.fromkeys(("execution_uuid", "new_id"), "ids"),
    **dict.fromkeys(("Keeping", "kept_until_ns"), "keeping"),
    **dict.fromkeys(("NotAllowed", "TooLarge"), "limits"),
    **dict.fromkeys(("KEEP", "Change", "Execution", "Keep", "NewExecution", "Transition"), "record"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"hantu.executions has no {name!r}")
    value = getattr(import_module(f"hantu.executions.{_MODULES.get(name, 'states')}"), name)
    globals()[name] = value
    return value
