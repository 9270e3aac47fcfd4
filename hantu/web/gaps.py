"""The gaps that matter to a question, for pages and programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hantu.output import iso
from hantu.query.logquery import LogQuery, Order
from hantu.query.origin import could_match
from hantu.store.base import Page
from hantu.store.gap_base import Gap
from hantu.web.current import service
from hantu.web.wire import GapAnswer

GAPS_MOST: Final = 100
_LOOKED_AT: Final = 500


def answer(gap: Gap) -> GapAnswer:
    """A gap as the API gives it."""
    return GapAnswer(
        *(gap.source, gap.source_id, iso(gap.from_ns), iso(gap.to_ns), gap.reason),
        *(gap.lines, gap.size_bytes, gap.entry_id or None),
    )


def gaps_of(query: LogQuery, *, most: int = GAPS_MOST) -> list[Gap]:
    """The newest gaps in the query's time that may have taken lines it asks for."""
    found = service().store.gaps(
        start_ns=query.start_ns,
        end_ns=query.end_ns,
        sources=query.sources,
        source_id=query.source_id,
        most=_LOOKED_AT,
    )
    return [gap for gap in found if could_match(query.search, gap.source, gap.source_id)][:most]


def gaps_between(query: LogQuery, start_ns: int, end_ns: int, *, most: int) -> list[Gap]:
    """As gaps_of(), of another time than the query's own."""
    return gaps_of(replace(query, start_ns=start_ns, end_ns=end_ns), most=most)


def gaps_of_page(query: LogQuery, page: Page) -> list[Gap]:
    """As gaps_of(), within the time that this page covers: pages joined cover the query's time."""
    if query.after_key is not None:
        return []
    near = query.place.time_ns if query.place is not None else None
    far = page.entries[-1].time_ns if page.next is not None and page.entries else page.searched_to_ns
    if query.order is Order.NEWEST:
        start, end = far, near
    else:
        start, end = near, far
    if start is not None:
        query = replace(query, start_ns=max(start, query.start_ns if query.start_ns is not None else start))
    if end is not None:
        query = replace(query, end_ns=min(end, query.end_ns if query.end_ns is not None else end))
    return gaps_of(query)
