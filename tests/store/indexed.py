"""Shapes with an index of their words, as a file has it."""

from __future__ import annotations

from typing import Any

import apsw

from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.migrate import migrate
from hantu.store.sqlite.shape_lots import NewShapes
from hantu.store.sqlite.shape_search import ShapesSeen
from hantu.store.sqlite.shapes import Shapes


class File:
    """A file in memory. asked: the words that were looked for in its index, as FTS5 expressions."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.execute("PRAGMA temp_store = MEMORY")
        migrate(self.connection)
        self.asked: list[str] = []
        self.connection.exec_trace = self._note

    def _note(self, _cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        if "MATCH" in sql:
            self.asked.append(bindings[0])
        return True

    def seen(self, shapes: Shapes) -> ShapesSeen:
        """These shapes, once those that are new were stored."""
        NewShapes(shapes.fresh()).put(self.connection)
        shapes.keep_fresh()
        return shapes.seen_by(Reader(self.connection))


def known(*statics: bytes) -> Shapes:
    """A registry of these shapes, from number 1 on, none of them stored yet."""
    shapes = Shapes()
    for static in statics:
        shapes.numbers([static, static])
    return shapes
