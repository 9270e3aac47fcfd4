"""log_entry as a table of SQLite's: the entries of both tiers, for what a person asks in SQL.

An eponymous virtual table: it lives on a connection, not in the file, so it is the same whatever the
file looks like. Source: SQLite, "The Virtual Table Mechanism Of SQLite"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

from hantu.store.ids import EntryIds
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.entry_access import COLUMNS, DECLARATION, ROWID, Access, Bounds, choose
from hantu.store.sqlite.entry_rows import Block, CellBlock, Names, Rows, Values
from hantu.store.sqlite.search import Search

NAME: Final = "log_entry"


class EntryTable:
    """Puts log_entry on a connection."""

    def __init__(self, search: Search, catalog: Catalog, ids: EntryIds) -> None:
        self._search = search
        self._catalog = catalog
        self._ids = ids

    @contextmanager
    def on(self, reader: Reader) -> Iterator[None]:
        """While this lasts, statements on the reader's connection know log_entry."""
        # apsw's protocol also has methods of tables that are made and written, which nobody calls.
        module: Any = _Module(_Scan(reader, self._search, self._catalog, self._ids))
        reader.connection.create_module(
            NAME, module, use_bestindex_object=True, eponymous_only=True, read_only=True
        )
        try:
            yield
        finally:
            reader.connection.create_module(NAME, None)


class _Scan:
    """Finds rows for the cursors of one statement."""

    def __init__(self, reader: Reader, search: Search, catalog: Catalog, ids: EntryIds) -> None:
        self._reader = reader
        self._search = search
        self._catalog = catalog
        self._ids = ids

    def blocks(self, access: Access, values: Sequence[object]) -> Iterator[Block | CellBlock]:
        """The rows that an access finds with these values."""
        bounds = Bounds()
        for term, value in zip(access.terms, values, strict=True):
            bounds.add(term, value, self._ids)
        if bounds.nothing:
            return iter(())
        sweep = self._search.sweep(self._reader, bounds.query())
        names = Names(self._ids, self._catalog.streams(self._reader))
        return Rows(sweep, names, bounds).blocks(access)


class _Module:
    """apsw.VTModule."""

    def __init__(self, scan: _Scan) -> None:
        self._scan = scan

    def Connect(self, *_names: Any) -> tuple[str, _Table]:  # noqa: N802 — SQLite's name
        """The columns and the table."""
        return DECLARATION, _Table(self._scan)


class _Table:
    """apsw.VTTable. Remembers each access that was offered: its number tells a cursor which it is."""

    def __init__(self, scan: _Scan) -> None:
        self._scan = scan
        self._accesses: list[Access] = []

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 — SQLite's name
        """Offer an access."""
        info.idxNum = len(self._accesses)
        self._accesses.append(choose(info))
        return True

    def Open(self) -> _Cursor:  # noqa: N802 — SQLite's name
        """A new cursor."""
        return _Cursor(self._scan, self._accesses)

    def Disconnect(self) -> None:  # noqa: N802 — SQLite's name
        """Nothing is held."""


class _Cursor:
    """apsw.VTCursor. Called three times and more a row: it does as little as it can."""

    __slots__ = ("_accesses", "_at", "_block", "_blocks", "_columns", "_done", "_scan", "_size")

    def __init__(self, scan: _Scan, accesses: list[Access]) -> None:
        self._scan = scan
        self._accesses = accesses
        self._blocks: Iterator[Block | CellBlock] = iter(())
        self._block: Block | CellBlock | None = None
        self._columns: list[Values | None] = []
        self._at = self._size = 0
        self._done = True

    def Filter(self, number: int, _words: str, values: tuple[object, ...]) -> None:  # noqa: N802 — SQLite's name
        """Begin anew with these values."""
        self._blocks = self._scan.blocks(self._accesses[number], values)
        self._turn()

    def Eof(self) -> bool:  # noqa: N802 — SQLite's name
        """Whether there is no row left."""
        return self._done

    def Next(self) -> None:  # noqa: N802 — SQLite's name
        """Go to the next row."""
        self._at += 1
        if self._at >= self._size:
            self._turn()

    def Column(self, number: int) -> Any:  # noqa: N802 — SQLite's name
        """A value of the row."""
        column = self._columns[number]
        return column[self._at] if column is not None else self._read(number)

    def Rowid(self) -> int:  # noqa: N802 — SQLite's name
        """The row's key."""
        found = self.Column(ROWID)
        return found if isinstance(found, int) else 0

    def Close(self) -> None:  # noqa: N802 — SQLite's name
        """Let go of everything."""
        self._blocks = iter(())
        self._block = None
        self._columns = []

    def _read(self, number: int) -> Any:
        """A value of a column that the block was not yet asked for."""
        if self._block is None:
            return None
        column = self._columns[number] = self._block.column(number)
        return column[self._at]

    def _turn(self) -> None:
        """Go to the first row of the next block."""
        # The block first: a frame is let go of when the next one is looked for.
        self._block = None
        for block in self._blocks:
            if len(block):
                # One more than there are columns: the last place, -1, is the rowid's.
                self._columns = [None] * (len(COLUMNS) + 1)
                self._block, self._at, self._size, self._done = block, 0, len(block), False
                return
        self._columns = []
        self._done = True
