"""What the alert engine must not forget: one checkpoint of the store.

It is stored as a whole, so that after a crash every error is either still to be read or in here."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from hantu.alert.gathering import Gathering, restored
from hantu.alert.report import Disk

CHECKPOINT: Final = "alerts"
_VERSION: Final = 1
SIZES_MOST: Final = 8


class Unreadable(ValueError):
    """The checkpoint is not what this version writes."""


@dataclass(slots=True, eq=False)
class Queued:
    """A message that waits to be sent. errors: how many it tells of."""

    text: str
    errors: int = 1
    critical: bool = False


@dataclass(frozen=True, slots=True)
class SizeAt:
    """How large the file was at a time."""

    at_ns: int
    size_bytes: int


@dataclass(slots=True)
class State:
    """cursor: the last error that was read. reported_ns: the end of the last daily report. sizes: of the
    file at the last reports, oldest first. sent, sent_ns: messages, and when the last one went."""

    cursor: int = 0
    reported_ns: int = 0
    queue: list[Queued] = field(default_factory=list)
    storm: Gathering = field(default_factory=Gathering)
    late: Gathering = field(default_factory=Gathering)
    sizes: list[SizeAt] = field(default_factory=list)
    sent: int = 0
    sent_ns: int = 0

    def packed(self, cooldown: Mapping[str, Any]) -> bytes:
        """The checkpoint of this state, with that of the cooldowns."""
        content = {
            "version": _VERSION,
            "cursor": self.cursor,
            "reported_ns": self.reported_ns,
            "queue": [asdict(each) for each in self.queue],
            "storm": self.storm.saved(),
            "late": self.late.saved(),
            "sizes": [asdict(each) for each in self.sizes],
            "sent": self.sent,
            "sent_ns": self.sent_ns,
            "cooldown": cooldown,
        }
        return zlib.compress(json.dumps(content, ensure_ascii=True).encode(), level=1)


def with_history(disk: Disk, sizes: Sequence[SizeAt]) -> Disk:
    """`disk` with the file's size at the last report."""
    if not sizes:
        return disk
    return replace(disk, day_ago_bytes=sizes[-1].size_bytes, day_ago_ns=sizes[-1].at_ns)


def unpacked(packed: bytes, now_s: float) -> tuple[State, dict[str, Any]]:
    """The state of a checkpoint and that of its cooldowns. Raises Unreadable."""
    try:
        found = json.loads(zlib.decompress(packed))
        if found["version"] != _VERSION:
            raise Unreadable(f"the checkpoint of alerts has version {found['version']!r}")
        state = State(
            cursor=int(found["cursor"]),
            reported_ns=int(found["reported_ns"]),
            queue=[Queued(**each) for each in found["queue"]],
            storm=restored(found["storm"], now_s),
            late=restored(found["late"], now_s),
            sizes=[SizeAt(**each) for each in found["sizes"]],
            sent=int(found["sent"]),
            sent_ns=int(found["sent_ns"]),
        )
        return state, dict(found["cooldown"])
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"the checkpoint of alerts cannot be read: {error!r}") from None
