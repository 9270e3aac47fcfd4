"""/executions/<id>: one run: its steps, its log as it comes, what it brought, its files, runs like it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request

from hantu.executions import (
    ENDED,
    Artifact,
    ArtifactStatus,
    Execution,
    ExecutionStatus,
    IllegalMove,
    Transition,
)
from hantu.jobs import acts
from hantu.query.edit import with_field
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery
from hantu.store.base import QueryTimeout
from hantu.store.execution_base import ExecutionQuery, UnknownArtifact, UnknownExecution
from hantu.store.execution_sums import tokens_of
from hantu.web import i18n, spark
from hantu.web.access import CONTROL_NAME, client
from hantu.web.api_logs import zone
from hantu.web.current import change_executions, executions, service
from hantu.web.entry import Leaf, tree
from hantu.web.errors import ApiError
from hantu.web.executions import SIGNS, Line, length, line_of, money
from hantu.web.leaving import IMAGES, TEXTS, UNKNOWN
from hantu.web.logs import Lines, find
from hantu.web.one_error import trace_url
from hantu.web.render import fragment, page, see, url, wants_fragment
from hantu.web.sentences import say
from hantu.web.view import View

LOG_LINES: Final = 100
SIMILAR: Final = 8
PREVIEW_BYTES: Final = 64 * 1024
LOG_ENDS: Final = (".log", ".out", ".err")
ARTIFACT_SIGNS: Final = {
    ArtifactStatus.UPLOADING: ("run", "wait", "Uploading"),
    ArtifactStatus.ACTIVE: ("good", "good", "Active"),
    ArtifactStatus.ARCHIVED: ("off", "note", "Archived"),
    ArtifactStatus.DELETED: ("off", "no", "Deleted"),
}
"""Class, icon and word of each status of a file."""
KINDS: Final = {
    "CODE": "Code",
    "DOCUMENT": "Document",
    "IMAGE": "Image",
    "DATA": "Data",
    "LOG": "Log",
    "OTHER": "Other",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A state on the timeline. at_ns: None for one that is still to come. note: how it came about."""

    word: str
    kind: str
    at_ns: int | None
    took: str
    note: str


@dataclass(frozen=True, slots=True)
class File:
    """An artifact as a row shows it. preview: image, text, or "" for none."""

    artifact: Artifact
    sign: tuple[str, str, str]
    kind: str
    preview: str

    @property
    def href(self) -> str:
        """Where its content is."""
        return f"/api/artifacts/{self.artifact.id}/content"


@dataclass(frozen=True, slots=True)
class Told:
    """A run as the page shows it. version: another one when anything but the time has changed."""

    run: Execution
    sign: tuple[str, str, str]
    took: str
    steps: tuple[Step, ...]
    figures: tuple[tuple[str, str, str], ...]
    files: tuple[File, ...]
    version: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.run.status in ENDED


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/executions/<uuid:execution_id>", view_func=one_execution)
    blueprint.add_url_rule("/executions/<uuid:execution_id>/cancel", view_func=cancel, methods=["POST"])
    blueprint.add_url_rule("/executions/artifacts/<uuid:artifact_id>", view_func=preview)


def one_execution(execution_id: UUID) -> Response:
    """The page; what has changed of it, for htmx."""
    now_ns = time.time_ns()
    told = _told(str(execution_id), now_ns)
    run = told.run
    values: dict[str, Any] = {
        "told": told,
        "run": run,
        "trace_url": trace_url(run.trace_id),
        "error_tree": _tree(run.error_details),
    }
    if wants_fragment():
        changed = request.args.get("at", "") != told.version
        return fragment("executions/_now.html", changed=changed, **values)
    view, lines = _log(run)
    cursor = service().store.cursor()
    similar = [each for each in _similar(run, now_ns) if each.run.id != run.id][:SIMILAR]
    return page(
        "executions/one.html",
        name="executions",
        **values,
        view=view,
        lines=lines,
        cursor=cursor,
        logs_url=url("/logs", q=with_field("", "trace", run.trace_id)) + "#newest",
        similar=similar,
        durations=spark.bars(executions().job_durations(run.job_name)[::-1]),
        usual=_usual(run),
        job_url=url("/executions", jobName=run.job_name),
        metadata=_tree(run.metadata),
        resources=_tree(run.resources),
        refused=request.args.get("refused", ""),
    )


def cancel(execution_id: UUID) -> Response:
    """Cancel a run; the page of one that has ended meanwhile shows how."""
    by = client().name or acts.PAGE
    here = f"/executions/{execution_id}"
    try:
        change_executions(lambda store: acts.cancel(store, str(execution_id), at_ns=time.time_ns(), by=by))
    except UnknownExecution:
        raise _unknown() from None
    except IllegalMove:
        return see(f"{here}?refused=1", 303)
    return see(here, 303)


def preview(artifact_id: UUID) -> Response:
    """The beginning of a text, for looking at it where it is listed; else the file itself."""
    try:
        artifact = executions().artifact(str(artifact_id))
    except UnknownArtifact:
        raise ApiError(404, i18n.translate("There is no such file.")) from None
    if not wants_fragment() or _preview_of(artifact) != "text":
        return see(f"/api/artifacts/{artifact.id}/content?inline=1")
    try:
        with service().artifact_files.path(artifact).open("rb") as file:
            content = file.read(PREVIEW_BYTES + 1)
    except OSError:
        raise ApiError(404, i18n.translate("Its content is gone.")) from None
    text = content[:PREVIEW_BYTES].decode(errors="replace")
    return fragment("executions/_preview.html", text=text, is_cut=len(content) > PREVIEW_BYTES)


def _told(execution_id: str, now_ns: int) -> Told:
    """Raises ApiError 404."""
    store = executions()
    try:
        run = store.execution(execution_id)
        steps, artifacts = store.transitions(run.id), store.artifacts(run.id)
    except UnknownExecution:
        raise _unknown() from None
    took_ns = run.duration_ns(now_ns)
    seen = (run.updated_ns, *((each.id, each.status) for each in artifacts))
    return Told(
        run,
        SIGNS[run.status],
        "" if took_ns is None else length(took_ns),
        (*_steps(steps, now_ns), *_next(run)),
        _figures(run),
        tuple(
            File(each, ARTIFACT_SIGNS[each.status], KINDS[each.type], _preview_of(each))
            for each in artifacts
        ),
        f"{zlib.crc32(repr(seen).encode()):08x}",
    )


def _unknown() -> ApiError:
    return ApiError(404, i18n.translate("There is no such run; retention may have removed it."))


def _steps(steps: Sequence[Transition], now_ns: int) -> list[Step]:
    """The states that it went through. kind: now, bad or done."""
    shown = []
    for at, step in enumerate(steps):
        is_last = at == len(steps) - 1
        is_end = step.to_status in ENDED
        after_ns = now_ns if is_last else steps[at + 1].at_ns
        took = "" if is_end else length(max(0, after_ns - step.at_ns))
        kind = "now" if is_last and not is_end else "done"
        if step.to_status is ExecutionStatus.FAILED:
            kind = "bad"
        shown.append(Step(SIGNS[step.to_status][2], kind, step.at_ns, took, reason_of(step)))
    return shown


def reason_of(step: Transition) -> str:
    """How a step came about, in words; "" when nobody said."""
    reason = step.reason or ""
    told = {
        f"cancelled by {acts.PAGE}": lambda: i18n.translate("on this page"),
        f"cancelled by {CONTROL_NAME}": lambda: i18n.translate("from the command line"),
    }
    known = told.get(reason)
    return known() if known else say(reason)


def _next(run: Execution) -> list[Step]:
    """The state that is to come."""
    if run.status in ENDED:
        return []
    usual = _usual(run)
    note = i18n.translate("usually after {time}", time=usual) if usual else ""
    steps = [Step(SIGNS[ExecutionStatus.COMPLETED][2], "next", None, "", note)]
    if run.status is ExecutionStatus.PENDING:
        steps.insert(0, Step(SIGNS[ExecutionStatus.RUNNING][2], "next", None, "", ""))
    return steps


def _usual(run: Execution) -> str:
    """How long the job takes in the middle; "" when it was never completed."""
    took = sorted(executions().job_durations(run.job_name))
    return length(took[len(took) // 2]) if took else ""


def _figures(run: Execution) -> tuple[tuple[str, str, str], ...]:
    """(name, value, what belongs to it) of each figure that is known."""
    tokens = tokens_of(run.tokens_used, run.input_tokens, run.output_tokens)
    most = i18n.translate("of {n}", n=run.max_tokens)
    shown: list[tuple[str, str | None, str]] = [
        (i18n.translate("Cost"), money(run.cost_micros) or None, ""),
        (i18n.translate("Tokens"), _count(tokens), ""),
        (i18n.translate("Input"), _count(run.input_tokens), ""),
        (i18n.translate("Output"), _count(run.output_tokens), most),
        (i18n.translate("Exit code"), _count(run.exit_code), ""),
        (i18n.translate("CPU time"), None if run.cpu_ms is None else i18n.duration(run.cpu_ms / 1000), ""),
        (
            i18n.translate("Most memory"),
            None if run.peak_memory_bytes is None else i18n.size(run.peak_memory_bytes),
            "",
        ),
    ]
    return tuple((name, value, more) for name, value, more in shown if value is not None)


def _count(number: int | None) -> str | None:
    return None if number is None else i18n.number(number)


def _preview_of(artifact: Artifact) -> str:
    if not artifact.has_content:
        return ""
    kind = (artifact.mime_type or "").partition(";")[0].strip().lower()
    if kind in IMAGES:
        return "image"
    # What sends a .log file seldom knows a type for it.
    is_log = kind in ("", UNKNOWN) and artifact.file_name.lower().endswith(LOG_ENDS)
    return "text" if is_log or TEXTS.fullmatch(kind) else ""


def _tree(value: Any) -> tuple[Leaf, ...]:
    """A JSON value as lines; its query buttons would not find it, which is no line of log."""
    if value is None:
        return ()
    named: Mapping[str, Any] = value if isinstance(value, dict) else {"": value}
    return tuple(_bare(leaf) for leaf in tree(named, ""))


def _bare(leaf: Leaf) -> Leaf:
    return replace(leaf, add="", exclude="", items=tuple(_bare(each) for each in leaf.items))


def _log(run: Execution) -> tuple[View, Lines | None]:
    """The newest lines of a run, and what its live view follows; None when no line can have its trace."""
    text = f"{with_field('', 'trace', run.trace_id)} level:>=trace"
    try:
        query = LogQuery.parse(text, now_ns=time.time_ns(), tz=zone())
    except QueryError:
        return View("", LogQuery()), None
    view = View(text, replace(query, limit=LOG_LINES), live=run.status not in ENDED)
    try:
        return view, find(view)
    except QueryTimeout:
        return view, None


def _similar(run: Execution, now_ns: int) -> list[Line]:
    query = ExecutionQuery(job_names=(run.job_name,), page_size=SIMILAR + 1)
    return [line_of(each, now_ns) for each in executions().executions(query).executions]
