"""/logs/patterns: alike lines of a search folded, with counts over time; what is new stands out."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from hantu.store.base import QueryTimeout
from hantu.store.pattern_base import PATTERNS_MOST, PatternOrder, Patterns
from hantu.web import logs, summary
from hantu.web.current import service
from hantu.web.pattern_rows import row
from hantu.web.render import page
from hantu.web.view import View, read_view

PATH: Final = "/logs/patterns"
LIMIT_MS: Final = 1_500
"""A page that comes at once and says how far it looked; a link looks further."""
ORDERS: Final = (
    (PatternOrder.COUNT, "Most lines"),
    (PatternOrder.RARE, "Fewest lines"),
    (PatternOrder.NEW, "First seen last"),
)


def register(blueprint: Blueprint) -> None:
    """Add the route of this page."""
    blueprint.add_url_rule(PATH, view_func=patterns)


def patterns() -> Response:
    """The patterns of a search."""
    args = request.args
    if (turned := logs.turned(args, PATH)) is not None:
        return turned
    view = read_view(args, PATH)
    if view.error is not None:
        return logs.wrong(view, view.error)
    order = next((each for each, _ in ORDERS if each == args.get("order", "")), PatternOrder.COUNT)
    whole = args.get("full") == "1"
    found = _find(view, order, service().config.query_limit_ms if whole else LIMIT_MS)
    return page(
        "logs/patterns.html",
        name="logs",
        error=None,
        found=found,
        rows=[row(view.text, pattern, found.total) for pattern in found.patterns] if found else [],
        order=order,
        orders=ORDERS,
        most=PATTERNS_MOST,
        whole=whole,
        bounded=view.query.start_ns is not None,
        any_new=found is not None and any(pattern.new for pattern in found.patterns),
        **logs.frame(view),
    )


def _find(view: View, order: PatternOrder, limit_ms: int) -> Patterns | None:
    """The patterns of a view, None when time ran out before anything was seen."""
    try:
        start_ns, end_ns = summary.bounds(view.query, limit_ms)
        return service().store.patterns(
            view.query, start_ns=start_ns, end_ns=end_ns, order=order, time_limit_ms=limit_ms
        )
    except QueryTimeout:
        return None
