"""What is wrong with a query, and where."""

from __future__ import annotations

from typing import Final

SHOWN_CHARS: Final = 40


class QueryError(ValueError):
    """A query that cannot be understood: one plain sentence that says what is wrong and what is
    allowed.

    position, length: the characters of the query text it speaks of. parameter: the name of the URL or
    API parameter, "" for the query text itself."""

    def __init__(self, message: str, position: int = 0, length: int = 0, *, parameter: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.length = length
        self.parameter = parameter

    def at(self, position: int, length: int) -> QueryError:
        """The same error at another place."""
        return QueryError(self.message, position, length, parameter=self.parameter)


def shown(value: str) -> str:
    """A value of a query in quotes, shortened so that the sentence around it stays readable."""
    return repr(value if len(value) <= SHOWN_CHARS else f"{value[:SHOWN_CHARS]}…")
