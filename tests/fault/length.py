"""How long the tests of faults last: short within `make test`, long within `make fault`."""

from __future__ import annotations

import os
from typing import Final, TypeVar

T = TypeVar("T")

LONG: Final = os.environ.get("HANTU_FAULT") == "long"


def pick(short: T, long: T) -> T:
    """The first one within `make test`, the second within `make fault`."""
    return long if LONG else short
