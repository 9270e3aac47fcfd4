"""hantu gaps."""

from __future__ import annotations

import time
from typing import Any

import click

from hantu.cli.context import WRONG_USE, Desk, fail, local_zone, print_json
from hantu.output import iso
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery
from hantu.query.origin import could_match
from hantu.store.gap_base import Gap
from hantu.text import visible


@click.command("gaps")
@click.argument("words", nargs=-1)
@click.option("--since", help="From when on: 2h, 7d, 2026-11-20T09:00 …", default="7d", show_default=True)
@click.option("--until", help="Up to when.")
@click.option("-n", "--lines", "most", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def gaps_command(
    desk: Desk, words: tuple[str, ...], since: str, until: str | None, most: int, as_json: bool
) -> None:
    """Times that hantu could not see, newest last. WORDS such as source:docker or container:api."""
    text = " ".join((*words, f"since:{since}", *([f"until:{until}"] if until else [])))
    try:
        query = LogQuery.parse(text, now_ns=time.time_ns(), tz=local_zone())
    except QueryError as error:
        fail(str(error), WRONG_USE)
    found = desk.ask(lambda store: store.gaps(start_ns=query.start_ns, end_ns=query.end_ns, most=10_000))
    kept = [gap for gap in found if could_match(query.search, gap.source, gap.source_id)][:most]
    if desk.with_json(as_json).as_json:
        print_json([_wire(gap) for gap in reversed(kept)])
        return
    if not kept:
        click.echo("none: every line that was written could be read")
    for gap in reversed(kept):
        click.echo(_line(gap))


def _line(gap: Gap) -> str:
    origin = f"{gap.source}/{gap.source_id}".rstrip("/") or "sent by programs"
    lost = "lines not known" if gap.lines is None else f"{gap.lines:,} lines"
    if gap.lines is None and gap.size_bytes is not None:
        lost = f"{gap.size_bytes:,} bytes"
    length_s = (gap.to_ns - gap.from_ns) / 1e9
    return f"{iso(gap.from_ns)[:19]}Z  {length_s:8.1f} s  {visible(origin)}  {lost}  {visible(gap.reason)}"


def _wire(gap: Gap) -> dict[str, Any]:
    return {
        "source": gap.source,
        "sourceId": gap.source_id,
        "start": iso(gap.from_ns),
        "end": iso(gap.to_ns),
        "reason": gap.reason,
        "lines": gap.lines,
        "bytes": gap.size_bytes,
        "logId": gap.entry_id or None,
    }
