"""The FTS5 table `shape_word`: which shapes have some words next to each other.

A document is a shape's tokens with blanks between them and ꙮ for each slot, its rowid the shape's
number (shape_text.index_words). Patterns of words are those of sought.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import apsw
import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.shape_text import SLOT_WORD, index_words

# Many rows as one text: a third of the time of fetching each, and Python's lock is asked for once.
_HAVING: Final = "SELECT group_concat(rowid, ' ') FROM shape_word WHERE shape_word MATCH ?"
_VERSION: Final = """
SELECT (SELECT max(lot_no) FROM shape_lot), value
FROM meta
WHERE name = 'shapes_removed'
"""
_ENDS: Final = "SELECT min(id), max(id) FROM shape_word_docsize"
_ADD: Final = "INSERT OR REPLACE INTO shape_word (rowid, text) VALUES (?, ?)"

Version = tuple[int | None, int]
"""Differs whenever other shapes are in the file."""

Documents = Sequence[tuple[int, str]]
"""Rowids and texts."""


class WordIndex:
    """The index as one reader's snapshot has it. Methods raise apsw.Error."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @cached_property
    def version(self) -> Version:
        """Of the shapes in this snapshot."""
        newest_lot, removed = next(self._reader.rows(_VERSION))
        return newest_lot, removed

    def having(self, pattern: bytes) -> IntArray:
        """The numbers of the shapes whose words have the pattern, ascending. Shapes that were removed
        may be among them."""
        found = self._reader.value(_HAVING, (_phrase(pattern),))
        return np.sort(np.fromstring(found, np.int64, sep=" ")) if found else np.zeros(0, np.int64)

    def numbers(self) -> list[int]:
        """All numbers that are indexed."""
        return [number for (number,) in self._reader.rows("SELECT id FROM shape_word_docsize")]

    def ends(self) -> list[int]:
        """The least and the greatest number that is indexed."""
        return [number for number in next(self._reader.rows(_ENDS)) if number is not None]

    def damage(self) -> str | None:
        """What is wrong with the index, None when it is sound; reads all of it."""
        said = [text for (text,) in self._reader.rows("PRAGMA integrity_check(shape_word)") if text != "ok"]
        return "; ".join(said) or None


def _phrase(pattern: bytes) -> str:
    """A pattern as an FTS5 expression. Source: SQLite FTS5, section 3."""
    words = pattern.strip(b" ").decode().replace("\0", SLOT_WORD).replace('"', '""')
    return f'"{words}"' if pattern.endswith(b" ") else f'"{words}" *'


def documents(shapes: Sequence[tuple[int, bytes]]) -> Documents:
    """What to index of shapes: (number, text) of each."""
    return [(number, index_words(static)) for number, static in shapes]


def add_documents(connection: apsw.Connection, some: Documents) -> None:
    """Index shapes within a transaction, in place of others that had their numbers."""
    connection.executemany(_ADD, some)


def remove_documents(connection: apsw.Connection, numbers: Sequence[int]) -> None:
    """Take shapes out of the index, within a transaction."""
    connection.executemany("DELETE FROM shape_word WHERE rowid = ?", [(number,) for number in numbers])


def make_anew(connection: apsw.Connection, every: Documents) -> None:
    """Index these shapes and nothing else, within a transaction."""
    connection.execute("INSERT INTO shape_word (shape_word) VALUES ('delete-all')")
    add_documents(connection, every)
