"""Runs a probe: the log library in a process of its own, as the user that the logs belong to."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hantu.client.config import ClientConfig
from hantu.client.migration.inbox import TEST_SERVICE
from hantu.client.migration.probe import ANSWER

PROBE_LIMIT_S: Final = 60.0
SETTLE_S: Final = 15.0
"""How long the library may take to deliver at its end; an application's own bound is exit_flush_s."""
_PACKAGE: Final = Path(__file__).resolve().parents[3]


class ProbeError(Exception):
    """The library did not get through the probe; says what it said."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe did: its answer, and all that it wrote to the standard streams."""

    answer: Mapping[str, Any]
    stdout: str
    stderr: str


def probe_settings(config: ClientConfig, **more: object) -> dict[str, object]:
    """The application's settings, as far as a probe shares them, without its alerts."""
    return {
        "service": TEST_SERVICE,
        "log_dir": str(config.log_dir),
        "dsn": config.dsn,
        "level": "DEBUG",
        "stdout": True,
        "telegram_token": "",
        "retention_days": config.retention_days,
        "exit_flush_s": SETTLE_S,
        "mask_keys": list(config.mask_keys),
        **more,
    }


@contextlib.contextmanager
def scratch_folder(config: ClientConfig) -> Iterator[Path]:
    """A folder of its own for a probe, owned by whom the logs belong to."""
    with tempfile.TemporaryDirectory(prefix="hantu-migrate-") as folder:
        user = _user_of(config.log_dir)
        if user is not None:
            os.chown(folder, *user)
        yield Path(folder)


def run_probe(
    mode: str,
    settings: Mapping[str, object],
    *,
    stderr: int = subprocess.PIPE,
    environ: Mapping[str, str] | None = None,
) -> Probe:
    """Run a probe to its end. Raises ProbeError."""
    user = _user_of(Path(str(settings["log_dir"])))
    rights: dict[str, Any] = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    variables = {
        **os.environ,
        "PYTHONPATH": str(_PACKAGE),
        "PYTHONDONTWRITEBYTECODE": "1",
        **(environ or {}),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-m", "hantu.client.migration.probe"],
            input=json.dumps({"mode": mode, "settings": settings}).encode(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=PROBE_LIMIT_S,
            check=False,
            cwd="/",
            env=variables,
            **rights,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProbeError(f"the log library could not be run: {error}") from None
    out = done.stdout.decode("utf-8", "replace")
    err = (done.stderr or b"").decode("utf-8", "replace")
    shown, found, answer = out.rpartition(ANSWER)
    if done.returncode or not found:
        last = (err.strip() or out.strip()).rpartition("\n")[2]
        raise ProbeError(f"the log library ended with {done.returncode}: {last[:300]}")
    return Probe(json.loads(answer), shown, err)


def _user_of(log_dir: Path) -> tuple[int, int] | None:
    """Whom to run as: root checks nothing that its service's user may not do, and would leave files
    there that the service cannot write."""
    if os.geteuid() != 0:
        return None
    try:
        found = log_dir.stat()
    except OSError:
        return None
    return (found.st_uid, found.st_gid) if found.st_uid else None
