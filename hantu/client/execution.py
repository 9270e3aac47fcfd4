"""execution(): a block, or each call of a function, is a run of a job that the desk knows of."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hantu.client import run_delivery
from hantu.client.run_report import RunReport, is_stop
from hantu.client.trace import TraceIdContext

if TYPE_CHECKING:
    from decimal import Decimal

F = TypeVar("F", bound=Callable[..., Any])


class Run:
    """A run that is going on. None of its methods raises or waits for the service; what cannot be done is
    warned of."""

    def __init__(self, report: RunReport) -> None:
        self.id = report.id
        self.trace_id = report.trace_id
        self._report = report

    def __repr__(self) -> str:
        return f"Run({self.id!r}, job_name={self._report.body['jobName']!r})"

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled it at the desk meanwhile; what stops then is up to the program."""
        return run_delivery.ended_by_others(self.id) == "CANCELLED"

    def log_tokens(
        self,
        *,
        input: int = 0,
        output: int = 0,
        cost: Decimal | float | str | None = None,
    ) -> None:
        """Add tokens, and what they cost, to those of the run so far."""
        self._carefully(lambda: self._report.add_tokens(input, output, cost))

    def output(self, text: object) -> None:
        """Add to what the run brought; of more than 1 MiB the beginning is lost."""
        self._carefully(lambda: self._report.add_output(str(text)))

    def artifact(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        type: str = "",
        tags: Mapping[str, str] | None = None,
        retention_days: float | None = None,
    ) -> None:
        """Keep a file with the run, as it is now.

        type: CODE, DOCUMENT, IMAGE, DATA, LOG or OTHER; "": as its name says."""
        self._carefully(
            lambda: run_delivery.put_artifact(
                self._report.artifact(
                    Path(path), name=name, kind=type, tags=tags, retention_days=retention_days
                )
            )
        )

    def fail(self, message: object, *, code: str = "FAILED", details: Any = None) -> None:
        """Have the run end as FAILED although nothing is raised."""
        self._carefully(lambda: self._report.fail(str(message), code=code, details=details))

    def _carefully(self, do: Callable[[], None]) -> None:
        run_delivery.carefully(f"run {self.id} of {self._report.body['jobName']}", do)


class execution:  # noqa: N801  called as a function: with execution(...), @execution(...)
    """`with execution("nightly-report") as run:` makes what is inside a run of that job; `@execution(…)`
    makes each call one.

    The lines inside have its trace id. An exception makes it FAILED and goes on. prompt: what was asked of
    it, its name by default. timeout_s: after which the desk counts it as FAILED; nothing is interrupted.
    It works without the service, whose runs then wait in log_dir/executions. Never hurts the program."""

    def __init__(
        self,
        job_name: str,
        prompt: str = "",
        *,
        model: str = "",
        max_tokens: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        callback_url: str = "",
        is_permanent: bool = False,
    ) -> None:
        self._asked = {
            "job_name": job_name,
            "prompt": prompt,
            "model": model,
            "max_tokens": max_tokens,
            "metadata": metadata,
            "resources": resources,
            "timeout_s": timeout_s,
            "callback_url": callback_url,
            "is_permanent": is_permanent,
        }
        self._entered: list[tuple[RunReport, TraceIdContext]] = []

    def __enter__(self) -> Run:
        report = run_delivery.new_report(self._asked, pod_name=socket.gethostname())
        trace = TraceIdContext(report.trace_id)
        trace.__enter__()
        self._entered.append((report, trace))
        run_delivery.carefully("a run", lambda: run_delivery.put(report.began()))
        return Run(report)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: object
    ) -> None:
        report, trace = self._entered.pop()
        run_delivery.carefully("a run", lambda: _end(report, error))
        trace.__exit__(kind, error, stack)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: object
    ) -> None:
        self.__exit__(kind, error, stack)

    def __call__(self, function: F) -> F:
        """`function`, each call of which is a run."""
        asked = self._asked
        if iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with execution(**cast("Any", asked)):
                    return await function(*args, **kwargs)

            return cast("F", run_async)

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with execution(**cast("Any", asked)):
                return function(*args, **kwargs)

        return cast("F", run)


def _end(report: RunReport, error: BaseException | None) -> None:
    stopped = ""
    if isinstance(error, SystemExit):
        if error.code not in (None, 0):
            report.fail(f"the program ended with {error.code!r}", code="SystemExit")
    elif error is not None and is_stop(error):
        stopped = f"stopped by {type(error).__name__}"
    elif error is not None:
        report.fail_by(error)
    run_delivery.put(report.ended(cancelled=stopped))
