"""What people do with errors on the pages: forms that answer with the page they came from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from hantu.inbox import acts
from hantu.store.error_base import ErrorStorage, UnknownError
from hantu.web import i18n
from hantu.web.access import client
from hantu.web.current import change_errors
from hantu.web.errors import ApiError
from hantu.web.render import see

MUTES: Final = (
    ("1h", "For 1 hour"),
    ("24h", "For 24 hours"),
    ("7d", "For 7 days"),
    (">10", "Until more than 10 an hour"),
)
_SECONDS: Final = {"h": 3600, "d": 86_400}
_RATE_MOST: Final = 1_000_000

Act = Callable[[ErrorStorage, int, int, str], object]
"""Does something with a group: store, group number, now, who."""


def register(blueprint: Blueprint) -> None:
    """Add the routes of these forms."""
    blueprint.add_url_rule("/errors/act", view_func=act_on_many, methods=["POST"])
    blueprint.add_url_rule(
        "/errors/<int:group_no>/<any(resolve, reopen, mute, unmute, note, merge, split):act>",
        view_func=act_on_one,
        methods=["POST"],
    )


def act_on_many() -> Response:
    """The act of the pressed button on every ticked group. What it cannot change stays as it is."""
    act = request.form.get("act", "")
    group_nos = [int(no) for no in request.form.getlist("group") if no.isdecimal() and len(no) < 19]
    if not group_nos:
        return _back("/errors", did="none")
    if act == "merge":
        return _merged(group_nos)
    work = _act(act)
    now_ns, by = time.time_ns(), _who()

    def work_all(store: ErrorStorage) -> int:
        return sum(_changes(work, store, group_no, now_ns, by) for group_no in group_nos)

    return _back("/errors", did=act, n=change_errors(work_all))


def _merged(group_nos: list[int]) -> Response:
    """Make the ticked groups one: the one that was seen first keeps its number."""
    if len(set(group_nos)) < 2:
        return _back("/errors", did="single")
    into, now_ns, by = min(group_nos), time.time_ns(), _who()
    try:
        with _known():
            change_errors(lambda store: acts.merge(store, group_nos, into, at_ns=now_ns, by=by))
    except acts.Refused:
        return _back("/errors", did="apart")
    return _back("/errors", did="merge", n=len(set(group_nos)))


def act_on_one(group_no: int, act: str) -> Response:
    """One act on one group. What is so already is no fault: two tabs may be open."""
    work = _act(act)
    now_ns, by = time.time_ns(), _who()
    with _known():
        changed = change_errors(lambda store: _changes(work, store, group_no, now_ns, by, known=True))
    if act == "merge" and not changed:
        raise ApiError(409, i18n.translate("Only different errors of one service can be merged."))
    return _back(f"/errors/{group_no}", did=act, n=1)


def _act(act: str) -> Act:
    """The act that a button names, with what the form says besides. Raises ApiError 400."""
    form = request.form
    match act:
        case "resolve":
            return lambda store, no, at_ns, by: acts.resolve(store, no, at_ns=at_ns, by=by)
        case "reopen":
            return lambda store, no, at_ns, by: acts.reopen(store, no, at_ns=at_ns, by=by)
        case "unmute":
            return lambda store, no, at_ns, by: acts.unmute(store, no, at_ns=at_ns, by=by)
        case "mute":
            return _mute(form.get("until", ""), form.get("most", ""))
        case "note":
            text = form.get("text", "")
            return lambda store, no, at_ns, by: acts.note(store, no, text, at_ns=at_ns, by=by)
        case "merge":
            other = _number(form.get("other", "").strip().lstrip("#"), (1 << 63) - 1)
            return lambda store, no, at_ns, by: acts.merge(store, [other], no, at_ns=at_ns, by=by)
        case "split":
            fingerprint = form.get("fingerprint", "")
            return lambda store, no, at_ns, by: acts.split(store, no, fingerprint, at_ns=at_ns, by=by)
    raise ApiError(400, i18n.translate("The form does not say what to do."))


def _mute(until: str, most: str) -> Act:
    """until: 1h, 24h, 7d, >10, or > alone with the number in `most`."""
    if until.startswith(">"):
        rate = _number(until[1:] or most, _RATE_MOST)
        return lambda store, no, at_ns, by: acts.mute(store, no, at_ns=at_ns, by=by, below_an_hour=rate)
    unit = _SECONDS.get(until[-1:], 0)
    seconds = _number(until[:-1], acts.MUTE_DAYS_MOST * 86_400 // max(unit, 1)) * unit
    if not seconds:
        raise ApiError(400, i18n.translate("The form does not say how long."))
    return lambda store, no, at_ns, by: acts.mute(store, no, at_ns=at_ns, by=by, seconds=seconds)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):
        raise ApiError(400, i18n.translate("A number from 1 to {most} is needed here.", most=most))
    return int(text)


def _changes(
    work: Act, store: ErrorStorage, group_no: int, now_ns: int, by: str, *, known: bool = False
) -> int:
    """1 when the act changed the group, 0 when there was nothing to change. known: it must be there."""
    try:
        work(store, group_no, now_ns, by)
    except acts.Refused:
        return 0
    except UnknownError:
        if known:
            raise
        return 0
    return 1


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except UnknownError:
        raise ApiError(404, i18n.translate("There is no such error.")) from None
    except ValueError:
        raise ApiError(
            400, i18n.translate("A note has 1 to {most} characters.", most=acts.NOTE_MOST)
        ) from None


def _who() -> str:
    return client().name or acts.PAGE


def _back(default: str, *, did: str, n: int = 0) -> Response:
    """To the page that the form names; the inbox says what was done."""
    path = request.form.get("back", "")
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or not (path == "/errors" or path.startswith(("/errors?", "/errors/"))):
        path = default
    if path.startswith("/errors/"):
        # The page of one error shows its state itself.
        return see(path, 303)
    return see(f"{path}{'&' if '?' in path else '?'}did={did}&n={n}", 303)
