"""UUIDs of executions and artifacts."""

from __future__ import annotations

import secrets
from uuid import UUID

from hantu.executions.limits import NotAllowed


def new_id(now_ns: int) -> str:
    """A UUID that sorts by time. Source of the layout: RFC 9562, section 5.7 "UUID Version 7"."""
    value = (now_ns // 1_000_000 & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return str(UUID(int=value & ~(3 << 62) | 2 << 62))


def execution_uuid(text: str) -> str:
    """A UUID that somebody wrote, as it is stored. Raises NotAllowed."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise NotAllowed("id", "is a UUID") from None
