"""Where runs of this machine are told of, and where they wait while nobody is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hantu.paths import CHECKOUT_DATA

if TYPE_CHECKING:
    from hantu.client.execution_sink import ExecutionSink

SETTINGS: Final = Path("/etc/hantu/hantu.toml")
DATA_DIR: Final = Path("/var/lib/hantu")


def sink(data_dir: str = "") -> ExecutionSink | None:
    """The service of HANTU_DSN, else the one that runs on this machine as far as this user may reach it."""
    from hantu.client.execution_sink import ExecutionSink, sink_of

    if dsn := os.environ.get("HANTU_DSN", ""):
        return sink_of(dsn)
    for folder in _data_dirs(data_dir):
        try:
            found = json.loads((folder / "control.json").read_text(encoding="utf-8"))
            return ExecutionSink(str(found["url"]), token=str(found["token"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def spool_folder() -> Path:
    """The folder of this user's runs that were not delivered."""
    # systemd names the folder of StateDirectory=, of which there may be several.
    named = os.environ.get("XDG_STATE_HOME", "") or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    base = Path(named) if named.startswith("/") else Path(os.path.expanduser("~/.local/state"))
    return base / "hantu" / "runs"


def _data_dirs(data_dir: str) -> list[Path]:
    if named := data_dir or os.environ.get("HANTU_DATA_DIR", ""):
        return [Path(named)]
    return [_of_settings() or DATA_DIR, CHECKOUT_DATA]


def _of_settings() -> Path | None:
    path = Path(os.environ.get("HANTU_CONFIG", "") or SETTINGS)
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib

        return Path(str(tomllib.loads(text)["data_dir"]))
    except (OSError, ValueError, KeyError):
        return None
