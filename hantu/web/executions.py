"""/executions: the runs of all jobs, newest first; every state in the URL."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from hantu.executions import ExecutionStatus
from hantu.executions.cost import cost_text
from hantu.executions.record import MODEL_DEFAULT
from hantu.jobs.question import WORDS, question
from hantu.query.error import QueryError
from hantu.store.execution_base import (
    ExecutionPage,
    ExecutionQuery,
    ExecutionSort,
    ExecutionSummary,
    SortOrder,
)
from hantu.store.execution_sums import tokens_of
from hantu.text import visible
from hantu.web import execution_sums, i18n
from hantu.web.api_logs import zone
from hantu.web.command import python
from hantu.web.current import executions
from hantu.web.inbox import since
from hantu.web.render import fragment, page, see, url, wants_fragment

SIGNS: Final = {
    ExecutionStatus.PENDING: ("off", "wait", "Pending"),
    ExecutionStatus.RUNNING: ("run", "run", "Running"),
    ExecutionStatus.COMPLETED: ("good", "good", "Completed"),
    ExecutionStatus.FAILED: ("bad", "bad", "Failed"),
    ExecutionStatus.CANCELLED: ("off", "stop", "Cancelled"),
}
"""Class, icon and word of each status."""
SORTS: Final = (
    ((ExecutionSort.CREATED, SortOrder.DESC), "Newest first"),
    ((ExecutionSort.CREATED, SortOrder.ASC), "Oldest first"),
    ((ExecutionSort.COMPLETED, SortOrder.DESC), "Last ended first"),
    ((ExecutionSort.COMPLETED, SortOrder.ASC), "First ended first"),
    ((ExecutionSort.STATUS, SortOrder.ASC), "Pending first"),
    ((ExecutionSort.STATUS, SortOrder.DESC), "Cancelled first"),
)
SPANS: Final = (("", "All time"), ("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days"))
FILES: Final = (("", "With or without files"), ("true", "With files"), ("false", "Without files"))
SIZES: Final = (20, 50, 100)
KEYS: Final = (("/", "search"), ("j k", "move"), ("Enter", "open"))
_NARROW: Final = tuple(word for word in WORDS if word not in ("page", "pageSize", "sortBy", "sortOrder"))
SUMS_AT_ONCE: Final = 5_000
"""Runs up to which the sums come with the page; summing more of them takes longer than the list itself."""


@dataclass(frozen=True, slots=True)
class View:
    """What the URL asks for. words: its parameters that are not empty. error: one of them is wrong."""

    words: Mapping[str, str]
    query: ExecutionQuery
    error: QueryError | None = None

    def url(self, path: str = "/executions", **changes: str) -> str:
        """The URL of this list with changes; it begins at the first page again."""
        own = {name: self.words[name] for name in WORDS if name in self.words and name != "page"}
        return url(path, **(own | changes))

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order narrows it."""
        return any(name in self.words for name in _NARROW)

    @property
    def filters(self) -> tuple[tuple[str, str], ...]:
        """(parameter, value) of the filters that stand in no control that is always seen."""
        names = ["model", "createdBefore", "hasArtifacts"]
        if len(self.query.statuses) > 1:
            names.insert(0, "status")
        if self.words.get("createdAfter", "") not in dict(SPANS):
            names.append("createdAfter")
        return tuple((name, self.words[name]) for name in names if name in self.words)


@dataclass(frozen=True, slots=True)
class Line:
    """A run as a row shows it. took, tokens, cost: "" when nothing is known. model: "" for a run that had
    to do with none, as far as anybody said: a command has the default, too."""

    run: ExecutionSummary
    sign: tuple[str, str, str]
    took: str
    tokens: str
    cost: str
    model: str
    ago: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/executions", view_func=listed)
    blueprint.add_url_rule("/executions/sums", view_func=lazy_sums)


def read_view(args: MultiDict[str, str], now_ns: int) -> View:
    """The view that the URL's parameters ask for."""
    words = {
        name: text
        for name in WORDS
        if (text := ",".join(part for value in args.getlist(name) if (part := value.strip())))
    }
    try:
        return View(words, question(words, now_ns=now_ns, tz=zone()))
    except QueryError as wrong:
        return View(words, ExecutionQuery(), wrong)


def listed() -> Response:
    """The page."""
    now_ns = time.time_ns()
    view = read_view(request.args, now_ns)
    if "order" in request.args:
        sort, _, order = request.args["order"].partition(" ")
        return see(view.url(sortBy=sort, sortOrder=order))
    if _is_of_a_form(request.args):
        return see(view.url())
    store = executions()
    found = ExecutionPage((), 1, view.query.page_size, 0) if view.error else store.executions(view.query)
    if not view.error and found.total and not found.executions:
        return see(view.url(page=str(_pages(found))))
    everything = found.total if not view.narrowed and not view.error else None
    at_once = found.total <= SUMS_AT_ONCE or "sums" in request.args
    return page(
        "executions/page.html",
        name="executions",
        status=400 if view.error else 200,
        view=view,
        found=found,
        pages=_pages(found),
        page_url=lambda number: view.url(page=str(number) if number > 1 else ""),
        lines=[line_of(each, now_ns) for each in found.executions],
        tabs=_tabs(view),
        jobs=store.job_names(),
        sorts=SORTS,
        spans=SPANS,
        files=FILES,
        sizes=SIZES,
        keys=KEYS,
        statuses=[(status, SIGNS[status][2]) for status in ExecutionStatus],
        sums=execution_sums.gather(view.query, now_ns) if at_once and found.total else None,
        none_yet=everything == 0,
        shown_filter=shown_filter,
        python=python(),
    )


def lazy_sums() -> Response:
    """Tokens and cost of a list that is too long to have them at once."""
    now_ns = time.time_ns()
    view = read_view(request.args, now_ns)
    if view.error is not None:
        raise view.error
    if not wants_fragment():
        return see(view.url(sums="1"))
    return fragment("executions/_sums.html", view=view, sums=execution_sums.gather(view.query, now_ns))


def line_of(run: ExecutionSummary, now_ns: int) -> Line:
    """The row of a run."""
    tokens = tokens_of(run.tokens_used, run.input_tokens, run.output_tokens)
    has_model = tokens is not None or run.cost_micros is not None or run.model != MODEL_DEFAULT
    return Line(
        run,
        SIGNS[run.status],
        took_of(run, now_ns),
        "" if tokens is None else i18n.number(tokens),
        money(run.cost_micros),
        run.model if has_model else "",
        since(run.created_ns, now_ns),
    )


def took_of(run: ExecutionSummary, now_ns: int) -> str:
    """How long it ran, or has run by now; "" when it never began."""
    if run.started_ns is None:
        return ""
    end_ns = now_ns if run.completed_ns is None else run.completed_ns
    return length(max(0, end_ns - run.started_ns))


def length(took_ns: int) -> str:
    """A length of time: 0.35 s, 2 m 31 s."""
    return i18n.duration(round(took_ns / 1e9, 3) if took_ns < 10**10 else took_ns // 10**9)


def money(micros: int | None) -> str:
    """$0.071482; "" for none."""
    return "" if micros is None else f"${cost_text(micros)}"


def shown_filter(name: str, value: str) -> str:
    """A filter in words."""
    if name == "status":
        words = (SIGNS[ExecutionStatus(word.strip().upper())][2] for word in value.split(","))
        return ", ".join(i18n.translate(word) for word in words)
    if name == "hasArtifacts":
        with_files = value.lower() in ("true", "1")
        return i18n.translate("With files") if with_files else i18n.translate("Without files")
    if name == "createdAfter":
        return i18n.translate("from {time}", time=visible(value))
    if name == "createdBefore":
        return i18n.translate("before {time}", time=visible(value))
    return visible(value)


def _is_of_a_form(args: MultiDict[str, str]) -> bool:
    """Whether a form was sent: with its empty fields, or a word for each tick."""
    if any(not value for name, value in args.items(multi=True) if name in WORDS):
        return True
    return any(len(args.getlist(name)) > 1 for name in WORDS)


def _pages(found: ExecutionPage) -> int:
    return max(1, -(-found.total // found.page_size))


def _tabs(view: View) -> Sequence[tuple[str, str, int | None, bool]]:
    """(status, name, runs, chosen) of each tab; counted where nothing else narrows the list."""
    free = not any(name in view.words for name in _NARROW if name != "status")
    counts = executions().execution_counts() if free and not view.error else {}
    chosen = view.query.statuses
    whole = sum(counts.values()) if counts else None
    tabs = [("", "All", whole, not chosen and not view.error)]
    for status, (_, _, word) in SIGNS.items():
        tabs.append((status.value, word, counts.get(status), chosen == (status,)))
    return tabs
