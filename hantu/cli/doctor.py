"""hantu doctor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import click

from hantu.cli.context import Control, Desk, ServiceError, human_bytes, print_json
from hantu.cli.doctor_accounts import look_at_accounts
from hantu.cli.doctor_arrivals import look_at_arrivals
from hantu.cli.doctor_store import look_at_backups, look_at_contents, look_at_file
from hantu.cli.doctor_system import look_at_clock, look_at_groups
from hantu.cli.finding import Finding
from hantu.cli.migrate import growth, library_plan
from hantu.client.health_file import ailing
from hantu.client.migration.checklist import Mark
from hantu.client.migration.operate import operate
from hantu.client.migration.plan import WrongUse
from hantu.collect.build import probe_sources
from hantu.config import SECRET_KEYS, Config, settings
from hantu.install.plan import UNIT_FILE
from hantu.store import open_store
from hantu.store.base import StoreError
from hantu.store.health import Depth
from hantu.text import visible

INSTALLED_DATA: Final = Config().data_dir

FREE_LEAST_BYTES = 500 * 10**6


def _folder(desk: Desk) -> Iterator[Finding]:
    folder = desk.config.data_dir
    if not folder.is_dir():
        yield Finding("data folder", True, f"{folder} is not there yet; the first start makes it")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("data folder", False, f"you may not write {folder}", f"sudo chown -R hantu: {folder}")
        return
    free = shutil.disk_usage(folder).free
    yield Finding(
        "data folder",
        free > FREE_LEAST_BYTES,
        f"{folder}, {human_bytes(free)} free",
        ""
        if free > FREE_LEAST_BYTES
        else "free some space, or lower retention_days: hantu cleanup --days 3",
    )


def _database(desk: Desk) -> Iterator[Finding]:
    database = desk.config.database
    if not database.is_file():
        yield Finding("database", True, f"{database} is not there yet; the first start makes it")
        return
    try:
        store = open_store(database, read_only=True)
        try:
            stats = store.stats()
        finally:
            store.close()
    except StoreError as error:
        yield Finding("database", False, str(error), "see docs/storage.md, Versions and damage")
        return
    yield Finding(
        "database",
        True,
        f"{stats.entries:,} entries in {human_bytes(stats.size_bytes)}, schema {stats.schema_version}",
    )
    mode = database.stat().st_mode & 0o077
    yield Finding(
        "database mode",
        not mode,
        "only its owner may read it" if not mode else "others may read it",
        f"chmod 600 {database}" if mode else "",
    )


def _service(desk: Desk) -> Iterator[Finding]:
    control = desk.control()
    if control is None:
        if UNIT_FILE.is_file() and desk.config.data_dir == INSTALLED_DATA:
            # After five ends in five minutes systemd starts it no more until it is told to forget them.
            fix = f"systemctl reset-failed {UNIT_FILE.stem}; systemctl start {UNIT_FILE.stem}"
            yield Finding("service", False, "installed, but not running", fix)
        else:
            yield Finding("service", True, "not running", "start it with: hantu serve")
        for probe in probe_sources(desk.config):
            yield Finding(probe.name, probe.ok, probe.says, probe.fix)
        return
    yield from _running(control)


def _running(control: Control) -> Iterator[Finding]:
    try:
        health: Any = control.call("GET", "/healthz")
        collectors: Any = control.call("GET", "/api/collectors")
    except ServiceError as error:
        yield Finding("service", False, str(error), "systemctl restart hantu")
        return
    yield Finding("service", health.get("status") == "ok", f"answers at {control.url}")
    for found in collectors["collectors"]:
        yield Finding(
            found["name"],
            found["state"] not in ("failed", "reconnecting"),
            found["error"] or _stands(found),
            found["fix"],
        )
    yield from look_at_arrivals(collectors)


def _stands(found: dict[str, Any]) -> str:
    """How a collector without trouble stands: `collecting, 1,204 lines, 8 files`."""
    parts = [found["state"], f"{found['lines']:,} lines", found["detail"]]
    return ", ".join(filter(None, parts))


def _alerts(desk: Desk) -> Iterator[Finding]:
    """Whether people are told of errors: by the settings, and by the service as it runs."""
    config = desk.config
    missing = [key for key in ("telegram_token", "telegram_chat_id") if not getattr(config, key)]
    if missing:
        says = f"off: {' and '.join(missing)} not set" if len(missing) == 1 else "off: no channel is set"
        yield Finding("alerts", len(missing) == 2, says, "see docs/alerts.md")
        return
    report = "no daily report" if config.report_at == "off" else f"daily report at {config.report_at}"
    says = f"chat {config.telegram_chat_id}, {report}, one message in {config.cooldown_s} s for an error"
    yield Finding("alerts", True, says)
    control = desk.control()
    if control is None:
        return
    try:
        found: Any = control.call("GET", "/api/alerts")
    except ServiceError as error:
        yield Finding("alerts sent", False, str(error), "systemctl restart hantu")
        return
    yield _sending(found)


def _sending(found: Any) -> Finding:
    """How the running service's alerts fare."""
    if not found["channel"]:
        says = "the running service began before the channel was set"
        return Finding("alerts sent", False, says, "systemctl restart hantu")
    waiting = f"{found['sent']:,} sent, {found['waiting']:,} waiting, {found['quiet']:,} in cooldown"
    if found["stopped"]:
        fix = "mend telegram_token or telegram_chat_id, systemctl restart hantu; then: hantu notify test"
        return Finding("alerts sent", False, f"stopped: {found['stopped']}; {waiting}", fix)
    if found["error"]:
        return Finding("alerts sent", False, f"{found['error']}; {waiting}", "hantu notify test")
    return Finding("alerts sent", True, waiting)


def _library(desk: Desk) -> Iterator[Finding]:
    """The last stage of the checklist of `hantu migrate`: how the log library fares."""
    folder = desk.config.log_dir
    if folder is None:
        says = "no log_dir is set: no folder of the log library to look at"
        yield Finding("log library", True, says, "set log_dir, or: hantu migrate --log-dir FOLDER")
        return
    try:
        plan = library_plan(desk, str(folder))
    except WrongUse as error:
        yield Finding("log library", False, str(error), "see docs/library.md, Settings")
        return
    for row in operate(plan.config, growth(desk)):
        yield Finding(row.what, row.mark is not Mark.FAILED, row.says, row.fix)
    for each in ailing(folder):
        says = f"{each.state} ({', '.join(each.kinds)}): {each.reason}"
        yield Finding(f"{each.service}, pid {each.pid}", False, says, "see docs/library-faults.md")


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Look at every page of the database, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor_command(desk: Desk, deep: bool, as_json: bool) -> None:
    """Look for common faults, say what mends them, and print every setting with its origin."""
    depth = Depth.PAGES if deep else Depth.SETTINGS
    findings = [
        *_folder(desk),
        *_database(desk),
        *look_at_file(desk, depth),
        *look_at_contents(desk),
        *look_at_backups(desk),
        *look_at_accounts(desk),
        *look_at_clock(desk),
        *look_at_groups(desk),
        *_service(desk),
        *_alerts(desk),
        *_library(desk),
    ]
    values = {
        setting.key: {
            "value": "(set)"
            if setting.key in SECRET_KEYS and getattr(desk.config, setting.key)
            else getattr(desk.config, setting.key),
            "origin": desk.loaded.origins[setting.key],
        }
        for setting in settings()
    }
    if desk.with_json(as_json).as_json:
        print_json({"findings": [asdict(finding) for finding in findings], "settings": values})
    else:
        _print(findings, values)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


def _print(findings: list[Finding], values: dict[str, dict[str, Any]]) -> None:
    for finding in findings:
        mark = click.style("ok  ", fg="green") if finding.ok else click.style("BAD ", fg="red", bold=True)
        click.echo(f"{mark} {visible(finding.what)}: {visible(finding.says)}")
        if finding.fix:
            click.echo(f"      → {visible(finding.fix)}")
    click.echo("\nSettings")
    wide = max(map(len, values))
    for key, found in values.items():
        value = found["value"]
        shown = ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        click.echo(f"  {key:<{wide}}  {visible(shown) or '–':<34}  {found['origin']}")
