"""mark_resolved(): a program says that an error of its own is settled (CONTRACT M55)."""

from __future__ import annotations

from uuid import UUID

from hantu.client import lifecycle
from hantu.client.logger import get_logger
from hantu.client.sink import SinkError, open_sink


def mark_resolved(error_id: str) -> bool:
    """Have the errors that are equal to this one resolved; a later one reopens them.

    error_id: the `id` of a line in an error file. True when they are resolved, now or before. False when
    that could not be done; a warning says why. Waits for the service, 13 s at most. Never raises."""
    try:
        wanted = str(UUID(str(error_id)))
        lifecycle.current.start()
        config = lifecycle.current.config
        sink = None if config is None else open_sink(config.dsn)
        if sink is None:
            raise SinkError("there is no dsn that says where errors are stored")
        try:
            sink.mark_resolved(wanted)
        finally:
            sink.close()
    except Exception as error:
        reason = "it has no UUID's form" if isinstance(error, ValueError) else str(error)
        get_logger("hantu").warning("error %s was not marked as resolved: %s", error_id, reason)
        return False
    return True
