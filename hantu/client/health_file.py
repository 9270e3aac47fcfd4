"""What is broken in the log library of a program, where the service and `hantu doctor` can see it.

`log_dir/health/<pid>.json` is there while a fault stands: the object of hantu.status() with service, pid
and since_ns."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hantu.client.health import Health

FOLDER: Final = "health"
_BYTES_MOST: Final = 64 << 10
_FILES_MOST: Final = 500


class HealthFile:
    """Keeps the file of this process up to date. Nothing here ever raises: it is about what is broken."""

    def __init__(self, log_dir: Path, service: str, health: Health) -> None:
        self._folder = log_dir / FOLDER
        self._service = service
        self._health = health

    def write(self) -> None:
        """Show what stands now; no file when nothing does."""
        path = self._folder / f"{os.getpid()}.json"
        found = self._health.snapshot()
        with contextlib.suppress(OSError):
            if not self._health.broken:
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({"service": self._service, "pid": os.getpid(), **found}, file)
            os.replace(beside, path)

    def remove(self) -> None:
        """The program ends."""
        with contextlib.suppress(OSError):
            (self._folder / f"{os.getpid()}.json").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Ailing:
    """A running program with a fault in its log library. state: the worst, as in health.State; reason: of
    that one; kinds: all that stand; since_ns: the first of them."""

    service: str
    pid: int
    state: str
    reason: str
    kinds: tuple[str, ...]
    since_ns: int


def ailing(log_dir: Path) -> list[Ailing]:
    """The programs of this machine with a fault, by service and pid; files of ended ones do not count."""
    return sorted(_ailing(log_dir / FOLDER), key=lambda each: (each.service, each.pid))


def _ailing(folder: Path) -> Iterator[Ailing]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))[:_FILES_MOST]
    except OSError:
        return
    for name in names:
        try:
            with (folder / name).open("rb") as file:
                found = _read(json.loads(file.read(_BYTES_MOST)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if found is not None and _runs(found.pid):
            yield found


def _read(found: Any) -> Ailing | None:
    standing = {kind: fault for kind, fault in found["faults"].items() if fault["phase"] != "clear"}
    if not standing:
        return None
    return Ailing(
        str(found["service"]),
        int(found["pid"]),
        str(found["state"]),
        str(found["reason"]),
        tuple(sorted(standing)),
        min(int(fault["since_ns"]) for fault in standing.values()),
    )


def _runs(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
