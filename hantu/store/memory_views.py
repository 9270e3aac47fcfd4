"""MemoryViews: saved views in memory, within MemoryStore."""

from __future__ import annotations

import threading
from dataclasses import replace

from hantu.store.view_base import (
    EVERYBODY,
    VIEWS_MOST,
    SavedView,
    TakenName,
    WrongView,
    by_name,
    checked_name,
    checked_view,
)


class MemoryViews:
    """A ViewStorage that forgets everything at its end."""

    def __init__(self) -> None:
        self._views_lock = threading.Lock()
        self._views: dict[tuple[str, str], SavedView] = {}

    def views(self, account: str) -> tuple[SavedView, ...]:
        """The account's own views and everybody's."""
        return by_name([view for view in self._views.values() if view.account in {account, EVERYBODY}])

    def save_view(self, view: SavedView) -> None:
        """Keep a view."""
        view = checked_view(view)
        key = view.account, view.name
        with self._views_lock:
            old = self._views.get(key)
            if old is None and sum(own == view.account for own, _ in self._views) >= VIEWS_MOST:
                raise WrongView(f"there are {VIEWS_MOST} views already; remove one first")
            self._views[key] = view if old is None else replace(view, created_ns=old.created_ns)

    def rename_view(self, account: str, name: str, to: str) -> bool:
        """Give a view another name."""
        to = checked_name(to)
        with self._views_lock:
            if (account, name) not in self._views:
                return False
            if to != name and (account, to) in self._views:
                raise TakenName(f"there is a view named {to!r} already")
            view = self._views.pop((account, name))
            self._views[account, to] = replace(view, name=to)
            return True

    def remove_view(self, account: str, name: str) -> bool:
        """Remove a view."""
        with self._views_lock:
            return self._views.pop((account, name), None) is not None
