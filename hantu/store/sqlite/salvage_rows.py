"""Reading what can be read of the tables of a damaged file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import apsw

FAILURES_MOST: Final = 20_000
"""After so many reads that failed the rest of a table is given up: some seconds."""

Row = tuple[Any, ...]


class Salvage:
    """The readable rows of one table. failures: how many reads met damage."""

    def __init__(self, connection: apsw.Connection, table: str, columns: list[str]) -> None:
        self._connection = connection
        self._table = table
        self._columns = ", ".join(columns)
        self.failures = 0

    def rows(self, key: str | None) -> Iterator[Row]:
        """The rows. key: the name of its whole-number key; None: it has another one, then what lies between
        two damaged places is not found."""
        if key is None:
            yield from self._from_both_ends()
            return
        last: int | None = None
        for row in self._reading(f"{self._select(key)} ORDER BY {key}"):
            last = row[0]
            yield row[1:]
        if not self.failures:
            return
        least: int | None = None
        after = "" if last is None else f"WHERE {key} > {last:d}"
        for row in self._reading(f"{self._select(key)} {after} ORDER BY {key} DESC"):
            least = row[0]
            yield row[1:]
        if last is not None and least is not None:
            yield from self._between(key, last + 1, least - 1)

    def _select(self, key: str) -> str:
        return f"SELECT {key}, {self._columns} FROM {self._table}"  # noqa: S608  names of schema.sql

    def _between(self, key: str, first: int, last: int) -> Iterator[Row]:
        """What can be read from first to last: ranges that fail are halved."""
        ranges = [(first, last)]
        while ranges and self.failures < FAILURES_MOST:
            low, high = ranges.pop()
            if low > high:
                continue
            failed = self.failures
            got_to = low - 1
            within = f"WHERE {key} BETWEEN {low:d} AND {high:d}"
            for row in self._reading(f"{self._select(key)} {within} ORDER BY {key}"):
                got_to = row[0]
                yield row[1:]
            low = got_to + 1
            if self.failures > failed and low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]

    def _from_both_ends(self) -> Iterator[Row]:
        """Rows up to the damage and from the end back to it; when both see the same, twice."""
        select = f"SELECT {self._columns} FROM {self._table}"  # noqa: S608  names of schema.sql
        yield from self._reading(select)
        if self.failures:
            yield from self._reading(f"{select} ORDER BY 1 DESC")

    def _reading(self, statement: str) -> Iterator[Row]:
        """Rows until one cannot be read."""
        try:
            yield from self._connection.execute(statement)
        except (apsw.Error, UnicodeDecodeError):
            self.failures += 1
