"""hantu patterns."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import click
import msgspec

from hantu.cli.context import WRONG_USE, Desk, fail, local_zone
from hantu.cli.lines import level_style
from hantu.cli.logs import Asked, query_options
from hantu.output import optional_iso
from hantu.store.base import LogStorage, QueryTimeout
from hantu.store.extent import extent
from hantu.store.pattern_base import Pattern, PatternOrder, Patterns
from hantu.store.pattern_text import lines_beyond, text_of
from hantu.store.pattern_wire import answer_of

_MOST: Final = 1_000
"""Also looked through for those that are new: examples of more would be read for nothing."""
_BUCKETS: Final = 12
_BARS: Final = "▁▂▃▄▅▆▇█"


@click.command("patterns")
@query_options
@click.option(
    "-n", "--lines", "most", type=click.IntRange(1, _MOST), default=20, show_default=True, help="How many."
)
@click.option(
    "--order",
    type=click.Choice([order.value for order in PatternOrder]),
    default=PatternOrder.COUNT.value,
    show_default=True,
    help="Most lines first, fewest first, or those first seen last.",
)
@click.option("--new-only", is_flag=True, help="Only what no line before --since was like.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def patterns_command(
    desk: Desk,
    asked: Asked,
    most: int,
    order: str,
    new_only: bool,
    as_json: bool,
) -> None:
    """Alike lines folded, with counts: hantu patterns level:error --since 1h --new-only"""
    query = asked.query()
    if new_only and query.start_ns is None:
        fail("--new-only needs a beginning: --since 1h", WRONG_USE)
    wanted = _MOST if new_only else most
    limit_ms = desk.config.query_limit_ms

    def look(store: LogStorage) -> Patterns | None:
        try:
            start_ns, end_ns = extent(store, query, limit_ms=lambda: limit_ms)
            return store.patterns(
                query,
                start_ns=start_ns,
                end_ns=end_ns,
                order=PatternOrder(order),
                most=wanted,
                buckets=_BUCKETS,
                time_limit_ms=limit_ms,
            )
        except QueryTimeout:
            return None

    found = desk.ask(look)
    if found is None:
        fail("counting took too long: choose a shorter time, such as --since 1h")
    unseen = new_only and found.kinds > len(found.patterns)
    if new_only:
        found = replace(found, patterns=tuple(each for each in found.patterns if each.new)[:most])
    if desk.with_json(as_json).as_json:
        click.echo(msgspec.json.encode(answer_of(found, asked.text)).decode())
    else:
        _show(found, new_only=new_only)
    if not found.complete:
        back_to = optional_iso(found.searched_to_ns)
        click.echo(f"hantu: the time limit ended the count; counted back to {back_to}", err=True)
    if unseen:
        click.echo(f"hantu: looked for new ones among the first {_MOST:,} by --order {order}", err=True)


def _show(found: Patterns, *, new_only: bool) -> None:
    colour = sys.stdout.isatty()
    zone = local_zone()
    for pattern in found.patterns:
        click.echo(_line(pattern, found.total, zone=zone, colour=colour))
    shown = len(found.patterns)
    kinds = (
        f"{shown:,} new of {found.kinds:,} patterns"
        if new_only
        else f"{shown:,} of {found.kinds:,} patterns"
    )
    click.echo(f"{kinds}, {found.total:,} lines")


def _line(pattern: Pattern, total: int, *, zone: datetime.tzinfo, colour: bool) -> str:
    """`    1,204  42.0 %  ▁▁▂█  ERROR  new  11-21 12:30:05 – 12:31:00  order ‹…› failed  +3 lines`."""
    share = f"{100 * pattern.count / max(total, 1):5.1f} %"
    level = f"{pattern.level.label.upper():<5}"
    if colour and (style := level_style(pattern.level)):
        level = click.style(level, **style)
    new = "new" if pattern.new else "   "
    first, last = (
        f"{datetime.datetime.fromtimestamp(ns // 10**9, zone):%m-%d %H:%M:%S}"
        for ns in (pattern.first_ns, pattern.last_ns)
    )
    more = lines_beyond(pattern)
    text = text_of(pattern) or "(no text)"
    tail = f"  +{more} lines" if more else ""
    if pattern.variants > 1:
        tail += f"  ({pattern.variants:,} variants)"
    head = f"{pattern.count:>9,}  {share}  {_bars(pattern.counts)}  {level}  {new}"
    return f"{head}  {first} – {last}  {text}{tail}"


def _bars(counts: Sequence[int]) -> str:
    full = max(counts, default=0) or 1
    return "".join(" " if not count else _BARS[(count * len(_BARS) - 1) // full] for count in counts)
