"""/logs/<id>: one entry with everything about it, as a page of its own and as the inside of a row."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, request
from markupsafe import Markup

from hantu.model import LogEntry, LogLevel
from hantu.query.edit import exclude_field, field_for_path, with_field
from hantu.query.error import QueryError
from hantu.query.fields import value_text
from hantu.query.write import terms
from hantu.text import visible
from hantu.web import ansi, context, copying, folds, i18n, rows, trace
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.facets import origin_field
from hantu.web.render import fragment, page, wants_fragment
from hantu.web.rows import marker
from hantu.web.view import View, read_place, read_view

TREE_DEPTH: Final = 8
LEVELS: Final = tuple(level.label for level in LogLevel if level is not LogLevel.TRACE)
_TRACE_KEYS: Final = (
    "stack_trace",
    "stack",
    "stacktrace",
    "exception",
    "exc_info",
    "error",
    "err",
    "traceback",
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One line of the metadata tree. add, exclude: the query texts a click leads to, "" when the
    language cannot ask for it. items: the lines beneath, for an object."""

    name: str
    value: str
    add: str
    exclude: str
    items: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one entry. parts: its stack trace, () without one. text: the whole message,
    "" when the row shows all of it. repeats: the lines that its row stands for, newest first, () when it
    stands for itself alone. curl, curl_search: commands that ask the API for it and for the search."""

    entry: LogEntry
    row: rows.Row
    text: Markup
    parts: tuple[trace.Part, ...]
    origin: tuple[Leaf, ...]
    metadata: tuple[Leaf, ...]
    around: context.Around
    repeats: tuple[rows.Row, ...]
    trace_id: str
    trace_text: str
    ago: str
    delay_s: float | None
    cut_bytes: int | None
    curl: str
    curl_search: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/logs/<uuid:entry_id>", view_func=permalink)
    blueprint.add_url_rule("/logs/<uuid:entry_id>/detail", view_func=inside)
    blueprint.add_url_rule("/logs/<uuid:entry_id>/context", view_func=surroundings)


def permalink(entry_id: object) -> Response:
    """The entry as a page."""
    view = _view()
    detail = gather(entry_of(str(entry_id)), view)
    return page("logs/entry.html", name="logs", view=view, detail=detail, levels=LEVELS)


def inside(entry_id: object) -> Response:
    """The inside of an opened row."""
    view = _view()
    detail = gather(entry_of(str(entry_id)), view)
    return fragment("logs/_detail.html", view=view, detail=detail, levels=LEVELS)


def surroundings(entry_id: object) -> Response:
    """The lines around the entry, as context.read() understands the URL."""
    view, asked = _view(), context.read(request.args)
    entry = entry_of(str(entry_id))
    if wants_fragment():
        around = context.gather(entry, asked, view.query)
        return fragment("logs/_context.html", view=view, id=entry.id, around=around, levels=LEVELS)
    detail = gather(entry, view, asked)
    return page("logs/entry.html", name="logs", view=view, detail=detail, levels=LEVELS)


def entry_of(entry_id: str) -> LogEntry:
    """The entry with this id. Raises ApiError 404."""
    found = service().store.get(entry_id)
    if found is None:
        raise ApiError(
            404, i18n.translate("This line is not here: it was removed by retention, or never stored.")
        )
    return found


def _view() -> View:
    """The search from which the entry was opened; a wrong one counts as none."""
    view = read_view(request.args)
    return View("", view.query) if view.error else view


def gather(entry: LogEntry, view: View, asked: context.Asked = context.FEW) -> Detail:
    """Everything about the entry. asked: which lines around it."""
    metadata = entry.metadata or {}
    (row,) = rows.rows_of([entry], view.query)
    delay_s = (entry.created_ns - entry.time_ns) / 1e9 if entry.created_ns else None
    trace_id = metadata.get("trace_id")
    cut = metadata.get("truncated_bytes")
    parts, shown = _trace(entry.message, metadata)
    return Detail(
        entry,
        row,
        _whole_text(entry, view),
        parts,
        _origin(entry, view.text),
        tree(_rest(entry, metadata, shown), view.text),
        context.gather(entry, asked, view.query),
        _repeats(entry, row, view),
        trace_id if isinstance(trace_id, str) else "",
        _leaf("trace", "trace", value_text(trace_id), "").add if trace_id else "",
        i18n.ago(entry.time_ns, time.time_ns()),
        delay_s,
        cut if isinstance(cut, int) else None,
        copying.curl(f"/api/logs/entry/{entry.id}"),
        copying.curl("/api/logs", q=view.text) if view.text else "",
    )


def _repeats(entry: LogEntry, row: rows.Row, view: View) -> tuple[rows.Row, ...]:
    """The rows that a folded row stands for: ?from is the place of the first."""
    oldest = read_place(request.args.get("from", ""))
    if oldest is None:
        return ()
    found = rows.rows_of(folds.repeats(service().store, entry, oldest, view.query), view.query)
    return tuple(one for one in found if one.alike == row.alike)


def _whole_text(entry: LogEntry, view: View) -> Markup:
    if "\n" not in entry.message and len(entry.message) <= rows.MESSAGE_CHARS:
        return Markup("")
    return ansi.render(entry.message, marker(terms(view.query.search)))


def _trace(message: str, metadata: Mapping[str, Any]) -> tuple[tuple[trace.Part, ...], str]:
    """The stack trace in the message, else the one in the metadata; and the field that has nothing else."""
    found = trace.parse(visible(message))
    if found:
        return found, ""
    for key in _TRACE_KEYS:
        field = value = metadata.get(key)
        if isinstance(value, dict):
            value = value.get("stack") or value.get("stack_trace")
        if isinstance(value, str) and (found := trace.parse(visible(value), known=True)):
            return found, key if value is field else ""
    return (), ""


def _rest(entry: LogEntry, metadata: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """The metadata but for what the row says elsewhere: its stack trace, and its origin once more."""
    said = {shown: metadata.get(shown), origin_field(entry.source, entry.source_id): entry.source_id}
    return {name: value for name, value in metadata.items() if name not in said or said[name] != value}


def _origin(entry: LogEntry, text: str) -> tuple[Leaf, ...]:
    field = origin_field(entry.source, entry.source_id)
    return tuple(
        _leaf(name, name, value, text)
        for name, value in (
            ("source", entry.source),
            (field, entry.source_id),
            ("level", entry.level.label),
        )
    )


def tree(metadata: Mapping[str, Any], text: str, path: str = "", depth: int = 0) -> tuple[Leaf, ...]:
    """The lines of an object, in its own order."""
    lines: list[Leaf] = []
    for name, value in metadata.items():
        own = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value and depth < TREE_DEPTH:
            lines.append(Leaf(name, "", "", "", tree(value, text, own, depth + 1)))
        elif isinstance(value, dict | list):
            lines.append(Leaf(name, json.dumps(value, ensure_ascii=False), "", ""))
        else:
            lines.append(_leaf(name, field_for_path(own) or "", value_text(value), text))
    return tuple(lines)


def _leaf(name: str, field: str, value: str, text: str) -> Leaf:
    if not field or not value or len(value) > 200:
        return Leaf(name, value, "", "")
    try:
        return Leaf(name, value, with_field(text, field, value), exclude_field(text, field, value))
    except QueryError:
        # No query can hold this value, or the text has all the terms it may have.
        return Leaf(name, value, "", "")
