"""How a statement reaches log_entry: what SQLite's planner hands over, and what becomes of it.

SQLite asks for an Access before it knows the values; with the values an Access becomes Bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import apsw
import numpy as np

from hantu.model import LogLevel
from hantu.query.expr import Field, Op
from hantu.query.logquery import LogQuery
from hantu.store.ids import EntryIds

COLUMNS: Final = (
    "id",
    "key",
    "source",
    "source_id",
    "level",
    "message",
    "timestamp",
    "time_ns",
    "metadata",
    "trace_id",
    "created_at",
)
DECLARATION: Final = """
CREATE TABLE log_entry (
  id TEXT,
  key INTEGER,
  source TEXT,
  source_id TEXT,
  level TEXT,
  message TEXT,
  timestamp TEXT,
  time_ns INTEGER,
  metadata TEXT,
  trace_id TEXT,
  created_at TEXT
)
"""
ID, KEY, SOURCE, SOURCE_ID, LEVEL, MESSAGE, TIMESTAMP, TIME_NS, METADATA, TRACE_ID, CREATED_AT = range(11)
ROWID: Final = -1

CELL_COLUMNS: Final = frozenset((SOURCE, SOURCE_ID, LEVEL))
"""What directories know of a line."""
_RANGED: Final = frozenset((ROWID, KEY, TIMESTAMP, TIME_NS))
_EQUAL: Final = frozenset((ID, SOURCE, SOURCE_ID, LEVEL, TRACE_ID))
_TEXT: Final = frozenset((ID, SOURCE, SOURCE_ID, LEVEL, TIMESTAMP, TRACE_ID))
_SETS: Final = frozenset((SOURCE, LEVEL))
"""An IN of these is answered in one go."""

_EQ: Final = "="
_OPS: Final = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: _EQ,
    apsw.SQLITE_INDEX_CONSTRAINT_LT: "<",
    apsw.SQLITE_INDEX_CONSTRAINT_LE: "<=",
    apsw.SQLITE_INDEX_CONSTRAINT_GT: ">",
    apsw.SQLITE_INDEX_CONSTRAINT_GE: ">=",
}
_SHARES: Final = {
    ID: 1e-9,
    KEY: 1e-9,
    ROWID: 1e-9,
    TIME_NS: 1e-5,
    TIMESTAMP: 1e-5,
    TRACE_ID: 1e-5,
    SOURCE_ID: 0.05,
    SOURCE: 0.3,
    LEVEL: 0.2,
}
"""A guess at the share of entries that have one value, to choose which table of a join comes first."""
_RANGE_SHARE: Final = 0.3
_ENTRIES: Final = 1e6

INT_MOST: Final = (1 << 63) - 1
INT_LEAST: Final = -(1 << 63)


class Sequencing(Enum):
    """The order in which rows come."""

    ANY = ""
    KEY_UP = "in order of arrival"
    KEY_DOWN = "last to arrive first"
    TIME_UP = "oldest first"
    TIME_DOWN = "newest first"
    CELLS = "by"


@dataclass(frozen=True, slots=True)
class Term:
    """column OP value. among: the value is a set (IN)."""

    column: int
    op: str
    among: bool = False

    def __str__(self) -> str:
        name = "rowid" if self.column == ROWID else COLUMNS[self.column]
        return f"{name} IN (?)" if self.among else f"{name}{self.op}?"


@dataclass(frozen=True, slots=True)
class Access:
    """One way to read log_entry. terms: in the order of their values. used: the columns that the
    statement names. cells: with Sequencing.CELLS (column, descending) in order of weight. once: one
    row for each different source, source_id and level is enough."""

    terms: tuple[Term, ...]
    used: frozenset[int]
    sequencing: Sequencing
    cells: tuple[tuple[int, bool], ...] = ()
    once: bool = False

    @property
    def words(self) -> str:
        """For EXPLAIN QUERY PLAN: what narrows the search, and its order."""
        said = [
            f"{what} ({' AND '.join(own)})"
            for what, columns in (
                ("directories", CELL_COLUMNS),
                ("bounds", _RANGED | {ID}),
                ("filters", {TRACE_ID}),
            )
            if (own := [str(term) for term in self.terms if term.column in columns])
        ]
        if self.sequencing is Sequencing.CELLS:
            names = (f"{COLUMNS[column]}{' DESC' if down else ''}" for column, down in self.cells)
            said.append(f"{self.sequencing.value} {', '.join(names)}")
        elif self.sequencing is not Sequencing.ANY:
            said.append(self.sequencing.value)
        return ", ".join(said) or "all segments"

    @property
    def rows(self) -> float:
        """A guess at how many rows there will be."""
        rows = _ENTRIES
        for term in self.terms:
            rows *= _SHARES[term.column] if term.op == _EQ else _RANGE_SHARE
        return max(rows, 1.0)


def choose(info: apsw.IndexInfo) -> Access:
    """The best way to answer what SQLite describes; fills in which values it has to hand over."""
    terms: list[Term] = []
    exact: set[int] = set()
    for at in range(info.nConstraint):
        term = _term(info, at)
        if term is None:
            continue
        terms.append(term)
        info.set_aConstraintUsage_argvIndex(at, len(terms))
        if term.among:
            info.set_aConstraintUsage_in(at, True)
        elif term.column in _RANGED or (
            term.column in CELL_COLUMNS and isinstance(info.get_aConstraint_rhs(at), str)
        ):
            # Bounds.add() is exact for these: SQLite need not look at each row again.
            info.set_aConstraintUsage_omit(at, True)
            exact.add(term.column)
    orders = [(info.get_aOrderBy_iColumn(at), info.get_aOrderBy_desc(at)) for at in range(info.nOrderBy)]
    used = frozenset(info.colUsed)
    access = Access(tuple(terms), used, _by_place(orders))
    if orders and all(column in CELL_COLUMNS for column, _ in orders) and used <= CELL_COLUMNS | exact:
        once = info.distinct in (2, 3) and used <= CELL_COLUMNS
        access = replace(access, sequencing=Sequencing.CELLS, cells=tuple(orders), once=once)
    info.orderByConsumed = access.sequencing is not Sequencing.ANY
    info.idxStr = access.words
    info.estimatedRows = int(access.rows)
    info.estimatedCost = access.rows
    return access


def _term(info: apsw.IndexInfo, at: int) -> Term | None:
    column, op = info.get_aConstraint_iColumn(at), _OPS.get(info.get_aConstraint_op(at))
    if op is None or not info.get_aConstraint_usable(at):
        return None
    if column not in (_EQUAL | _RANGED if op == _EQ else _RANGED):
        return None
    if column in _TEXT and info.get_aConstraint_collation(at) != "BINARY":
        return None
    return Term(column, op, column in _SETS and info.get_aConstraintUsage_in(at))


def _by_place(orders: Sequence[tuple[int, bool]]) -> Sequencing:
    """The order of keys or times that these columns ask for; ANY when it is neither."""
    if not orders:
        return Sequencing.ANY
    column, down = orders[0]
    if column in (KEY, ROWID, ID):
        return Sequencing.KEY_DOWN if down else Sequencing.KEY_UP
    if column in (TIME_NS, TIMESTAMP):
        rest = [order for order in orders[1:] if order[0] not in (TIME_NS, TIMESTAMP)]
        if not rest or (rest[0][0] in (KEY, ROWID, ID) and rest[0][1] == down):
            return Sequencing.TIME_DOWN if down else Sequencing.TIME_UP
    return Sequencing.ANY


@dataclass(slots=True)
class Bounds:
    """What the values leave: start_ns ≤ time ≤ end_ns, first_key ≤ key ≤ last_key, and a query's
    other parts. nothing: no entry can match."""

    start_ns: int = INT_LEAST
    end_ns: int = INT_MOST
    first_key: int = 0
    last_key: int = INT_MOST
    sources: frozenset[str] | None = None
    levels: frozenset[LogLevel] | None = None
    source_ids: frozenset[str] | None = None
    traces: list[str] = field(default_factory=list)
    empty: bool = False

    @property
    def nothing(self) -> bool:
        """Whether no entry can match."""
        return (
            self.empty
            or self.start_ns > self.end_ns
            or self.first_key > self.last_key
            or self.sources == frozenset()
            or self.levels == frozenset()
            or (self.source_ids is not None and len(self.source_ids) != 1)
        )

    def query(self) -> LogQuery:
        """These bounds as a query; the last key is left to the caller."""
        return LogQuery(
            sources=tuple(sorted(self.sources or ())),
            levels=tuple(sorted(self.levels or ())),
            source_id=None if self.source_ids is None else next(iter(self.source_ids)),
            search=Field("trace", Op.EQ, self.traces[0]) if self.traces else None,
            start_ns=None if self.start_ns == INT_LEAST else self.start_ns,
            end_ns=None if self.end_ns >= INT_MOST else self.end_ns + 1,
            after_key=None if self.first_key <= 0 else self.first_key - 1,
        )

    def add(self, term: Term, value: object, ids: EntryIds) -> None:
        """Narrow by column OP value. Ranges become exact, others at least never too narrow."""
        if term.among:
            self._among(term.column, value)
        elif value is None:
            self.empty = True
        elif term.column in (TIME_NS, KEY, ROWID):
            self._narrow(term, *_integers(term.op, _number(value)))
        elif term.column == TIMESTAMP:
            self._narrow(term, *_times(term.op, value))
        elif term.column == ID:
            key = ids.key(value) if isinstance(value, str) else None
            self._narrow(term, *((key, key) if key is not None and ids.text(key) == value else (1, 0)))
        elif term.column == TRACE_ID:
            # An empty trace_id also stands for what is no text, and * is a wildcard of the query's.
            if isinstance(value, str) and value and "*" not in value:
                self.traces.append(value)
        elif isinstance(value, str | int):
            self._among(term.column, (str(value),))

    def _narrow(self, term: Term, least: int, most: int) -> None:
        if term.column in (TIME_NS, TIMESTAMP):
            self.start_ns, self.end_ns = max(self.start_ns, least), min(self.end_ns, most)
        else:
            self.first_key, self.last_key = max(self.first_key, least), min(self.last_key, most)

    def _among(self, column: int, values: object) -> None:
        if not isinstance(values, set | frozenset | tuple):
            raise TypeError(f"not a set of values: {values!r}")
        if any(isinstance(value, float | bytes) for value in values):
            return
        names = frozenset(str(value) for value in values if value is not None)
        if column == SOURCE:
            self.sources = names if self.sources is None else self.sources & names
        elif column == SOURCE_ID:
            self.source_ids = names if self.source_ids is None else self.source_ids & names
        else:
            levels = frozenset(level for level in LogLevel if level.label in names)
            self.levels = levels if self.levels is None else self.levels & levels


def _number(value: object) -> int | float:
    """A value as SQLite compares it with an INTEGER column: text that is no number is beyond all."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and "_" not in value:
        with suppress(ValueError):
            return int(value)
        with suppress(ValueError):
            number = float(value)
            return number if math.isfinite(number) else math.inf
    return math.inf


def _integers(op: str, value: int | float) -> tuple[int, int]:
    """The least and the most integer for which `integer OP value` holds; (1, 0) when none."""
    if math.isinf(value):
        return (INT_LEAST, INT_MOST) if (op in ("<", "<=")) == (value > 0) and op != _EQ else (1, 0)
    low, high = math.floor(value), math.ceil(value)
    if op == _EQ:
        return (low, low) if low == high else (1, 0)
    if op in ("<", "<="):
        return INT_LEAST, high - 1 if op == "<" or low != high else high
    return low + 1 if op == ">" or low != high else low, INT_MOST


def _times(op: str, value: object) -> tuple[int, int]:
    """The first and the last time whose timestamp is OP value; (1, 0) when there is none."""
    if isinstance(value, bytes):
        # In SQLite every text is less than any blob.
        return (INT_LEAST, INT_MOST) if op in ("<", "<=") else (1, 0)
    said = str(value)
    since = _first_time(lambda own: own >= said)
    past = _first_time(lambda own: own > said)
    return {
        _EQ: (since, past - 1),
        "<": (INT_LEAST, since - 1),
        "<=": (INT_LEAST, past - 1),
        ">": (past, INT_MOST),
        ">=": (since, INT_MOST),
    }[op]


def _first_time(holds: Callable[[str], bool]) -> int:
    """The first time whose timestamp `holds`, when that of every later one does, too."""
    least, most = INT_LEAST + 1, INT_MOST
    while least < most:
        middle = (least + most) // 2
        if holds(timestamp(middle)):
            most = middle
        else:
            least = middle + 1
    return least


def timestamp(time_ns: int) -> str:
    """ISO 8601, UTC, with nine digits: sorts as text as it does as a number."""
    return f"{np.datetime64(time_ns, 'ns')}Z"
