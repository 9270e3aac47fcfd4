"""Rows of log as HTML: the same for the page, the fragments and the live tail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask import current_app
from jinja2 import Template
from markupsafe import Markup, escape

from hantu import text
from hantu.model import APP, DOCKER, JOURNAL, LogEntry
from hantu.query.fields import value_text, value_texts
from hantu.query.logquery import LogQuery
from hantu.query.write import terms
from hantu.text import visible
from hantu.web import ansi, clock, folds, i18n, sentences

TEMPLATE: Final = "logs/_rows.html"
MESSAGE_CHARS: Final = 600
FIELDS_SHOWN: Final = 4
FIELD_CHARS: Final = 48
CELL_CHARS: Final = 80

# Known to every line of a source, or shown elsewhere: they say nothing in a row.
_QUIET_KEYS: Final = frozenset(
    (
        *("logger", "stream", "container_id", "image", "host", "pid", "identifier", "transport"),
        *("service", "success", "gap", "time_inferred", "truncated_bytes", "error_type"),
        "execution_id",
        *("stack_trace", "stack", "exception", "exc_info", "module", "function", "thread", "name"),
        *("hostname", "tid", "thread_name", "lineno", "file", "line", "facility", "severity"),
        *("priority", "boot_id", "machine_id", "uid", "gid", "comm", "exe", "cmdline"),
        *("syslog_facility", "v", "version", "time_format"),
    )
)
ICONS: Final = {DOCKER: "docker", JOURNAL: "journal", APP: "app"}


_NOTHING: Final = Markup("")


class Gap(NamedTuple):
    """A time in which lines may be missing. lines: how many, None when nobody knows."""

    reason: str
    length: str
    span: str
    lines: int | None


class Row(NamedTuple):
    """What the template shows of one entry. at: its place for paging. day: set where a day begins.
    gap: set for the entry by which a collector tells of a gap. alike: the sign of lines that say the
    same, "" for one that stands alone. times: how many of them this row stands for; oldest: the place of
    the first. columns: (metadata path, its values) of each column."""

    id: str
    at: str
    level: str
    label: str
    day: str
    day_text: str
    clock: str
    iso: str
    icon: str
    source: str
    source_id: str
    message: Markup
    fields: Markup
    pill: str
    gap: Gap | None
    alike: str = ""
    times: int = 1
    oldest: str = ""
    columns: tuple[tuple[str, str], ...] = ()


class RowRenderer:
    """render(entries, query) → HTML of their rows in the order given, registered as
    app.extensions["hantu.rows"]. Needs an application context."""

    def __call__(self, entries: Sequence[LogEntry], query: LogQuery, columns: Sequence[str] = ()) -> str:
        return rows_html(entries, query, columns=columns)

    def variant(self) -> str:
        """Names the rendering that this reader gets: two readers of one variant can share it."""
        return f"{i18n.language()} {clock.chosen_zone()}"


def rows_of(entries: Sequence[LogEntry], query: LogQuery) -> list[Row]:
    """What rows of these entries show, for another template; no day is announced."""
    return [row._replace(day="", day_text="") for row in _rows(entries, terms(query.search), "")]


def rows_html(
    entries: Sequence[LogEntry],
    query: LogQuery,
    *,
    day: str = "",
    next_day: str = "",
    fold: bool = False,
    columns: Sequence[str] = (),
) -> Markup:
    """The rows, with a line where a local day begins. day: the day that is announced already;
    next_day: the day of the row that follows, announced at the end when it differs. fold: alike lines
    one after the other are one row. columns: metadata paths whose values stand before the message."""
    rows = list(_rows(entries, terms(query.search), day, columns))
    if fold:
        rows = folds.folded(rows)
    last = clock.day_of(entries[-1].time_ns) if entries else day
    tail = next_day if next_day and next_day != last else ""
    html = _template().render(
        rows=rows, tail_day=tail, tail_text=_day_text(tail), whole_text=i18n.translate("All of this line")
    )
    return Markup(html)  # noqa: S704  made by an autoescaping template


def _template() -> Template:
    return current_app.jinja_env.get_template(TEMPLATE)


def marker(words: Sequence[str]) -> Callable[[str], Markup]:
    """Turns a piece of text into HTML with these words marked."""
    if not words:
        return escape
    return lambda piece: text.highlight(piece, words)


def _rows(
    entries: Sequence[LogEntry], words: Sequence[str], day: str, columns: Sequence[str] = ()
) -> Iterator[Row]:
    mark = marker(words)
    for entry in entries:
        own_day, time_text, iso = clock.row_time(entry.time_ns)
        new_day = own_day if own_day != day else ""
        day = own_day
        message, pill = _message(entry.message, mark)
        level = entry.level
        fields = _fields(entry.metadata, columns) if entry.metadata else _NOTHING
        cells = tuple((path, _cell(entry.metadata, path)) for path in columns)
        gap = _gap(entry.metadata) if entry.metadata and "gap" in entry.metadata else None
        yield Row(
            entry.id,
            f"{entry.time_ns}-{entry.key}",
            level.label,
            level.name,
            new_day,
            _day_text(new_day),
            time_text,
            iso,
            ICONS.get(entry.source, "app"),
            entry.source,
            short_id(entry.source, entry.source_id),
            message,
            fields,
            pill,
            gap,
            "" if gap else folds.sign(entry, "\0".join((fields, *(value for _, value in cells)))),
            columns=cells,
        )


def _cell(metadata: Mapping[str, Any] | None, path: str) -> str:
    """The values at a metadata path as a column shows them."""
    values = value_texts(dict(metadata), path) if metadata else []
    return visible(", ".join(values))[:CELL_CHARS].replace("\n", " ")


def _message(message: str, mark: Callable[[str], Markup]) -> tuple[Markup, str]:
    """The first line with words, as much of it as a row can show, and the pill that tells of more."""
    end = message.find("\n")
    if end < 0:
        first, more = message, 0
    else:
        stripped = message.rstrip("\n")
        more = stripped.count("\n")
        first = stripped if end > len(stripped) else stripped[:end]
        if not first.strip():
            first = next((line for line in stripped.split("\n") if line.strip()), first)
    cut = len(first) > MESSAGE_CHARS
    html = ansi.render(first[:MESSAGE_CHARS].rstrip("\r") + ("…" if cut else ""), mark)
    return html, i18n.plural("+{n} line", "+{n} lines", more) if more else ""


def _fields(metadata: Mapping[str, Any], columns: Sequence[str] = ()) -> Markup:
    """The first few telling values of the metadata, in grey after the message, without those that have a
    column of their own."""
    out: list[str] = []
    for name, value in _scalars(metadata):
        if name in columns:
            continue
        shown = value_text(value)
        if not shown or len(shown) > FIELD_CHARS or "\n" in shown:
            continue
        out.append(f'<span class="entry-field">{escape(visible(name))}={escape(visible(shown))}</span>')
        if len(out) == FIELDS_SHOWN:
            break
    return Markup(" ".join(out))  # noqa: S704  every piece above is escaped


def _scalars(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in metadata.items():
        if name in _QUIET_KEYS:
            continue
        if isinstance(value, dict):
            for inner, deep in value.items():
                if not isinstance(deep, dict | list):
                    yield f"{name}.{inner}", deep
        elif not isinstance(value, list):
            yield name, value


def _gap(metadata: Mapping[str, Any]) -> Gap | None:
    """What a collector knows of the time when it may have missed lines."""
    gap = metadata["gap"]
    if not isinstance(gap, dict):
        return None
    start, end, lines = (gap.get(name) for name in ("from_ns", "to_ns", "lines"))
    span = length = ""
    if isinstance(start, int) and isinstance(end, int):
        span = f"{clock.row_time(start)[1][:8]} – {clock.row_time(end)[1][:8]}"
        length = i18n.duration((end - start) / 1e9)
    return Gap(
        sentences.say(str(gap.get("reason") or "")), length, span, lines if isinstance(lines, int) else None
    )


def short_id(source: str, source_id: str) -> str:
    """A source id as a row shows it: of a path the last two parts."""
    if source == APP and source_id.startswith("/"):
        return "/".join(source_id.split("/")[-2:])
    return visible(source_id)


def _day_text(day: str) -> str:
    return i18n.long_day(clock.date(day)) if day else ""
