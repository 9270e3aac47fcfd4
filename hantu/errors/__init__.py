"""Errors as the library, the store and the pages know them. Standard library only: programs that log
import it.

Names are loaded when they are first used: the patterns of stack traces take 20 ms to make ready."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hantu.errors.entry import error_of, service_of
    from hantu.errors.grouping import fingerprint, fold_message
    from hantu.errors.record import (
        CRITICAL,
        ERROR,
        JSON_KEYS,
        ErrorRecord,
        of_json,
        place,
        place_of,
        to_json,
    )
    from hantu.errors.states import MOVES, ErrorStatus, Move, moved, recurs

__all__ = [
    "CRITICAL",
    "ERROR",
    "JSON_KEYS",
    "MOVES",
    "ErrorRecord",
    "ErrorStatus",
    "Move",
    "error_of",
    "fingerprint",
    "fold_message",
    "moved",
    "of_json",
    "place",
    "place_of",
    "recurs",
    "service_of",
    "to_json",
]

_MODULES: Final = {
    **dict.fromkeys(("error_of", "service_of"), "entry"),
    **dict.fromkeys(("fingerprint", "fold_message"), "grouping"),
    **dict.fromkeys(("MOVES", "ErrorStatus", "Move", "moved", "recurs"), "states"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"hantu.errors has no {name!r}")
    value = getattr(import_module(f"hantu.errors.{_MODULES.get(name, 'record')}"), name)
    globals()[name] = value
    return value
