"""What a migration is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hantu.client.config import ClientConfig, load


class Stopped(Exception):
    """The rows so far say why the rest is not done."""


class WrongUse(Exception):
    """What was asked for cannot be meant; says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A migration. config: the library's settings; root: its folder of logs; beside: the folder that
    backups are put in; units: the services that log there, "" when they are to be found; alerts: the
    settings with the bot that people are told by."""

    config: ClientConfig
    beside: Path
    alerts: ClientConfig
    units: tuple[str, ...] = ()
    compress: bool = False
    dry_run: bool = False
    journal_namespace: str = ""

    @property
    def root(self) -> Path:
        """The folder of logs."""
        return self.config.log_dir


def plan_of(
    environ: Mapping[str, str],
    *,
    log_dir: str | None = None,
    backup_dir: str | None = None,
    given: Mapping[str, Any] | None = None,
    **more: Any,
) -> Plan:
    """The plan that options and HANTU_ variables ask for. given: settings that the variables win over.

    Raises WrongUse for a value that is not allowed."""
    variables = {f"HANTU_{key.upper()}": str(value) for key, value in (given or {}).items() if value}
    try:
        config, wrong = load({"log_dir": log_dir} if log_dir else {}, {**variables, **environ})
    except ValueError as error:
        raise WrongUse(str(error)) from None
    if wrong:
        raise WrongUse("; ".join(wrong))
    beside = Path(backup_dir).absolute() if backup_dir else config.log_dir.parent
    return Plan(config=config, beside=beside, alerts=config, **more)


def with_dsn(plan: Plan, dsn: str) -> Plan:
    """The same plan with another place of errors."""
    return replace(plan, config=replace(plan.config, dsn=dsn))
