"""From a template and values to a page: language, filters, the parts every page has."""

from __future__ import annotations

import time
import zlib
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, make_response, redirect, render_template, request
from jinja2 import StrictUndefined

from hantu import __version__
from hantu.collect.base import CollectorState
from hantu.paths import STATIC
from hantu.store.base import StoreError
from hantu.text import visible
from hantu.web import clock, i18n, preferences, sentences
from hantu.web.access import shown_to
from hantu.web.command import as_root, command
from hantu.web.current import errors, service
from hantu.web.kinds import kinds
from hantu.web.rows import ICONS
from hantu.web.tokens import themes

NAV: Final = (
    ("logs", "/logs", "Logs"),
    ("errors", "/errors", "Errors"),
    ("executions", "/executions", "Executions"),
    ("sources", "/sources", "Sources"),
    ("status", "/status", "Status"),
)
TROUBLED: Final = (CollectorState.RECONNECTING, CollectorState.FAILED)
KEYS: Final = (("Ctrl K", "go anywhere"), ("?", "these keys"))
"""The keys of every page; a page's own come before them."""
LOOK: Final = (preferences.THEME, preferences.CONTRAST, preferences.DENSITY)
"""What a reader chose that a page says on <html>, as data-…: styles follow from the first paint on."""


def install(app: Flask) -> None:
    """Give the application's templates what they use."""
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = True
    env.lstrip_blocks = True
    env.globals.update(
        _=i18n.translate,
        ngettext=i18n.plural,
        say=sentences.say,
        say_parts=sentences.say_parts,
        asset=asset,
        command=lambda *words: command(service().config, *words),
        root_command=lambda *words: as_root(service().config, *words),
        version=__version__,
        source_kinds=lambda: kinds(service().config, service().manager.statuses()),
        icons=ICONS,
    )
    env.filters.update(
        number=i18n.number,
        percent=i18n.percent,
        size=i18n.size,
        duration=i18n.duration,
        full_time=clock.full_time,
        iso=clock.iso,
        clock=lambda time_ns: clock.row_time(time_ns)[1][:8],
        short_time=short_time,
        long_day=lambda time_ns: i18n.long_day(clock.date(clock.day_of(time_ns))),
        plain=visible,
    )
    app.extensions["hantu.error_page"] = error_page


def page(template: str, *, name: str = "", status: int = 200, **values: object) -> Response:
    """A whole page. name: its entry in the navigation, "" for none."""
    reader = shown_to()
    response = make_response(
        render_template(
            template,
            name=name,
            nav=NAV if reader else (),
            reader=reader,
            lang=i18n.language(),
            back=request.full_path.rstrip("?") if request.method == "GET" else "/logs",
            every_keys=KEYS,
            theme=preferences.chosen(preferences.THEME),
            theme_colours={theme.name: theme.colours["surface"] for theme in themes()},
            look=[(each, value) for each in LOOK if (value := preferences.chosen(each))],
            other_languages=_other_languages(),
            troubled=_troubled() if reader else 0,
            open_errors=_open_errors() if reader else 0,
            zone_name=clock.zone(),
            base_url=request.host_url.rstrip("/"),
            **values,
        ),
        status,
    )
    chosen = request.args.get(i18n.COOKIE, "")
    if chosen in i18n.LANGUAGES:
        preferences.keep(response, i18n.COOKIE, chosen)
    response.vary.add("Accept-Language")
    return response


def see(target: str, status: int = 302) -> Response:
    """A redirect; 303 after a POST."""
    return make_response(redirect(target, status))


def fragment(template: str, **values: object) -> Response:
    """A part of a page, for htmx."""
    return make_response(render_template(template, zone_name=clock.zone(), **values))


def error_page(status: int, message: str) -> Response:
    """The page that says what went wrong, registered as app.extensions["hantu.error_page"]."""
    return page("error.html", status=status, code=status, message=sentences.say(message))


def wants_fragment() -> bool:
    """Whether htmx asks, and not the browser itself."""
    return request.headers.get("HX-Request") == "true"


def short_time(time_ns: int) -> str:
    """A time as a table shows it: of today the clock, else the day, too, and in another year that."""
    day, text, _iso = clock.row_time(time_ns)
    today = clock.day_of(time.time_ns())
    if day == today:
        return text[:8]
    own = clock.date(day)
    told = i18n.short_day(own) if day[:4] == today[:4] else i18n.full_day(own)
    return f"{told} {text[:8]}"


def asset(path: str) -> str:
    """The URL of a static file; its content is part of it, so that a browser may keep the file."""
    return f"/static/{path}?v={_checksum(path)}"


@lru_cache(maxsize=64)
def _checksum(path: str) -> str:
    return f"{zlib.crc32((STATIC / path).read_bytes()):08x}"


def url(path: str, **parameters: str | int | None) -> str:
    """`path` with the parameters that are not empty."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(given)}" if given else path


def _other_languages() -> tuple[tuple[str, str, str], ...]:
    """(code, name, URL of this page) of the other language, none where a setting decides."""
    if service().config.language != "auto" or request.method != "GET":
        return ()
    code, name = ("en", "English") if i18n.language() == "ko" else ("ko", "한국어")
    arguments = [(key, value) for key, value in request.args.items(multi=True) if key != i18n.COOKIE]
    return ((code, name, f"{request.path}?{urlencode([*arguments, (i18n.COOKIE, code)])}"),)


def _open_errors() -> int:
    """How many errors wait for somebody; 0 when the store cannot tell: that is no reason for no page."""
    try:
        return errors().unresolved(time.time_ns())
    except StoreError:
        return 0


def _troubled() -> int:
    """How many collectors are in trouble: one whose container has exited is well, and so is one that a
    person stopped."""
    return sum(status.state in TROUBLED for status in service().manager.statuses())
