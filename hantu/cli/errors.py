"""hantu errors."""

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
from hantu.cli.error_lines import event_line, group_lines, one_line, stamp
from hantu.cli.noting import note
from hantu.errors import place
from hantu.inbox import acts, wire
from hantu.inbox.question import Shown, question, write_cursor
from hantu.output import to_json
from hantu.query.error import QueryError
from hantu.query.times import end_of, start_of
from hantu.store.base import StoreError
from hantu.store.error_base import ErrorGroup, ErrorStorage, StatsBy, UnknownError
from hantu.text import visible

BY: Final = "hantu command line"
_LENGTH: Final = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RATE: Final = re.compile(r">?(\d{1,7})/h")

Command = Callable[..., None]
Act = Callable[[ErrorStorage, int], ErrorGroup]
Change = Callable[[str], Any]


@click.group("errors", invoke_without_command=True)
@click.pass_context
def errors_group(context: click.Context) -> None:
    """The inbox of errors: alike failures are one line with a number."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@contextmanager
def reading(desk: Desk) -> Iterator[ErrorStorage]:
    """The store for reading; ends the command with a sentence when it cannot be done."""
    store = desk.read_store()
    try:
        yield store
    except (StoreError, acts.Refused) as error:
        fail(str(error))
    except UnknownError as error:
        fail(f"there is no error {error.args[0]}; see: hantu errors list --status all")
    finally:
        store.close()


def as_json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@errors_group.command("list")
@click.argument("words", nargs=-1)
@click.option(
    "--status",
    type=click.Choice([shown.value for shown in Shown]),
    default=Shown.OPEN.value,
    show_default=True,
    help="open: unresolved and not muted.",
)
@click.option("--service", default="", help="Only this service (several: with commas).")
@click.option("--type", "kind", default="", help="Only this type of error.")
@click.option("--level", default="", help="error or critical.")
@click.option("--since", default="", help="Last seen from: 2h, 7d, today …")
@click.option("--order", type=click.Choice(["last", "first", "count"]), default="last", show_default=True)
@click.option(
    "-n", "--lines", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many."
)
@click.option("--cursor", default="", help="nextCursor of the page before.")
@as_json_option
@click.pass_obj
def list_command(
    desk: Desk,
    words: tuple[str, ...] = (),
    status: str = Shown.OPEN.value,
    service: str = "",
    kind: str = "",
    level: str = "",
    since: str = "",
    order: str = "last",
    lines: int = 50,
    cursor: str = "",
    as_json: bool = False,
) -> None:
    """Groups of equal errors: hantu errors list 주문 --service scheduler --since 7d"""
    now_ns = time.time_ns()
    asked = {
        "q": " ".join(words),
        "status": status,
        "service": service,
        "type": kind,
        "level": level,
        "since": since,
        "order": order,
        "limit": str(lines),
        "cursor": cursor,
    }
    try:
        query = question(asked, now_ns=now_ns, tz=local_zone())
    except QueryError as error:
        fail(str(error), WRONG_USE)
    with reading(desk) as store:
        page = store.errors(query)
        if desk.with_json(as_json).as_json:
            found = [wire.group_of(group, now_ns) for group in page.groups]
            _print(wire.ErrorsAnswer(found, page.total, write_cursor(page.next, query.order)))
            return
        zone, colour = local_zone(), sys.stdout.isatty()
        for group in page.groups:
            click.echo(group_lines(group, zone=zone, now_ns=now_ns, colour=colour))
        if not page.groups:
            click.echo("no error" if status == Shown.ALL else f"no error is {status}")
        elif page.next is not None:
            click.echo(f"{len(page.groups)} of {page.total:,}; go on with --cursor", nl=False)
            click.echo(f" {write_cursor(page.next, query.order)}")


@errors_group.command("show")
@click.argument("error")
@click.option("-n", "--lines", type=click.IntRange(1, 1000), default=10, help="How many occurrences.")
@as_json_option
@click.pass_obj
def show_command(desk: Desk, error: str, lines: int, as_json: bool) -> None:
    """One error by its number or an occurrence's id: stack trace, context, occurrences, history."""
    now_ns = time.time_ns()
    with reading(desk) as store:
        group = store.error_group(acts.group_no_of(store, error))
        page = store.occurrences(group.group_no, most=lines)
        history = store.group_events(group.group_no)
        if desk.with_json(as_json).as_json:
            before = None if page.next is None else f"{page.next[0]}-{page.next[1]}"
            told = [wire.occurrence_of(found) for found in page.occurrences]
            done = [wire.act_of(event) for event in history]
            _print(wire.GroupDetail(wire.group_of(group, now_ns), told, done, before))
            return
        zone = local_zone()
        click.echo(group_lines(group, zone=zone, now_ns=now_ns, colour=False))
        if page.occurrences:
            newest = page.occurrences[0].record
            click.echo(f"\n{visible(newest.stack_trace or newest.message)}")
            if newest.context:
                click.echo(f"\n{visible(json.dumps(newest.context, ensure_ascii=False, indent=2))}")
        click.echo("")
        for found in page.occurrences:
            record = found.record
            trace = f"trace_id={visible(record.trace_id)}" if record.trace_id else ""
            click.echo(f"{stamp(record.time_ns, zone)}  {record.id}  {place(record)}  {trace}".rstrip())
        for event in history:
            click.echo(event_line(event, zone))


@errors_group.command("resolve")
@click.argument("errors", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def resolve_command(desk: Desk, errors: tuple[str, ...], as_json: bool) -> None:
    """Settle errors; the next occurrence of one reopens it."""
    _each(desk, errors, "resolve", None, _now(acts.resolve), as_json)


@errors_group.command("reopen")
@click.argument("errors", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def reopen_command(desk: Desk, errors: tuple[str, ...], as_json: bool) -> None:
    """Take resolved errors up again."""
    _each(desk, errors, "reopen", None, _now(acts.reopen), as_json)


@errors_group.command("mute")
@click.argument("errors", nargs=-1, required=True)
@click.option("--for", "length", default="", help="For so long: 30m, 1h, 7d.")
@click.option("--below", default="", help="Until more than so many come within an hour: 10/h.")
@as_json_option
@click.pass_obj
def mute_command(desk: Desk, errors: tuple[str, ...], length: str, below: str, as_json: bool) -> None:
    """No alerts of errors for a time, or below a rate: --for 1h, or --below 10/h."""
    if bool(length) == bool(below):
        fail("say for how long (--for 1h) or below which rate (--below 10/h), one of them", WRONG_USE)
    seconds, rate = _length(length), _rate(below)
    asked = {"forSeconds": seconds} if rate is None else {"belowAnHour": rate}

    def mute(store: ErrorStorage, group_no: int) -> ErrorGroup:
        return acts.mute(store, group_no, at_ns=time.time_ns(), by=BY, seconds=seconds, below_an_hour=rate)

    _each(desk, errors, "mute", asked, mute, as_json)


@errors_group.command("unmute")
@click.argument("errors", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def unmute_command(desk: Desk, errors: tuple[str, ...], as_json: bool) -> None:
    """Alerts of errors again."""
    _each(desk, errors, "unmute", None, _now(acts.unmute), as_json)


@errors_group.command("note")
@click.argument("error")
@click.argument("text")
@as_json_option
@click.pass_obj
def note_command(desk: Desk, error: str, text: str, as_json: bool) -> None:
    """Write a note into an error's history."""
    if not 0 < len(text.strip()) <= acts.NOTE_MOST:
        fail(f"a note has 1 to {acts.NOTE_MOST:,} characters", WRONG_USE)

    def note(store: ErrorStorage, group_no: int) -> ErrorGroup:
        return acts.note(store, group_no, text, at_ns=time.time_ns(), by=BY)

    _each(desk, (error,), "notes", {"text": text}, note, as_json)


@errors_group.command("merge")
@click.argument("into")
@click.argument("others", nargs=-1, required=True, type=click.IntRange(1, 2**62))
@as_json_option
@click.pass_obj
def merge_command(desk: Desk, into: str, others: tuple[int, ...], as_json: bool) -> None:
    """Make the OTHERS part of error INTO; what comes later of all of them goes there."""

    def merge(store: ErrorStorage, group_no: int) -> ErrorGroup:
        return acts.merge(store, others, group_no, at_ns=time.time_ns(), by=BY)

    _each(desk, (into,), "merge", {"groups": list(others)}, merge, as_json)


@errors_group.command("split")
@click.argument("error")
@click.argument("fingerprint")
@as_json_option
@click.pass_obj
def split_command(desk: Desk, error: str, fingerprint: str, as_json: bool) -> None:
    """Give a FINGERPRINT of a merged error a number of its own again (see: errors show ERROR --json)."""

    def split(store: ErrorStorage, group_no: int) -> ErrorGroup:
        return acts.split(store, group_no, fingerprint, at_ns=time.time_ns(), by=BY)

    _each(desk, (error,), "split", {"fingerprint": fingerprint}, split, as_json)


@errors_group.command("stats")
@click.option("--by", type=click.Choice([by.value for by in StatsBy]), default="service", show_default=True)
@click.option("--since", default="7d", show_default=True, help="From: 2h, 7d, today …")
@click.option("--until", default="", help="Up to, as --since.")
@as_json_option
@click.pass_obj
def stats_command(desk: Desk, by: str, since: str, until: str, as_json: bool) -> None:
    """Occurrences counted by service, type, level, day or hour."""
    now_ns, zone = time.time_ns(), local_zone()
    try:
        since_ns = start_of(since, now_ns=now_ns, tz=zone)
        until_ns = end_of(until, now_ns=now_ns, tz=zone) if until else now_ns
    except QueryError as error:
        fail(str(error), WRONG_USE)
    offset = zone.utcoffset(None)
    with reading(desk) as store:
        rows = store.error_stats(
            StatsBy(by),
            since_ns=since_ns,
            until_ns=until_ns,
            utc_offset_s=int(offset.total_seconds()) if offset else 0,
        )
    if desk.with_json(as_json).as_json:
        _print(wire.stats_of(by, since_ns, until_ns, rows))
        return
    for row in rows:
        kinds = "1 kind" if row.groups == 1 else f"{row.groups:,} kinds"
        click.echo(f"{row.count:>10,}  {kinds:>12}  {one_line(row.name) or '(none)'}")
    if not rows:
        click.echo("no error in that time")


def _now(act: Callable[..., ErrorGroup]) -> Act:
    return lambda store, group_no: act(store, group_no, at_ns=time.time_ns(), by=BY)


def _each(
    desk: Desk, names: tuple[str, ...], path: str, asked: dict[str, Any] | None, act: Act, as_json: bool
) -> None:
    """Do the act on each error: by the service when it runs, else on the file. Exit 1 when one failed."""
    printing = desk.with_json(as_json).as_json
    answers, failed = [], False
    with _changing(desk, path, asked, act) as change:
        for name in names:
            try:
                answers.append(change(name))
            except (ServiceError, StoreError, acts.Refused) as error:
                failed = True
                click.echo(f"hantu: {error}", err=True)
            except UnknownError:
                failed = True
                click.echo(
                    f"hantu: there is no error {name}; see: hantu errors list --status all", err=True
                )
    for answer in answers:
        if printing:
            print_json(answer)
        else:
            click.echo(_told(answer["error"]))
    if failed:
        raise SystemExit(1)


def _told(group: dict[str, Any]) -> str:
    """`error 12 is resolved (InsufficientBalance, scheduler)`."""
    muted = "muted" if group["muted"] else ""
    words = [str(group["status"]).lower(), *([muted] if muted else [])]
    kind = visible(group["errorType"] or "Error")
    return f"error {group['id']} is {' and '.join(words)} ({kind}, {visible(group['service'])})"


@contextmanager
def _changing(desk: Desk, path: str, asked: dict[str, Any] | None, act: Act) -> Iterator[Change]:
    """Does the act on a named error, which is answered: by the service when it runs, else on the file."""
    control = desk.control()
    if control is not None:
        body = b"" if asked is None else json.dumps(asked).encode()
        yield lambda name: control.call("POST", f"/api/errors/{_safe(name)}/{path}", body)
        return
    if not desk.config.database.is_file():
        fail(f"there is no {desk.config.database} yet; start the service with: hantu serve")
    store = desk.write_store()

    def change(name: str) -> Any:
        group = act(store, acts.group_no_of(store, name))
        note(store, "errors changed", str(group.group_no), act=path)
        return json.loads(to_json(wire.GroupAnswer(wire.group_of(group, time.time_ns()))))

    try:
        yield change
    finally:
        store.close()


def _safe(name: str) -> str:
    """A number or UUID as it is; anything else names no error."""
    return name if re.fullmatch(r"[0-9A-Fa-f-]{1,36}", name) else "0"


def _length(text: str) -> int | None:
    if not text:
        return None
    match = _LENGTH.fullmatch(text.strip().lower())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= acts.MUTE_DAYS_MOST * 86_400:
        fail(f"--for is {text!r}; use 30m, 1h, 7d, up to {acts.MUTE_DAYS_MOST}d", WRONG_USE)
    return seconds


def _rate(text: str) -> int | None:
    if not text:
        return None
    match = _RATE.fullmatch(text.strip().lower())
    if match is None or not 0 < int(match[1]) <= 1_000_000:
        fail(f"--below is {text!r}; use 10/h", WRONG_USE)
    return int(match[1])


def _print(answer: object) -> None:
    click.echo(to_json(answer).decode())
