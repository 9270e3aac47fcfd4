"""hantu logs."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click

from hantu.cli.context import WRONG_USE, Desk, fail, local_zone, query_args
from hantu.cli.error_log import show_errors, wanted_of
from hantu.cli.lines import line
from hantu.model import LogEntry
from hantu.output import entry_json, optional_iso
from hantu.query.args import from_args
from hantu.query.edit import joined
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, StoreError
from hantu.store.view_base import EVERYBODY
from hantu.tail import PolledSignal, TailHub

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What query_options() took: the words, and the options that narrow them."""

    words: tuple[str, ...]
    since: str | None
    until: str | None
    level: str | None
    source: tuple[str, ...]
    trace_id: str | None

    @property
    def text(self) -> str:
        """The words as one search."""
        return " ".join(self.words)

    def query(self, text: str | None = None) -> LogQuery:
        """The query that this means, or the one of `text` instead of the words; ends the command when it is
        wrong."""
        text = self.text if text is None else text
        args = query_args(
            text,
            since=self.since,
            until=self.until,
            level=self.level,
            source=self.source,
            trace_id=self.trace_id,
        )
        try:
            return from_args(args, now_ns=time.time_ns(), tz=local_zone())
        except QueryError as error:
            if text and error.position is not None:
                click.echo(f"  {text}\n  {' ' * error.position}^", err=True)
            fail(str(error), WRONG_USE)


def query_options(command: Command) -> Command:
    """Words and the options that narrow a query; the command gets them as `asked`."""

    @functools.wraps(command)
    def gathered(
        *args: Any,
        words: tuple[str, ...],
        since: str | None,
        until: str | None,
        level: str | None,
        source: tuple[str, ...],
        trace_id: str | None,
        **more: Any,
    ) -> None:
        command(*args, asked=Asked(words, since, until, level, source, trace_id), **more)

    narrowed: Command = gathered
    for option in (
        click.option("--trace-id", help="Only this trace."),
        click.option("--source", multiple=True, help="docker, journal, app … (may be given again)."),
        click.option("--level", help="At least this level: trace debug info warn error fatal."),
        click.option("--until", help="Up to: 10m, 2026-11-20, yesterday …"),
        click.option("--since", help="From: 2h, 7d, 2026-11-20T09:00, today …"),
        click.argument("words", nargs=-1),
    ):
        narrowed = option(narrowed)
    return narrowed


@click.command("logs")
@query_options
@click.option("-f", "--follow", "--tail", "follow", is_flag=True, help="Go on with new entries.")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 10_000), default=100, show_default=True, help="How many."
)
@click.option("--service", default="", help="With `logs error`: only this service.")
@click.option(
    "--status",
    type=click.Choice(["unresolved", "resolved"]),
    default=None,
    help="With `logs error`: only errors that are so now.",
)
@click.option("--view", default="", metavar="NAME", help="Of a saved view; words narrow it further.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def logs_command(
    desk: Desk,
    asked: Asked,
    follow: bool,
    lines: int,
    service: str,
    status: str | None,
    view: str,
    as_json: bool,
) -> None:
    """Search the logs, newest last: hantu logs 주문 실패 level:error since:2h

    hantu logs error: the errors as they came, of all services; with --tail, as they come."""
    if asked.words[:1] == ("error",):
        wanted = wanted_of(
            asked.words[1:],
            service=service,
            status=status or "",
            level=asked.level or "",
            trace_id=asked.trace_id or "",
            since=asked.since or "",
            until=asked.until or "",
        )
        show_errors(desk.with_json(as_json), wanted, lines=lines, follow=follow)
        return
    if service or status:
        fail("--service and --status go with: hantu logs error", WRONG_USE)
    text = asked.text
    if view:
        try:
            text = joined(_text_of_view(desk, view), text)
        except QueryError as error:
            fail(str(error), WRONG_USE)
    query = asked.query(text)
    store = desk.read_store()
    show = _printer(desk.with_json(as_json).as_json)
    try:
        cursor = store.cursor()
        if lines:
            page = store.search(replace(query, limit=lines, order=Order.NEWEST))
            for entry in reversed(page.entries):
                show(entry)
            if not page.complete:
                back_to = optional_iso(page.searched_to_ns)
                click.echo(f"hantu: the time limit ended the search; searched back to {back_to}", err=True)
        if follow:
            _follow(store, query, cursor, show)
    except StoreError as error:
        fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
    finally:
        store.close()


def _text_of_view(desk: Desk, name: str) -> str:
    """The query text of everybody's view of that name; ends the command when there is none."""
    with closing(desk.read_store()) as store:
        try:
            views = {view.name: view for view in store.views(EVERYBODY)}
        except StoreError as error:
            fail(str(error))
    found = views.get(name)
    if found is None:
        known = ", ".join(views) or "none is saved"
        fail(f"there is no view named {name!r}; known: {known}", WRONG_USE)
    return " ".join(parse_qs(urlsplit(found.address).query).get("q", []))


def _follow(store: LogStorage, query: LogQuery, cursor: int, show: Callable[[LogEntry], None]) -> None:
    hub = TailHub(store, PolledSignal(store))
    try:
        for batch in hub.follow(query, after_key=cursor, stopping=lambda: False):
            if batch is None:
                continue
            if batch.arrivals.skipped:
                click.echo(f"hantu: {batch.arrivals.skipped} entries skipped", err=True)
            for entry in batch.arrivals.entries:
                show(entry)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


def _printer(as_json: bool) -> Callable[[LogEntry], None]:
    if as_json:
        return lambda entry: click.echo(entry_json(entry).decode())
    zone = local_zone()
    colour = sys.stdout.isatty()
    return lambda entry: click.echo(line(entry, zone=zone, colour=colour))
