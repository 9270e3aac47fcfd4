"""/errors: the inbox of equal errors; every state in the URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from hantu.errors import CRITICAL, ErrorStatus
from hantu.inbox.question import Shown, question, write_cursor
from hantu.query.error import QueryError
from hantu.store.error_base import ErrorGroup, ErrorOrder, ErrorPage, ErrorPlace, ErrorQuery
from hantu.web import clock, i18n, spark
from hantu.web.api_logs import zone
from hantu.web.command import python
from hantu.web.current import errors
from hantu.web.inbox_acts import MUTES
from hantu.web.render import page, see, short_time, url

HOUR_NS: Final = 3600 * 10**9
SPARK_HOURS: Final = 24
WORDS: Final = ("status", "service", "type", "level", "q", "since", "order")
TABS: Final = (
    (Shown.OPEN, "Open"),
    (Shown.MUTED, "Muted"),
    (Shown.RESOLVED, "Resolved"),
    (Shown.ALL, "All"),
)
ORDERS: Final = (
    (ErrorOrder.LAST_SEEN, "Last seen"),
    (ErrorOrder.COUNT, "Most often"),
    (ErrorOrder.FIRST_SEEN, "Newest kind"),
)
SINCE: Final = (
    ("1h", "Last 1 hour"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
)
KEYS: Final = (
    ("/", "search"),
    ("j k", "move"),
    ("Enter", "open"),
    ("x", "select"),
    ("r", "resolve or reopen"),
    ("m", "mute"),
)
# Class, icon and word of each state.
OPEN: Final = ("bad", "open", "Unresolved")
REGRESSED: Final = ("bad", "again", "Regressed")
MUTED: Final = ("off", "mute", "Muted")
RESOLVED: Final = ("good", "good", "Resolved")


@dataclass(frozen=True, slots=True)
class View:
    """What the URL asks for. words: its parameters that are not empty. error: one of them is wrong."""

    words: Mapping[str, str]
    query: ErrorQuery
    error: QueryError | None = None

    def url(self, **changes: str) -> str:
        """The URL of this inbox with changes; it begins at the first page again."""
        own = {name: self.words[name] for name in WORDS if name in self.words}
        return url("/errors", **(own | changes))

    def place_url(self, place: ErrorPlace) -> str:
        """The URL of the page beyond a place."""
        return self.url(cursor=write_cursor(place, self.query.order) or "")

    @property
    def shown(self) -> str:
        """Which groups, in the URL's word."""
        return self.words.get("status", Shown.OPEN)

    @property
    def narrowed(self) -> bool:
        """Whether more than the status narrows it."""
        return any(name in self.words for name in ("service", "type", "level", "q", "since"))


@dataclass(frozen=True, slots=True)
class Line:
    """A group as a row shows it. counts: occurrences in each of the last hours, as bars and in words."""

    group: ErrorGroup
    sign: tuple[str, str, str]
    note: str
    critical: bool
    last: str
    first: str
    bars: tuple[spark.Bar, ...]
    told: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/errors", view_func=inbox)


def read_view(args: MultiDict[str, str], now_ns: int) -> View:
    """The view that the URL's parameters ask for."""
    words = {
        name: text
        for name in (*WORDS, "cursor")
        if (text := ",".join(part for value in args.getlist(name) if (part := value.strip())))
    }
    try:
        return View(words, question(words, now_ns=now_ns, tz=zone()))
    except QueryError as wrong:
        return View(words, ErrorQuery(now_ns=now_ns), wrong)


def inbox() -> Response:
    """The page."""
    if any(not value for name, value in request.args.items(multi=True) if name in WORDS):
        # A form sends its empty fields, too: the address is to say only what narrows.
        return see(read_view(request.args, time.time_ns()).url())
    now_ns = time.time_ns()
    view = read_view(request.args, now_ns)
    found = ErrorPage((), None, 0) if view.error else errors().errors(view.query)
    return page(
        "errors/page.html",
        name="errors",
        status=400 if view.error else 200,
        view=view,
        lines=lines_of(found.groups, now_ns),
        found=found,
        tabs=_tabs(view, found.total),
        services=errors().error_services(),
        orders=ORDERS,
        spans=SINCE,
        keys=KEYS,
        levels=("error", "critical"),
        mutes=MUTES,
        python=python(),
        none_yet=not found.groups and not errors().newest_error_no(),
        did=_did(request.args),
    )


def _tabs(view: View, total: int) -> list[tuple[str, str, int | None]]:
    """(word, name, groups) of each tab, counted with all else that narrows."""
    if view.error:
        return [(tab.value, name, None) for tab, name in TABS]
    # Open, muted and resolved ones are all there are: three counts make the fourth.
    parts = (Shown.OPEN, Shown.MUTED, Shown.RESOLVED)
    counts = {part: total if part == view.shown else _count(view, part) for part in parts}
    counts[Shown.ALL] = sum(counts.values())
    return [(tab.value, name, counts[tab]) for tab, name in TABS]


def _count(view: View, part: Shown) -> int:
    """How many groups of another tab there are."""
    words = {name: text for name, text in view.words.items() if name not in ("status", "cursor")}
    asked = question({**words, "status": part}, now_ns=view.query.now_ns, tz=zone())
    return errors().errors(replace(asked, limit=1)).total


def _did(args: MultiDict[str, str]) -> str:
    """What the form before this page has done, in words; "" for nothing."""
    n = args.get("n", 0, type=int)
    told: dict[str, Callable[[], str]] = {
        "resolve": lambda: i18n.plural("{n} error was resolved.", "{n} errors were resolved.", n),
        "reopen": lambda: i18n.plural("{n} error was reopened.", "{n} errors were reopened.", n),
        "mute": lambda: i18n.plural("{n} error was muted.", "{n} errors were muted.", n),
        "unmute": lambda: i18n.plural("{n} error is heard again.", "{n} errors are heard again.", n),
        "merge": lambda: i18n.plural("{n} error was merged.", "{n} errors were merged.", n),
        "none": lambda: i18n.translate("Nothing was selected: tick the errors first."),
        "apart": lambda: i18n.translate("Only different errors of one service can be merged."),
        "single": lambda: i18n.translate("Merging takes two errors or more."),
    }
    say = told.get(args.get("did", ""))
    return say() if say else ""


def lines_of(groups: Sequence[ErrorGroup], now_ns: int) -> list[Line]:
    """The rows of groups, with their last day."""
    counts = hours_of([group.group_no for group in groups], now_ns)
    return [_line(group, counts.get(group.group_no, ()), now_ns) for group in groups]


def hours_of(group_nos: Sequence[int], now_ns: int) -> Mapping[int, tuple[int, ...]]:
    """Occurrences of each group in each of the last SPARK_HOURS hours."""
    if not group_nos:
        return {}
    return errors().error_buckets(
        group_nos, start_ns=now_ns - SPARK_HOURS * HOUR_NS, end_ns=now_ns, buckets=SPARK_HOURS
    )


def _line(group: ErrorGroup, counts: Sequence[int], now_ns: int) -> Line:
    return Line(
        group,
        sign_of(group, now_ns),
        note_of(group, now_ns),
        group.level == CRITICAL,
        since(group.last_ns, now_ns),
        day_or_clock(group.first_ns, now_ns),
        spark.bars(counts or (0,) * SPARK_HOURS),
        i18n.translate(
            "{n} in 24 hours, {now} in the last", n=sum(counts), now=counts[-1] if counts else 0
        ),
    )


def sign_of(group: ErrorGroup, now_ns: int) -> tuple[str, str, str]:
    """Class, icon and word of its state."""
    if group.status is ErrorStatus.RESOLVED:
        return RESOLVED
    if group.is_muted(now_ns):
        return MUTED
    return OPEN if group.regressed_ns is None else REGRESSED


def note_of(group: ErrorGroup, now_ns: int) -> str:
    """What more there is to say of its state, "" for nothing."""
    if group.status is ErrorStatus.RESOLVED:
        return day_or_clock(group.resolved_ns or 0, now_ns)
    if group.is_muted(now_ns):
        return mute_text(group, now_ns)
    if group.regressed_ns is not None:
        return i18n.translate("came back {time}", time=day_or_clock(group.regressed_ns, now_ns))
    return ""


def mute_text(group: ErrorGroup, now_ns: int) -> str:
    """How long it is muted."""
    if group.muted_below_an_hour is not None:
        return i18n.translate("until more than {n} an hour", n=group.muted_below_an_hour)
    return i18n.translate("until {time}", time=day_or_clock(group.muted_until_ns or now_ns, now_ns))


def since(time_ns: int, now_ns: int) -> str:
    """How long ago, in its largest unit alone."""
    seconds = max(now_ns - time_ns, 0) // 10**9
    for unit in (86_400, 3600, 60):
        if seconds >= unit:
            return i18n.ago(now_ns - seconds // unit * unit * 10**9, now_ns)
    return i18n.ago(time_ns, now_ns)


def day_or_clock(time_ns: int, now_ns: int) -> str:
    """The clock for a time of today, else the day."""
    if clock.day_of(time_ns) == clock.day_of(now_ns):
        return clock.row_time(time_ns)[1][:5]
    return short_time(time_ns).rpartition(":")[0]
