"""Query text → expression and time bounds, by recursive descent.

either  = all (OR all)*
all     = (not | AND)*          terms next to each other must all hold
not     = ("-" | NOT) not | "(" either ")" | term
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Not, Or
from hantu.query.lexer import Kind, Token, tokenize
from hantu.text import clean

TEXT_LIMIT: Final = 4_096
DEPTH_MOST: Final = 32
_NESTING_MOST: Final = 80


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text asks. search None: everything. Times in nanoseconds UTC, start ≤ time < end."""

    search: Expr | None = None
    start_ns: int | None = None
    end_ns: int | None = None


def parse(text: str, *, now_ns: int, tz: tzinfo) -> Parsed:
    """The meaning of a query text. now_ns: what relative times count from. tz: the zone of times
    that name none. Raises QueryError, and nothing else, with the position in the text."""
    text = clean(text)
    if len(text) > TEXT_LIMIT:
        raise QueryError(
            f"a query has at most {TEXT_LIMIT:,} characters, this has {len(text):,}",
            TEXT_LIMIT,
            len(text) - TEXT_LIMIT,
        )
    return _Parser(tokenize(text, now_ns=now_ns, tz=tz)).parsed()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0
        self._start_ns: int | None = None
        self._end_ns: int | None = None

    def parsed(self) -> Parsed:
        if self._token.kind is Kind.END:
            return Parsed()
        search = self._either(inside=None)
        if self._token.kind is Kind.CLOSE:
            raise self._wrong(
                self._token, 'a parenthesis is closed here but none is open; use "quotes" for the sign'
            )
        if search is not None and _depth(search) > DEPTH_MOST:
            raise QueryError(f"a query is nested at most {DEPTH_MOST} levels deep", 0, self._token.end)
        return Parsed(search, self._start_ns, self._end_ns)

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _wrong(self, token: Token, message: str) -> QueryError:
        return QueryError(message, token.position, token.length)

    def _either(self, inside: Token | None) -> Expr | None:
        """inside: the parenthesis or minus sign around, None at the top level."""
        first = self._at
        branches = [self._all(inside)]
        while self._token.kind is Kind.OR:
            word = self._take()
            if self._token.kind in (Kind.END, Kind.CLOSE, Kind.OR, Kind.AND):
                raise self._wrong(word, 'OR needs a term on both sides; write "OR" to search for the word')
            branches.append(self._all(inside))
        if len(branches) == 1:
            return branches[0]
        for token in self._tokens[first : self._at]:
            if token.kind is Kind.TIME:
                raise self._misplaced(token)
        items = [item for item in branches if item is not None]
        return _joined(Or, items) if len(items) == len(branches) else None

    def _all(self, inside: Token | None) -> Expr | None:
        items: list[Expr] = []
        first = self._token
        while self._token.kind not in (Kind.OR, Kind.CLOSE, Kind.END):
            if self._token.kind is Kind.AND:
                self._and(first)
            item = self._not(inside)
            if item is not None:
                items.append(item)
        if self._token is first:
            self._nothing(first, inside)
        if not items:
            return None
        return _joined(And, items) if len(items) > 1 else items[0]

    def _and(self, first: Token) -> None:
        word = self._take()
        if word is first or self._token.kind in (Kind.END, Kind.CLOSE, Kind.OR, Kind.AND):
            raise self._wrong(word, 'AND needs a term on both sides; write "AND" to search for the word')

    def _nothing(self, token: Token, inside: Token | None) -> None:
        if token.kind is Kind.OR:
            raise self._wrong(token, 'OR needs a term on both sides; write "OR" to search for the word')
        if inside is not None and token.kind is Kind.CLOSE:
            message = 'these parentheses are empty; write terms between them or "quotes" around them'
            raise QueryError(message, inside.position, token.end - inside.position)
        if inside is not None:
            raise self._wrong(inside, "a parenthesis is opened here but never closed; end it with )")

    def _not(self, inside: Token | None) -> Expr | None:
        token = self._take()
        match token.kind:
            case Kind.TERM:
                return token.term
            case Kind.ALL:
                return None
            case Kind.TIME:
                self._limit(token, inside)
                return None
            case Kind.OPEN:
                return self._group(token)
            case Kind.NOT:
                return self._negated(token)
        raise self._wrong(token, "a term is missing here")

    def _deeper(self, token: Token) -> None:
        self._nesting += 1
        if self._nesting > _NESTING_MOST:
            raise self._wrong(token, f"a query is nested at most {DEPTH_MOST} levels deep")

    def _group(self, opening: Token) -> Expr | None:
        self._deeper(opening)
        item = self._either(opening)
        if self._token.kind is not Kind.CLOSE:
            raise self._wrong(opening, "a parenthesis is opened here but never closed; end it with )")
        self._take()
        self._nesting -= 1
        return item

    def _negated(self, sign: Token) -> Expr:
        if self._token.kind in (Kind.END, Kind.CLOSE, Kind.OR, Kind.AND):
            raise self._wrong(sign, 'NOT needs a term after it; write "NOT" to search for the word')
        self._deeper(sign)
        item = self._not(sign)
        self._nesting -= 1
        if item is None:
            raise self._wrong(sign, "this excludes everything; exclude a word, a phrase or a field")
        return Not(item)

    def _limit(self, token: Token, inside: Token | None) -> None:
        if inside is not None:
            raise self._misplaced(token)
        if token.start_ns is not None:
            self._start_ns = max(
                token.start_ns, token.start_ns if self._start_ns is None else self._start_ns
            )
        if token.end_ns is not None:
            self._end_ns = min(token.end_ns, token.end_ns if self._end_ns is None else self._end_ns)

    def _misplaced(self, token: Token) -> QueryError:
        return self._wrong(
            token,
            "since: until: and on: limit the whole search, so they cannot stand inside OR, NOT or "
            "parentheses; write (a OR b) since:2h",
        )


def _joined(kind: type[And] | type[Or], items: list[Expr]) -> Expr:
    """And or Or of the items, items of the same kind taken in."""
    flat: list[Expr] = []
    for item in items:
        if isinstance(item, kind):
            flat.extend(item.items)
        else:
            flat.append(item)
    return kind(tuple(flat))


def _depth(expr: Expr) -> int:
    if isinstance(expr, Not):
        return 1 + _depth(expr.item)
    if isinstance(expr, And | Or):
        return 1 + max(map(_depth, expr.items))
    return 0
