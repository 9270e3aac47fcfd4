"""GET /logs/complete: while somebody types a search, what it may go on with and what is wrong with it."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, request

from hantu.web import completion, verdict, vocabulary
from hantu.web.api_logs import zone
from hantu.web.sentences import say
from hantu.web.vocabulary import Names
from hantu.web.wire import json_response

TEXT_MOST: Final = 4_096


def register(blueprint: Blueprint) -> None:
    """Add the route."""
    blueprint.add_url_rule("/logs/complete", view_func=complete)


def complete() -> Response:
    """Suggestions for the text `q` with the cursor at `at`, counted as JavaScript counts; and what is wrong
    with the text."""
    text = request.args.get("q", "")[:TEXT_MOST]
    at = _characters(text, request.args.get("at", len(text), type=int))
    names = vocabulary.names()
    found = completion.suggest(text, at, names)
    return json_response(
        {
            "word": found.word,
            "tail": found.tail,
            "items": [{"text": item.text, "label": item.label, "note": item.note} for item in found.items],
            "wrong": _wrong(text, at, names, choosing=bool(found.items)),
        }
    )


def _wrong(text: str, at: int, names: Names, *, choosing: bool) -> dict[str, Any] | None:
    """What is wrong; None also while it may become right by one of the suggestions."""
    tz = zone()
    error = verdict.wrong_of(text.strip(), tz)
    if error is None:
        return None
    lead = len(text) - len(text.lstrip())
    error = error.at(error.position + lead, error.length)
    in_word = verdict.in_word(text, at, error)
    if in_word and choosing:
        return None
    place = verdict.pointer(text, error)
    return {
        "message": say(error.message),
        "before": place.before,
        "at": place.at,
        "after": place.after,
        "fixes": verdict.fixes(text, error, tz, names),
        "unfinished": in_word or verdict.goes_on(text, tz),
    }


def _characters(text: str, units: int) -> int:
    """The number of characters in so many UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * max(units, 0)].decode("utf-16-le", "ignore"))
