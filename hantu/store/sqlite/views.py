"""SqliteViews: saved views, within SqliteStore."""

from __future__ import annotations

from typing import Final

from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.sqlite.database import Database
from hantu.store.view_base import (
    VIEWS_MOST,
    SavedView,
    TakenName,
    WrongView,
    by_name,
    checked_name,
    checked_view,
)

_VIEWS: Final = """
SELECT account, name, address, created_ns
FROM saved_view
WHERE account IN (?, '')
"""
_COUNT: Final = "SELECT count(*), count(*) FILTER (WHERE name = ?2) FROM saved_view WHERE account = ?1"
_SAVE: Final = """
INSERT INTO saved_view (account, name, address, created_ns)
VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET address = excluded.address
"""
_TAKEN: Final = "SELECT 1 FROM saved_view WHERE account = ? AND name = ?"
_RENAME: Final = "UPDATE saved_view SET name = ?3 WHERE account = ?1 AND name = ?2"
_REMOVE: Final = "DELETE FROM saved_view WHERE account = ? AND name = ?"


class SqliteViews:
    """The saved views of one SQLite file."""

    _database: Database

    def views(self, account: str) -> tuple[SavedView, ...]:
        """The account's own views and everybody's."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return by_name([SavedView(*row) for row in reader.rows(_VIEWS, (account,))])

    def save_view(self, view: SavedView) -> None:
        """Keep a view."""
        view = checked_view(view)
        with self._database.writing(durable=True) as connection:
            views, same = connection.execute(_COUNT, (view.account, view.name)).fetchone() or (0, 0)
            if views >= VIEWS_MOST and not same:
                raise WrongView(f"there are {VIEWS_MOST} views already; remove one first")
            connection.execute(_SAVE, (view.account, view.name, view.address, view.created_ns))

    def rename_view(self, account: str, name: str, to: str) -> bool:
        """Give a view another name."""
        to = checked_name(to)
        with self._database.writing(durable=True) as connection:
            if connection.execute(_TAKEN, (account, name)).fetchone() is None:
                return False
            if to != name and connection.execute(_TAKEN, (account, to)).fetchone() is not None:
                raise TakenName(f"there is a view named {to!r} already")
            connection.execute(_RENAME, (account, name, to))
            return True

    def remove_view(self, account: str, name: str) -> bool:
        """Remove a view."""
        with self._database.writing(durable=True) as connection:
            connection.execute(_REMOVE, (account, name))
            return connection.changes() > 0
