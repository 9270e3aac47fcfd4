"""What the address of a search asks for, and the addresses that lead on from it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from werkzeug.datastructures import MultiDict

from hantu.query.edit import field_for_path
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery, Place
from hantu.web.api_logs import zone
from hantu.web.live import COLUMNS_MOST
from hantu.web.render import url

PATH: Final = "/logs"
LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class View:
    """What the URL asks for. before, after: the place of paging; live: new lines are followed; wrap:
    long lines are shown whole; fold: alike lines one after the other are one row. error: the text is
    wrong, and query then asks for nothing. columns: metadata paths shown beside each message; opened:
    those whose filter is open. path: of the page."""

    text: str
    query: LogQuery
    live: bool = False
    wrap: bool = False
    before: Place | None = None
    after: Place | None = None
    error: QueryError | None = None
    fold: bool = True
    columns: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    path: str = PATH

    @property
    def state(self) -> dict[str, str]:
        """What a form that changes the text must keep beside it."""
        own = {
            "live": "1" if self.live else "",
            "wrap": "1" if self.wrap else "",
            "fold": "" if self.fold else "0",
            "cols": ",".join(self.columns),
            "facet": ",".join(self.opened),
        }
        return {name: value for name, value in own.items() if value}

    def url(self, path: str = "", **changes: object) -> str:
        """The URL of this view with changes; a changed text begins at its newest lines again. path: its own
        when not given."""
        own: dict[str, object] = {"q": self.text, **self.state}
        return url(
            path or self.path, **{name: str(value) for name, value in (own | changes).items() if value}
        )

    def export_url(self, form: str) -> str:
        """The URL of a file with exactly the lines of this view."""
        return url("/api/logs/export", q=self.text, format=form)

    def place_url(self, path: str, name: str, place: Place) -> str:
        """The URL of the rows before or after a place."""
        return self.url(path, live="", **{name: f"{place.time_ns}-{place.key}"})

    def open_url(self, path: str, name: str) -> str:
        """The URL of the rows before or after a place that is to be added at its end."""
        base = self.url(path, live="")
        return f"{base}{'&' if '?' in base else '?'}{name}="


def read_view(args: MultiDict[str, str], path: str = PATH) -> View:
    """The view that the URL's parameters ask for."""
    text = args.get("q", "").strip()
    try:
        query = LogQuery.parse(text, now_ns=time.time_ns(), tz=zone())
        error = None
    except QueryError as wrong:
        query, error = LogQuery(text=text), wrong
    before, after = read_place(args.get("before", "")), read_place(args.get("after", ""))
    return View(
        text,
        replace(query, limit=LIMIT),
        live=args.get("live") == "1" and before is None and after is None,
        wrap=args.get("wrap") == "1",
        before=before,
        after=after,
        error=error,
        fold=args.get("fold") != "0",
        columns=read_names(args.getlist("cols")),
        opened=read_names(args.getlist("facet")),
        path=path,
    )


def read_names(texts: Sequence[str]) -> tuple[str, ...]:
    """The metadata paths of lists with commas, without those that no query can name."""
    names = dict.fromkeys(name.strip() for text in texts for name in text.split(","))
    return tuple(name for name in names if name and field_for_path(name))[:COLUMNS_MOST]


def read_place(text: str) -> Place | None:
    """The place written as time-key, None when it is none."""
    time_text, _, key_text = text.rpartition("-")
    try:
        place = Place(int(time_text), int(key_text))
    except ValueError:
        return None
    return place if abs(place.time_ns) < 1 << 63 and 0 <= place.key < 1 << 63 else None
