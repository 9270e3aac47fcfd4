"""Which start of the machine this is. Standard library only."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """What tells one start of the machine from the next, as Linux writes it (random(4)); "" elsewhere."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
