"""What `hantu doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. fix: the command or act that mends it, "" when it is well."""

    what: str
    ok: bool
    says: str
    fix: str = ""
