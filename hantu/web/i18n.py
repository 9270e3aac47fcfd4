"""The pages' two languages: English in the templates, Korean from the catalogue."""

from __future__ import annotations

import datetime
from typing import Final, cast

from flask import Request, current_app, g, has_request_context, request

from hantu.web import preferences
from hantu.web.korean import TEXTS

LANGUAGES: Final = ("ko", "en")
COOKIE: Final = preferences.LANGUAGE
_DAYS_KO: Final = "월화수목금토일"
# Not by the locale of the process, which is another's matter.
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def choose(asked: Request, configured: str) -> str:
    """The language of an answer: ?lang, else the setting, else what the reader chose, else what the
    browser prefers, else English."""
    wanted = asked.args.get(COOKIE, "")
    if wanted in LANGUAGES:
        return wanted
    if configured in LANGUAGES:
        return configured
    return preferences.chosen(COOKIE) or asked.accept_languages.best_match(("en", "ko")) or "en"


def language() -> str:
    """The language of the request being answered."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        config = current_app.extensions["hantu"].config
        g.language = choose(request, config.language)
    return cast(str, g.language)


def translate(text: str, /, **values: object) -> str:
    """`text` in the reader's language, its {names} filled in; whole numbers get separators."""
    if language() == "ko":
        text = TEXTS.get(text, text)
    return text.format(**{name: _shown(value) for name, value in values.items()}) if values else text


def plural(one: str, many: str, n: int, /, **values: object) -> str:
    """translate() of `one` when n is 1, else of `many`; {n} is the number."""
    return translate(one if n == 1 else many, n=n, **values)


def number(value: float) -> str:
    """A count with thousands separators."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """A share of 100 as people say it: 34 %, <1 %; 34%, 1% 미만."""
    if language() == "ko":
        return "1% 미만" if 0 < share < 1 else f"{share:.0f}%"
    return "<1 %" if 0 < share < 1 else f"{share:.0f} %"


def long_day(day: datetime.date) -> str:
    """Friday, 20 November 2026; 2026년 11월 20일 금요일."""
    if language() == "ko":
        return f"{day.year}년 {day.month}월 {day.day}일 {_DAYS_KO[day.weekday()]}요일"
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def full_day(day: datetime.date) -> str:
    """20 Nov 2026; 2026. 11. 20."""
    if language() == "ko":
        return f"{day.year}. {day.month}. {day.day}."
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def short_day(day: datetime.date) -> str:
    """20 Nov; 11월 20일."""
    if language() == "ko":
        return f"{day.month}월 {day.day}일"
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def size(size_bytes: float) -> str:
    """A size as people say it: 812 B, 4.1 MB, 2.3 GB."""
    units = ("B", "kB", "MB", "GB", "TB")
    value = float(size_bytes)
    unit = 0
    while abs(value) >= 999.5 and unit < len(units) - 1:
        value /= 1000
        unit += 1
    return f"{value:.0f} {units[unit]}" if unit < 2 or value >= 99.95 else f"{value:.1f} {units[unit]}"


def duration(seconds: float) -> str:
    """A length of time in its largest units: 0.3 s, 41 s, 1 m 04 s, 2 h, 6 days."""
    if seconds < 10 and seconds != round(seconds):
        return translate("{s} s", s=f"{max(seconds, 0.0):.3g}" if seconds < 1 else f"{seconds:.1f}")
    whole = max(round(seconds), 0)
    if whole < 60:
        return translate("{s} s", s=whole)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return (
            translate("{m} m {s} s", m=minutes, s=f"{rest:02d}") if rest else translate("{m} m", m=minutes)
        )
    if whole < 2 * 86_400:
        hours, rest = divmod(whole // 60, 60)
        return translate("{h} h {m} m", h=hours, m=f"{rest:02d}") if rest else translate("{h} h", h=hours)
    return translate("{d} days", d=whole // 86_400)


def ago(time_ns: int | None, now_ns: int) -> str:
    """How long ago in words: now, 41 s ago, never."""
    if time_ns is None:
        return translate("never")
    seconds = (now_ns - time_ns) / 1e9
    if seconds < 2:
        return translate("now")
    return translate("{time} ago", time=duration(round(seconds)))


def _shown(value: object) -> object:
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else value
