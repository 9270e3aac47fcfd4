"""The audit trail for what a command changes itself, with the service down."""

from __future__ import annotations

import os
import time
from typing import Any, Final

from hantu.store.account_base import Act
from hantu.store.base import LogStorage

ACTOR: Final = "hantu command line"


def note(store: LogStorage, act: str, about: str = "", /, **detail: Any) -> None:
    """Note what was done, to what, by which user of this machine. Raises StoreError."""
    user = os.environ.get("SUDO_USER") or os.environ.get("USER") or str(os.getuid())
    store.add_act(Act(time.time_ns(), ACTOR, "", act, about, {**detail, "user": user}))
