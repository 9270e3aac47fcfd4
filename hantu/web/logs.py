"""/logs: search, histogram, facets, rows; every state in the URL."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, abort, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from hantu.model import LogEntry, LogLevel
from hantu.query.describe import describe
from hantu.query.error import QueryError
from hantu.query.logquery import Order, Place
from hantu.web import clock, facets, folds, i18n, picker, rows, summary, verdict, views, vocabulary
from hantu.web.access import client
from hantu.web.api_logs import zone
from hantu.web.current import service
from hantu.web.render import fragment, page, see, wants_fragment
from hantu.web.view import PATH, View, read_names, read_view

SUMMARY_BUDGET_MS: Final = 150
SKIPPED_MOST: Final = 1_000
ALL: Final = "all"
NONE: Final = "none"
EXPORTS: Final = (("jsonl", "JSON lines"), ("csv", "CSV"), ("text", "Text"))
KEYS: Final = (
    ("/", "search"),
    ("j k", "move"),
    ("Enter", "open or close"),
    ("c", "context"),
    ("t", "trace"),
    ("l", "live"),
    ("e", "next error"),
)
_TURNS: Final = ("since", "from", "until", "follow", "minLevel", "col")
"""Parameters that forms and menus send to change the text; answered with a redirect to the new URL."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of rows, oldest first. older, newer: where there is more, None at an end.

    searched_to_ns: the time limit ended the search there."""

    entries: tuple[LogEntry, ...]
    html: Markup
    older: Place | None
    newer: Place | None
    day: str
    searched_to_ns: int | None
    ms: float


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/", view_func=home)
    blueprint.add_url_rule("/logs", view_func=logs)
    blueprint.add_url_rule("/logs/rows", view_func=more_rows)
    blueprint.add_url_rule("/logs/summary", view_func=lazy_summary)
    blueprint.add_url_rule("/logs/facet", view_func=one_facet)
    blueprint.add_url_rule("/logs/skipped", view_func=skipped)


def home() -> Response:
    """/ leads to the logs, or to where the reader wants to begin."""
    return see(views.start_address())


def logs() -> Response:
    """The page."""
    args = request.args
    if (other := turned(args, PATH)) is not None:
        return other
    view = read_view(args)
    if view.error is not None:
        return wrong(view, view.error)
    if view.live and (text := picker.for_live(view.text)) != view.text:
        # Rows, counts and new lines are all of the one text (CONTRACT M36).
        return see(view.url(q=text))
    return _page(view, full=args.get("full") == "1")


def turned(args: MultiDict[str, str], path: str) -> Response | None:
    """Where a menu's or form's parameters lead to; None when there are none, or the text is wrong."""
    if not any(name in args for name in _TURNS):
        return None
    target = _target(args, path)
    return None if target is None else see(target)


def _target(args: MultiDict[str, str], path: str) -> str | None:
    view = read_view(args, path)
    text, live = view.text, view.live
    cols = ",".join(read_names(args.getlist("col")) if "col" in args else view.columns)
    try:
        if any(args.get(name) for name in ("since", "from", "until")):
            since = args.get("since") or args.get("from", "")
            until = picker.zoned(args.get("until", ""), clock.tz())
            text = picker.with_times(text, "" if since == ALL else picker.zoned(since, clock.tz()), until)
        if name := args.get("minLevel"):
            level = None if name == NONE else LogLevel.parse(name)
            text = picker.with_min_level(text, LogLevel.TRACE if live and level is None else level)
        if args.get("follow") == "1":
            text, live = picker.for_live(text), True
        elif args.get("follow") == "0":
            live = False
    except ValueError:
        return None
    return view.url(q=text, live="1" if live else "", cols=cols)


def wrong(view: View, error: QueryError) -> Response:
    """The page that shows where the text is wrong."""
    return page(
        "logs/page.html",
        name="logs",
        status=400,
        error=error,
        pointer=verdict.pointer(view.text, error),
        fixes=verdict.fixes(view.text, error, zone(), vocabulary.names()),
        lines=None,
        summary=None,
        **frame(view),
    )


def _page(view: View, *, full: bool) -> Response:
    cursor = service().store.cursor()
    lines = find(view)
    found = None
    if lines.entries or view.text:
        budget_ms = service().config.query_limit_ms if full else SUMMARY_BUDGET_MS
        found = summary.gather(view.text, view.query, budget_ms=budget_ms, whole=full, opened=view.opened)
    values = frame(view)
    return page(
        "logs/page.html",
        name="logs",
        error=None,
        lines=lines,
        head=True,
        foot=True,
        cursor=cursor,
        summary=found,
        first_run=_first_run() if not cursor else None,
        **values,
    )


def frame(view: View) -> dict[str, Any]:
    """What the search bar shows."""
    right = view.error is None
    level = picker.min_level(view.text) if right else None
    times = picker.times_of(view.text) if right else ()
    return {
        "view": view,
        "described": describe(view.query, i18n.language(), tz=clock.tz() or zone()) if right else "",
        "levels": list(LogLevel),
        # Trace and above are all levels: how a live view says it.
        "level": None if level is LogLevel.TRACE else level,
        "spans": picker.SPANS,
        "exports": EXPORTS,
        "keys": KEYS,
        "times": times,
        "span": next((text for word, text in picker.SPANS if times == (f"since:{word}",)), ""),
        "start_value": _clock_value(view.query.start_ns),
        "end_value": _clock_value(view.query.end_ns),
        "zones": views.zones(),
        "zone_chosen": clock.chosen_zone(),
        "field_names": vocabulary.names().fields,
        "views": views.shown(view.url()),
        "views_most": views.MENU_MOST,
        "may_share": bool(client().account) and views.may_share(),
    }


def _clock_value(time_ns: int | None) -> str:
    """A time as an input of type datetime-local takes it."""
    return "" if time_ns is None else clock.iso(time_ns)[:19]


def _first_run() -> dict[str, object]:
    """What an empty store's page says was found."""
    manager = service().manager
    return {"statuses": manager.statuses(), "found": manager.found()}


def find(view: View, *, near_day: str = "") -> Lines:
    """The rows of a view. near_day: the day of the row next to which these are put, when it is known."""
    began = time.perf_counter()
    store, limit_ms = service().store, service().config.query_limit_ms
    look = partial(folds.search, store) if view.fold else store.search
    if view.after is not None:
        found = look(view.query.past(view.after, Order.OLDEST), time_limit_ms=limit_ms)
        entries = found.entries
        older: Place | None = _place(entries[0]) if entries else view.after
        newer = found.next
    else:
        query = view.query if view.before is None else view.query.past(view.before)
        found = look(query, time_limit_ms=limit_ms)
        entries = found.entries[::-1]
        older = found.next
        newer = None if view.before is None else _place(entries[-1]) if entries else view.before
    ms = (time.perf_counter() - began) * 1000
    service().query_times.note(ms)
    day = clock.day_of(entries[0].time_ns) if entries else near_day
    if view.after is not None:
        html = rows.rows_html(
            entries, view.query, day=near_day or day, fold=view.fold, columns=view.columns
        )
    else:
        html = rows.rows_html(
            entries, view.query, day=day, next_day=near_day, fold=view.fold, columns=view.columns
        )
    searched_to_ns = None if found.complete else found.searched_to_ns
    return Lines(entries, html, older, newer, day, searched_to_ns, ms)


def _place(entry: LogEntry) -> Place:
    return Place(entry.time_ns, entry.key)


def more_rows() -> Response:
    """The rows beyond a place, with the link that leads further: for scrolling."""
    view = read_view(request.args)
    if view.error is not None:
        raise view.error
    if not wants_fragment():
        return see(view.url(**{name: request.args.get(name, "") for name in ("before", "after")}))
    day = request.args.get("day", "")
    lines = find(view, near_day=day if clock.is_day(day) else "")
    return fragment(
        "logs/_more.html", view=view, lines=lines, head=view.after is None, foot=view.after is not None
    )


def lazy_summary() -> Response:
    """Count, histogram and facets of a view that were not ready in time for its page."""
    view = read_view(request.args)
    if view.error is not None:
        raise view.error
    if not wants_fragment():
        return see(view.url(full="1"))
    limit_ms = service().config.query_limit_ms
    found = summary.gather(view.text, view.query, budget_ms=limit_ms, whole=True, opened=view.opened)
    names = vocabulary.names().fields
    return fragment("logs/_summary.html", view=view, summary=found, lines=None, field_names=names)


def one_facet() -> Response:
    """The values of one metadata field, counted when its facet is opened."""
    view = read_view(request.args)
    if view.error is not None:
        raise view.error
    path = request.args.get("field", "")
    if not wants_fragment():
        return see(view.url(facet=path))
    limit_ms = service().config.query_limit_ms
    facet = facets.one(view.text, view.query, path, time_limit_ms=limit_ms)
    if facet is None:
        abort(404)
    return fragment("logs/_facet_values.html", view=view, facet=facet)


def skipped() -> Response:
    """The lines that a live tail passed over: those that arrived after `after` up to `upTo`.

    left: how many they are; after those there is nothing further."""
    view = read_view(request.args)
    if view.error is not None:
        raise view.error
    after = request.args.get("after", 0, type=int)
    up_to = request.args.get("upTo", 0, type=int)
    query = replace(view.query.after(after), order=Order.OLDEST, limit=SKIPPED_MOST, place=view.before)
    found = service().store.search(query, time_limit_ms=service().config.query_limit_ms)
    entries = [entry for entry in found.entries if entry.key <= up_to]
    left = request.args.get("left", 0, type=int)
    rest = max(0, left - len(entries))
    place = f"{found.next.time_ns}-{found.next.key}" if found.next and (rest or not left) else ""
    further = place and view.url("/logs/skipped", after=after, upTo=up_to, left=rest, before=place)
    html = rows.rows_html(entries, view.query, fold=view.fold, columns=view.columns)
    return fragment("logs/_skipped.html", html=html, further=further, rest=rest)
