"""SqlitePreferences: what accounts chose for their pages, in the table preference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.sqlite.database import Database

_OF_ACCOUNT: Final = "SELECT name, value FROM preference WHERE account = ? ORDER BY name"
_KEEP: Final = """
INSERT INTO preference (account, name, value) VALUES (:account, :name, :value)
ON CONFLICT (account, name) DO UPDATE SET value = excluded.value
"""
_FORGET: Final = "DELETE FROM preference WHERE account = :account AND name = :name"


class SqlitePreferences:
    """The preferences of one SQLite file."""

    _database: Database

    def preferences(self, account: str) -> dict[str, str]:
        """Everything the account chose."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return dict(reader.rows(_OF_ACCOUNT, (account,)))

    def prefer(self, account: str, chosen: Mapping[str, str]) -> None:
        """Remember these, durably, all in one transaction."""
        with self._database.writing(durable=True) as connection:
            for name, value in chosen.items():
                binds = {"account": account, "name": name, "value": value}
                connection.execute(_KEEP if value else _FORGET, binds)
