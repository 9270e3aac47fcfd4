"""hantu migrate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from hantu.cli.context import WRONG_USE, Control, Desk, fail, print_json
from hantu.cli.store_inbox import StoreInbox
from hantu.client.migration.checklist import Mark, Printer, Row, Say, summary
from hantu.client.migration.inbox import ApiInbox, Inbox, inbox_of
from hantu.client.migration.operate import DatabaseSize, database_size
from hantu.client.migration.plan import Plan, WrongUse, plan_of, with_dsn
from hantu.client.migration.run import migrate, roll_back
from hantu.store import open_store
from hantu.store.base import StoreError


@click.command("migrate")
@click.option("--log-dir", help="Folder of the logs (setting log_dir, else ./logs).")
@click.option("--backup-dir", help="Folder that backups are put in (else beside the logs).")
@click.option(
    "--unit", "units", multiple=True, help="Service that logs there; may be given again (else hantu*)."
)
@click.option("--compress", is_flag=True, help="Back up to a .tar.gz.")
@click.option("--dry-run", is_flag=True, help="Change nothing, say what would be done.")
@click.option("--rollback", is_flag=True, help="Put the newest backup back.")
@click.option("--backup", help="With --rollback: the backup to put back.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def migrate_command(
    desk: Desk,
    log_dir: str | None,
    backup_dir: str | None,
    units: tuple[str, ...],
    compress: bool,
    dry_run: bool,
    rollback: bool,
    backup: str | None,
    as_json: bool,
) -> None:
    """Move a folder of logs to the log library, check that all works, and print the checklist."""
    json_wanted = desk.with_json(as_json).as_json
    rows: list[Row] = []
    say: Say = rows.append if json_wanted else Printer(click.echo)
    try:
        if backup and not rollback:
            raise WrongUse("--backup names what --rollback restores")
        if rollback and compress:
            raise WrongUse("--compress is for a backup; --rollback knows both kinds")
        plan = library_plan(
            desk, log_dir, backup_dir=backup_dir, units=units, compress=compress, dry_run=dry_run
        )
        if rollback:
            rows = roll_back(plan, Path(backup) if backup else None, say)
        else:
            plan, inbox = _inbox(desk, plan)
            # Opening the store, even to read it, makes files of SQLite's beside it.
            size = database_size(desk.config.database) if dry_run else growth(desk)
            rows = migrate(plan, inbox, size, say)
    except WrongUse as error:
        fail(str(error), WRONG_USE)
    except KeyboardInterrupt:
        fail("broken off; nothing is lost, run it again")
    if json_wanted:
        print_json(summary(rows, dry_run=dry_run))
    if any(row.mark is Mark.FAILED for row in rows):
        raise SystemExit(1)


def library_plan(desk: Desk, log_dir: str | None, **more: Any) -> Plan:
    """The plan for a folder of logs with the settings of this machine's service. Raises WrongUse."""
    namespace = desk.config.journal_namespace
    return plan_of(os.environ, log_dir=log_dir, given=_settings(desk), journal_namespace=namespace, **more)


def _settings(desk: Desk) -> dict[str, Any]:
    """The settings that the service's file shares with the library."""
    config = desk.config
    return {
        "log_dir": config.log_dir,
        "telegram_token": config.telegram_token,
        "telegram_chat_id": config.telegram_chat_id,
        "telegram_api": config.telegram_api,
        "cooldown_s": config.cooldown_s,
    }


def _inbox(desk: Desk, plan: Plan) -> tuple[Plan, Inbox | None]:
    """Where errors of this plan go, and how to look at it; a service of this machine when none is named."""
    control = desk.control()
    dsn = plan.config.dsn
    if not dsn:
        if control is not None:
            address = urlsplit(control.url)
            dsn = f"{address.scheme}://{control.token}@{address.netloc}"
        elif _is_ours(plan, desk.config.database):
            dsn = f"sqlite:///{desk.config.database.absolute()}"
        plan = with_dsn(plan, dsn)
    if control is not None and _leads_to(dsn, control, desk.config.database):
        # The token of the service itself may resolve what the check makes, too.
        return plan, ApiInbox(control.url, control.token)
    if dsn == f"sqlite:///{desk.config.database.absolute()}":
        return plan, StoreInbox(desk.config.database)
    return plan, inbox_of(dsn)


def _leads_to(dsn: str, control: Control, database: Path) -> bool:
    if dsn.startswith("sqlite:"):
        return dsn == f"sqlite:///{database.absolute()}"
    return urlsplit(dsn).port == urlsplit(control.url).port


def _is_ours(plan: Plan, database: Path) -> bool:
    """Whether the user that the logs belong to may write the database."""
    try:
        owner = plan.root.stat().st_uid if plan.root.exists() else os.geteuid()
        return database.is_file() and database.stat().st_uid == owner
    except OSError:
        return False


def growth(desk: Desk) -> DatabaseSize | None:
    """The size of this machine's database, and over how many days."""
    database = desk.config.database
    try:
        if not database.is_file():
            return None
        store = open_store(database, read_only=True)
    except (StoreError, OSError):
        return database_size(database)
    try:
        return database_size(database, store.stats().oldest_ns)
    except StoreError:
        return database_size(database)
    finally:
        store.close()
