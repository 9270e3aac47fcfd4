"""Regular expressions of queries: RE2, whose time grows only with the length of the text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Protocol

import re2

from hantu.query.error import QueryError

PATTERN_LIMIT: Final = 512
"""A pattern has at most this many characters."""


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str | bytes) -> Any | None:
        """A match object when the pattern is found somewhere in text (bytes: UTF-8), else None."""
        ...


@lru_cache(maxsize=256)
def compile_regex(pattern: str) -> Pattern:
    """The compiled pattern, cached. Raises QueryError with RE2's reason."""
    if len(pattern) > PATTERN_LIMIT:
        raise QueryError(
            f"a regular expression has at most {PATTERN_LIMIT} characters, this has {len(pattern)}"
        )
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        raise QueryError(f"the regular expression is wrong: {_reason(error)}") from None
    return compiled


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else str(error)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if text.startswith("invalid escape sequence: \\") and text[-1:].isdigit():
        return f"{text} (back-references are not possible)"
    if "perl operator" in text and "(?" in text:
        return f"{text} (look-around is not possible)"
    return text
