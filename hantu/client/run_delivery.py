"""The way of this process's runs: by the library's dsn, else by a file in its folder; never in the way."""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hantu.client import lifecycle
from hantu.client.courier import Courier
from hantu.client.execution_spool import with_copy
from hantu.client.logger import get_logger
from hantu.client.run_report import RunReport

if TYPE_CHECKING:
    from hantu.client.config import ClientConfig
    from hantu.client.execution_spool import Report
    from hantu.mask import SensitiveDataFilter

FOLDER: Final = "executions"
"""Beside info/ and errors/ in log_dir."""
_REMEMBERED_MOST: Final = 1_000


class _Here:
    """What this process has: begun with its first run, and anew in a child."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As at the start of a process: nothing of a parent's waits in a child."""
        self.lock = threading.Lock()
        self.courier: Courier | None = None
        self.config: ClientConfig | None = None
        self.mask: SensitiveDataFilter | None = None
        self.masked_for: ClientConfig | None = None
        self.ended: OrderedDict[str, str] = OrderedDict()


_here: Final = _Here()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_here.begin)


def new_report(asked: Mapping[str, Any], *, pod_name: str) -> RunReport:
    """The report of a new run; without what was asked in a way that cannot be. Never raises."""
    mask = _mask()
    try:
        return RunReport(**asked, pod_name=pod_name, mask=mask)
    except Exception as error:
        warn(f"a run is told of without what it was given: {type(error).__name__}: {error}")
    try:
        return RunReport(asked["job_name"], mask=mask)
    except Exception:  # not even a name that can be used: the job runs all the same
        return RunReport("job", mask=mask)


def put(report: Report) -> None:
    """Take a report on its way."""
    _courier().put(report)


def put_artifact(report: Report) -> None:
    """Take a file on its way, as it is now. Raises OSError."""
    folder = _folder()
    put(with_copy(report, folder))


def _folder() -> Path:
    config = _config()
    return Path("logs" if config is None else config.log_dir) / FOLDER


def ended_by_others(run: str) -> str:
    """How the desk says that a run of here has ended; "" when it does not."""
    return _here.ended.get(run, "")


def carefully(what: str, do: Callable[[], None]) -> None:
    """Do it; what goes wrong is a warning in the log and nothing else."""
    try:
        do()
    except Exception as error:
        warn(f"{what}: {type(error).__name__}: {error}")


def warn(reason: str) -> None:
    """Say what could not be done."""
    get_logger("hantu").warning("%s", reason)


def finish() -> None:
    """Deliver what waits, within exit_flush_s; the rest waits in the folder."""
    with _here.lock:
        courier, _here.courier = _here.courier, None
        config = _here.config
    if courier is not None:
        courier.finish(config.exit_flush_s if config is not None else 0.0)


def _courier() -> Courier:
    with _here.lock:
        config = _config()
        if _here.courier is None or _here.config is not config:
            old, _here.config = _here.courier, config
            from hantu.client.execution_sink import sink_of

            sink = None if config is None else sink_of(config.dsn)
            _here.courier = Courier(sink, _folder(), on_status=_note, troubled=warn)
            if old is not None:
                old.finish(0.0)
            if lifecycle.current.end_runs is None:
                lifecycle.current.end_runs = finish
                atexit.register(finish)
        return _here.courier


def _config() -> ClientConfig | None:
    lifecycle.current.start()
    return lifecycle.current.config


def _note(run: str, status: str) -> None:
    _here.ended[run] = status
    while len(_here.ended) > _REMEMBERED_MOST:
        _here.ended.popitem(last=False)


def _mask() -> SensitiveDataFilter:
    """The mask of the library's settings."""
    config = _config()
    if _here.mask is None or _here.masked_for is not config:
        from hantu.client.masking import filter_of
        from hantu.mask import SensitiveDataFilter

        _here.mask = SensitiveDataFilter() if config is None else filter_of(config)
        _here.masked_for = config
    return _here.mask
