"""The FTS5 table `execution_word`: which executions have some words. Rowids are execution_no."""

from __future__ import annotations

from typing import Any, Final

import apsw

from hantu.executions import Execution
from hantu.store.execution_words import Sought, searched_texts
from hantu.store.sqlite.database import Reader
from hantu.text import Needle

_PUT: Final = """
INSERT OR REPLACE INTO execution_word (rowid, name, prompt, output, error) VALUES (?, ?, ?, ?, ?)
"""
HAVING: Final = "SELECT rowid FROM execution_word WHERE execution_word MATCH :words"
"""The numbers of those that have the words."""
_INDEXED: Final = "SELECT count(*) FROM execution_word_docsize"
_MERGE: Final = "INSERT INTO execution_word (execution_word, rank) VALUES ('merge', ?)"
MERGE_PAGES: Final = 64
"""Pages of the index that one slice merges: some milliseconds."""


def index_words(connection: apsw.Connection, execution_no: int, execution: Execution) -> None:
    """Index an execution in place of what it was, within a transaction."""
    connection.execute(_PUT, (execution_no, *(" ".join(text) for text in searched_texts(execution))))


def merge_words(connection: apsw.Connection, *, begin: bool) -> bool:
    """Merge a little of the index, so that what was removed gives its room back, within a transaction;
    whether there is more. begin: the first of several calls."""
    before = connection.total_changes()
    connection.execute(_MERGE, (-MERGE_PAGES if begin else MERGE_PAGES,))
    # Source: SQLite FTS5, section 6.8 "The 'merge' Command": fewer than two changes say that all is done.
    return connection.total_changes() - before >= 2


def words_damage(reader: Reader) -> str | None:
    """What is wrong with the index, None when it is sound; reads all of it."""
    said: list[Any] = [
        text for (text,) in reader.rows("PRAGMA integrity_check(execution_word)") if text != "ok"
    ]
    if not said and reader.value(_INDEXED) != reader.value("SELECT count(*) FROM executions"):
        said.append("it does not have every execution")
    return "; ".join(said) or None


def forget_words(connection: apsw.Connection) -> None:
    """Empty the index, whatever is wrong with it, within a transaction."""
    connection.execute("INSERT INTO execution_word (execution_word) VALUES ('delete-all')")


def condition(sought: Sought) -> tuple[str, dict[str, Any]]:
    """What to add to a WHERE for a search, beginning with AND, and what it binds."""
    never = " OR ".join(_phrase(each) for each in sought.none_of)
    if sought.all_of:
        words = " AND ".join(_phrase(each) for each in sought.all_of)
        # One expression for both: each on its own took four times as long.
        return f" AND execution_no IN ({HAVING})", {"words": f"({words}) NOT ({never})" if never else words}
    return (f" AND execution_no NOT IN ({HAVING})", {"words": never}) if never else ("", {})


def _phrase(each: Needle) -> str:
    """A needle as an FTS5 expression; tokens have no quotes. Source: SQLite FTS5, section 3."""
    return f'"{" ".join(each.tokens)}"{" *" if each.open else ""}'
