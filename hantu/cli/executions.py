"""hantu executions."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from hantu.cli.context import WRONG_USE, Desk, ServiceError, fail, local_zone, print_json
from hantu.cli.execution_lines import artifact_line, detail_lines, run_lines, step_line
from hantu.cli.noting import note
from hantu.executions import ExecutionStatus, IllegalMove
from hantu.executions.limits import REASON_MOST
from hantu.jobs import acts, wire
from hantu.jobs.question import question
from hantu.output import to_json
from hantu.query.error import QueryError
from hantu.store.base import StoreError
from hantu.store.execution_base import (
    PAGE_SIZE_MOST,
    ExecutionSort,
    ExecutionStorage,
    SortOrder,
    UnknownExecution,
)

BY: Final = "hantu command line"
_TRACE: Final = re.compile(r"[0-9A-Za-z._:-]{8,64}")

Command = Callable[..., None]


@click.group("executions", invoke_without_command=True)
@click.pass_context
def executions_group(context: click.Context) -> None:
    """Runs of jobs: what each was asked, what it brought, tokens and cost."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@contextmanager
def reading(desk: Desk) -> Iterator[ExecutionStorage]:
    """The store for reading; ends the command with a sentence when it cannot be done."""
    store = desk.read_store()
    try:
        yield store
    except StoreError as error:
        fail(str(error))
    except UnknownExecution as error:
        fail(unknown(error.args[0]))
    finally:
        store.close()


def unknown(name: str) -> str:
    """The sentence for a run that is not there."""
    return f"there is no execution {name}; see: hantu executions list"


def id_of(store: ExecutionStorage, name: str) -> str:
    """The UUID of the run that a UUID or trace id names. Raises UnknownExecution."""
    if _TRACE.fullmatch(name):
        found = store.execution_of_trace(name)
        if found is not None:
            return found.id
    return store.execution(name).id


def as_json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@executions_group.command("list")
@click.argument("words", nargs=-1)
@click.option("--status", default="", help="PENDING, RUNNING, COMPLETED, FAILED, CANCELLED (with commas).")
@click.option("--job", default="", help="Only this job (several: with commas).")
@click.option("--model", default="", help="Only this model (several: with commas).")
@click.option("--since", default="", help="Created from: 2h, 7d, today …")
@click.option("--until", default="", help="Created before, as --since.")
@click.option("--files/--no-files", "files", default=None, help="With artifacts, or without.")
@click.option(
    "--sort", type=click.Choice([sort.value for sort in ExecutionSort]), default=ExecutionSort.CREATED.value
)
@click.option(
    "--order", type=click.Choice([order.value for order in SortOrder]), default=SortOrder.DESC.value
)
@click.option(
    "-n", "--lines", type=click.IntRange(1, PAGE_SIZE_MOST), default=20, show_default=True, help="A page."
)
@click.option("--page", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Which page.")
@as_json_option
@click.pass_obj
def list_command(
    desk: Desk,
    words: tuple[str, ...] = (),
    status: str = "",
    job: str = "",
    model: str = "",
    since: str = "",
    until: str = "",
    files: bool | None = None,
    sort: str = ExecutionSort.CREATED.value,
    order: str = SortOrder.DESC.value,
    lines: int = 20,
    page: int = 1,
    as_json: bool = False,
) -> None:
    """Runs, newest first: hantu executions list 정산 --status failed --since 7d"""
    now_ns = time.time_ns()
    asked = {
        "search": " ".join(words),
        "status": status,
        "jobName": job,
        "model": model,
        "createdAfter": since,
        "createdBefore": until,
        "hasArtifacts": "" if files is None else str(files).lower(),
        "sortBy": sort,
        "sortOrder": order,
        "page": str(page),
        "pageSize": str(lines),
    }
    try:
        query = question(asked, now_ns=now_ns, tz=local_zone())
    except QueryError as error:
        fail(_as_option(str(error)), WRONG_USE)
    with reading(desk) as store:
        found = store.executions(query)
    if desk.with_json(as_json).as_json:
        click.echo(to_json(wire.page_of(found, now_ns)).decode())
        return
    zone, colour = local_zone(), sys.stdout.isatty()
    for run in found.executions:
        click.echo(run_lines(run, zone=zone, now_ns=now_ns, colour=colour))
    if not found.total:
        click.echo(
            "no execution matches" if any((*words, status, job, model, since, until)) else "no execution"
        )
    elif found.total > found.page * found.page_size:
        click.echo(f"page {page}, {found.total:,} in all; go on with --page {page + 1}")


@executions_group.command("show")
@click.argument("execution")
@as_json_option
@click.pass_obj
def show_command(desk: Desk, execution: str, as_json: bool) -> None:
    """One run by its id or trace id: steps, figures, error, output, files."""
    now_ns = time.time_ns()
    with reading(desk) as store:
        run = store.execution(id_of(store, execution))
        steps, artifacts = store.transitions(run.id), store.artifacts(run.id)
    if desk.with_json(as_json).as_json:
        click.echo(to_json(wire.detail_of(run, steps, artifacts, now_ns)).decode())
        return
    zone = local_zone()
    click.echo(detail_lines(run, zone=zone, now_ns=now_ns))
    for step in steps:
        click.echo(step_line(step, zone))
    for artifact in artifacts:
        click.echo(artifact_line(artifact))
    click.echo(f"its log: hantu logs --trace-id {run.trace_id}")


@executions_group.command("cancel")
@click.argument("executions", nargs=-1, required=True)
@click.option("--reason", default="", help="Why, for its timeline.")
@as_json_option
@click.pass_obj
def cancel_command(desk: Desk, executions: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Cancel runs that are not over; `hantu run` then ends its command."""
    if len(reason) > REASON_MOST:
        fail(f"a reason has at most {REASON_MOST:,} characters", WRONG_USE)
    printing = desk.with_json(as_json).as_json
    answers, failed = [], False
    with _cancelling(desk, reason) as cancel:
        for name in executions:
            try:
                answers.append(cancel(name))
            except UnknownExecution:
                failed = True
                click.echo(f"hantu: {unknown(name)}", err=True)
            except (ServiceError, StoreError, IllegalMove) as error:
                failed = True
                click.echo(f"hantu: {error}", err=True)
    for answer in answers:
        if printing:
            print_json(answer)
        else:
            click.echo(f"execution {answer['id']} is {ExecutionStatus.CANCELLED.lower()}")
    if failed:
        raise SystemExit(1)


@contextmanager
def _cancelling(desk: Desk, reason: str) -> Iterator[Callable[[str], Any]]:
    """Cancels a named run, which is answered: by the service when it runs, else on the file."""
    control = desk.control()
    if control is not None:
        store = desk.read_store()

        def ask(name: str) -> Any:
            body = json.dumps({"reason": reason}).encode()
            return control.call("POST", f"/api/executions/{id_of(store, name)}/cancel", body)

        try:
            yield ask
        finally:
            store.close()
        return
    if not desk.config.database.is_file():
        fail(f"there is no {desk.config.database} yet; start the service with: hantu serve")
    own = desk.write_store()

    def cancel(name: str) -> Any:
        now_ns = time.time_ns()
        run = acts.cancel(own, id_of(own, name), at_ns=now_ns, by=BY, reason=reason)
        note(own, "execution cancelled", run.id)
        return json.loads(to_json(wire.execution_of(run, now_ns)))

    try:
        yield cancel
    finally:
        own.close()


def _as_option(message: str) -> str:
    """A complaint with the name that the option has here."""
    names = {
        "createdAfter": "--since",
        "createdBefore": "--until",
        "jobName": "--job",
        "status": "--status",
    }
    name, _, rest = message.partition(":")
    return f"{names.get(name, name)}:{rest}"
