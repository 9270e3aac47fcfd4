"""Expression → query text, and the texts of it that a page highlights."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final

from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.lexer import Kind, Term, tokenize

# A backslash is an escape only before a quote, another backslash or the closing quote.
_NEEDS_ESCAPE: Final = re.compile(r'"|\\(?=["\\]|\Z)')
_REGEX_PIECE: Final = re.compile(r"\\.|/", re.DOTALL)


def unparse(expr: Expr) -> str:
    """The canonical text of an expression: parsed again it gives the same expression."""
    match expr:
        case And():
            return " ".join(
                f"({unparse(item)})" if isinstance(item, Or) else unparse(item) for item in expr.items
            )
        case Or():
            return " OR ".join(unparse(item) for item in expr.items)
        case Not():
            inner = unparse(expr.item)
            group = isinstance(expr.item, And | Or) or inner.startswith(("-", ">"))
            return f"-({inner})" if group else f"-{inner}"
        case _:
            return _term(expr)


def quoted(text: str) -> str:
    """`text` in quotes, as the query language reads it back."""
    return f'"{_NEEDS_ESCAPE.sub(lambda match: chr(92) + match.group(), text)}"'


def terms(expr: Expr | None) -> list[str]:
    """The texts to highlight: words, phrases, prefixes and substrings that are not excluded."""
    match expr:
        case Word() | Substring():
            return [expr.text]
        case And() | Or():
            return list(dict.fromkeys(text for item in expr.items for text in terms(item)))
        case _:
            return []


def _term(term: Term) -> str:
    match term:
        case Word():
            star = "*" if term.prefix else ""
            if not term.quoted and reads_as(f"{term.text}{star}", term):
                return f"{term.text}{star}"
            return f"{quoted(term.text)}{star}"
        case Substring():
            plain = f"*{term.text}*"
            return plain if reads_as(plain, term) else f"*{quoted(term.text)}*"
        case Regex():
            escaped = _REGEX_PIECE.sub(
                lambda piece: "\\/" if piece.group() == "/" else piece.group(), term.pattern
            )
            return f"/{escaped}/"
        case Field():
            head = f"{term.name}:" if term.op is Op.EQ else f"{term.name}:{term.op.value}"
            plain = f"{head}{term.value}"
            return plain if reads_as(plain, term) else f"{head}{quoted(term.value)}"


def reads_as(text: str, term: Term) -> bool:
    """Whether the text is read as just this term."""
    try:
        first, *rest = tokenize(text, now_ns=0, tz=UTC)
    except QueryError:
        return False
    return first.term == term and [token.kind for token in rest] == [Kind.END]
