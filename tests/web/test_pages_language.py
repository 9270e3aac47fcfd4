"""Korean is complete: every text of the pages has a translation, and none stands outside of one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu import config
from hantu.paths import ROOT, TEMPLATES
from hantu.service import Service
from hantu.web import (
    about,
    arrivals,
    completion,
    disk,
    executions,
    facets,
    inbox,
    inbox_acts,
    kinds,
    logs,
    one_error,
    one_execution,
    palette,
    patterns,
    picker,
    render,
    settings,
    settings_accounts,
    settings_audit,
    settings_shown,
    settings_tokens,
    sources,
)
from hantu.web.korean import TEXTS
from tests.web.desk import line, store

KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
# Names and words of the query language, the same in every language.
SAME_WORDS = frozenset(
    (
        "hantu",
        "JSON",
        "level",
        "status",
        "warn",
        "time",
        "out",
        "now",
        "SQLite",
        "Python",
        "OpenAPI",
        "Prometheus",
    )
)
_CALL = re.compile(r"""(?:\b_|\btranslate)\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
_PLURAL = re.compile(r"""(?:\bngettext|\bplural)\(\s*(["'])(.*?)\1,\s*\1(.*?)\1""")
_FIELD = re.compile(r"\{(\w+)\}")


# For those who work on the pages.
UNSPOKEN = frozenset(("styleguide.html",))


def templates() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*.html") if path.name not in UNSPOKEN)


def texts_of(source: str) -> Iterator[str]:
    for double, single in _CALL.findall(source):
        yield double or single
    for _quote, one, many in _PLURAL.findall(source):
        yield one
        yield many


def all_texts() -> set[str]:
    found: set[str] = set()
    for path in [*templates(), *sorted((ROOT / "hantu" / "web").glob("*.py"))]:
        found.update(texts_of(path.read_text()))
    found.update(text for _, _, text in render.NAV)
    found.update(word for _, _, word in (*sources.STATES.values(), sources.WAITING, sources.ABSENT))
    found.update(text for _, text in picker.SPANS)
    found.update(text for _, text in (*logs.EXPORTS, *logs.KEYS))
    found.update(facets.TITLES.values())
    found.update((*completion.MEANINGS.values(), *(text for _, text in completion.OPERATORS)))
    found.update(text for _, text in patterns.ORDERS)
    found.update(text for _, text in (*inbox.TABS, *inbox.ORDERS, *inbox.SINCE, *inbox.KEYS))
    found.update(text for _, text in inbox_acts.MUTES)
    signs = (
        inbox.OPEN,
        inbox.REGRESSED,
        inbox.MUTED,
        inbox.RESOLVED,
        one_error.FIRST,
        *one_error.ACTS.values(),
    )
    found.update(word for _, _, word in signs)
    states = (*executions.SIGNS.values(), *one_execution.ARTIFACT_SIGNS.values())
    found.update(word for _, _, word in states)
    choices = (*executions.SORTS, *executions.SPANS, *executions.FILES, *executions.KEYS)
    found.update(text for _, text in choices)
    found.update(one_execution.KINDS.values())
    found.update(text for group in settings.SECTIONS for _, _, text in group)
    for title, options in settings.OPTIONS.values():
        found.update((title, *(text for _, text in options if text not in settings.NAMES_OF_THEMSELVES)))
    found.update(("Time zone", "First page", *settings_shown.LEADS.values(), about.LIBRARIES["apsw"]))
    found.update(name for _, name in arrivals.LOOKS.values())
    named = (*settings_accounts.ROLES, *settings_tokens.WORDS)
    found.update(word for _, *words in named for word in words)
    found.update((*settings_audit.names_of_acts(), *settings_audit.DETAILS.values()))
    signs = (kinds.WELL, kinds.MISSING, kinds.WAITS, kinds.ABSENT, kinds.OFF)
    found.update(("Containers", "The journal", "Log files", *(word for _, _, word in signs)))
    found.update(text for _, text in (*render.KEYS, *palette.THEMES, *palette.CONTRASTS))
    found.update(title for title, _ in palette.LOOKS)
    found.update(setting.help for setting in config.settings())
    found.update({"older than retention", "the file was too large", "the disk was full", "by hand"})
    found.update(disk.SENTENCES.values())
    return found


def test_every_text_has_a_korean_one() -> None:
    assert sorted(text for text in all_texts() if text not in TEXTS) == []


def test_no_translation_is_left_over() -> None:
    assert sorted(text for text in TEXTS if text not in all_texts()) == []


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_a_translation_fills_in_the_same_values(text: str) -> None:
    assert set(_FIELD.findall(TEXTS[text])) == set(_FIELD.findall(text))


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_has_text_outside_a_translation(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(), flags=re.S)
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', source)
    source = re.sub(r"<(code|kbd)\b.*?</\1>", " ", source, flags=re.S)
    bare = re.sub(r"""<(?:[^>"']|"[^"]*"|'[^']*')*>""", " ", source)
    words = re.findall(r"[A-Za-z]{2,}", " ".join([bare, *spoken]))
    assert [word for word in words if word not in SAME_WORDS] == []


def test_a_korean_browser_gets_korean_pages(service: Service, client: FlaskClient) -> None:
    store(service, [line("하나", time_ns=time.time_ns())])
    for path, word in (
        ("/errors", "에러"),
        ("/executions", "실행"),
        ("/logs", "최신 줄이"),
        ("/sources", "수집원"),
        ("/status", "메모리"),
    ):
        html = client.get(path, headers=KOREAN).text
        assert '<html lang="ko">' in html
        assert word in html


def test_a_chosen_language_is_kept(client: FlaskClient) -> None:
    assert '<html lang="ko">' in client.get("/logs?lang=ko").text
    assert '<html lang="ko">' in client.get("/status").text
    assert '<html lang="en">' in client.get("/status?lang=en", headers=KOREAN).text
    assert '<html lang="en">' in client.get("/status?lang=xx", headers=KOREAN).text
