"""What a word or substring looks for in the texts of shapes, and then in the values of their slots.

A text that is sought may lie across static text and values. Each way in which it can is a Pattern: the
part of a shape's text that must be there, with NUL for a slot, and what the values of these slots must
be. `Failed from 10.1` is `failed from \\0.\\0` with a value that is 10 and one that begins with 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise, product
from math import prod
from typing import Final, NamedTuple

from hantu import text
from hantu.query.expr import Substring, Word
from hantu.store.sqlite.filter import token_hash
from hantu.store.sqlite.grams import gram_hashes
from hantu.store.sqlite.joined_tokens import address_hash
from hantu.store.sqlite.shape_text import SLOT_WORD, Loose, escaped

_PIECE: Final = re.compile(rb"[a-z0-9]+|[^a-z0-9]+")
_RUN: Final = re.compile(rb"[a-z0-9]+")
_INNER_RUN: Final = re.compile("(?<=[^a-z0-9])[a-z0-9]+(?=[^a-z0-9])")
_DIGIT: Final = re.compile(rb"[0-9]")
_HEX: Final = re.compile(rb"[a-f]{2,}")
_SLOT: Final = b"\0"
_PATTERNS_MOST: Final = 64
"""More ways than this, and every message is asked; only texts like `be:ad:fa:ce:…` have many."""
_VALUE_TOKEN_LEAST: Final = 5
_MIXED: Final = 2
"""The class whose values have their grams in the filter."""
_PLAIN_TOKEN_LEAST: Final = 3
_HASHES_MOST: Final = 3
"""Of tokens that must all be there the longest: each costs a look-up in a filter."""


class Where(Enum):
    """Which texts of the shapes are meant."""

    FOLDED = 0
    WORDS = 1


class Match(Enum):
    """How a value is compared."""

    EQUAL = 0
    STARTS = 1
    ENDS = 2
    CONTAINS = 3


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a value must be; text is lower case [a-z0-9]+."""

    match: Match
    text: bytes

    def classes(self, lacking: frozenset[int]) -> range:
        """The ValueClasses whose columns may hold such a value. lacking: hashes of tokens that the filter
        lacks."""
        grams_there = lacking.isdisjoint(gram_hashes(self.text))
        return range(self.class_least, _MIXED + 1 if grams_there else _MIXED)

    @property
    def class_least(self) -> int:
        """The least ValueClass (0 decimal, 1 hex, 2 mixed) whose columns can hold such a value."""
        return 2 if max(self.text) > ord("f") else 1 if max(self.text) > ord("9") else 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """text: static text with NUL for slots. constraints: of its slots in order; () when it has none."""

    text: bytes
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Sought:
    """A text that is sought, in every way in which it can be there.

    anywhere: a single value of any slot is enough. loose: in shapes with any of these the whole
    message must be asked. slot_hashes: hashes of tokens that a line with a shape has if its values
    decide; plain_hashes: that every matching plain line has. too_many: every message must be asked."""

    where: Where
    patterns: tuple[Pattern, ...] = ()
    anywhere: Constraint | None = None
    loose: Loose = Loose.TEXT
    slot_hashes: tuple[int, ...] = ()
    plain_hashes: tuple[int, ...] = ()
    too_many: bool = False

    @property
    def settled_by_shape(self) -> bool:
        """Whether no value is asked."""
        return self.anywhere is None and not self.too_many and not any(p.constraints for p in self.patterns)


_Option = tuple[bytes, Constraint | None]


class _Way(NamedTuple):
    """How pieces become the text of a pattern, and what else is the same for all of them."""

    where: Where
    begin: bytes
    between: bytes
    end: bytes
    loose: Loose
    plain_hashes: tuple[int, ...]


def of_needle(needle: text.Needle) -> Sought:
    """What a needle with at least one token looks for."""
    tokens = [token.encode() for token in needle.tokens]
    loose = Loose.TEXT
    if any(len(text.tokens(f"{token}a")) == 1 and not token.isascii() for token in needle.tokens):
        # A token that is neither ASCII nor CJK may be made of a value and letters: 12µs.
        loose |= Loose.WORDS
    if any(SLOT_WORD in token for token in needle.tokens):
        return Sought(Where.WORDS, loose=loose)
    last = len(tokens) - 1
    options = [_of_token(token, is_open=needle.open and at == last) for at, token in enumerate(tokens)]
    closed = tokens[:last] if needle.open else tokens
    plain = _hashes(token for token in closed if not token.isascii() or len(token) >= _PLAIN_TOKEN_LEAST)
    way = _Way(Where.WORDS, b" ", b" ", b"" if needle.open else b" ", loose, plain)
    return _several(way, options, closed) if last else _single(way, options[0])


def of_substring(folded: str) -> Sought:
    """What a folded text looks for that is not empty."""
    pieces: list[bytes] = _PIECE.findall(escaped(folded))
    if SLOT_WORD in folded:
        return Sought(Where.FOLDED)
    last = len(pieces) - 1
    options = [_of_piece(piece, first=not at, last=at == last) for at, piece in enumerate(pieces)]
    closed = [piece for piece in pieces[1:-1] if _RUN.match(piece)]
    tokens = _whole_tokens(folded)
    addresses = [address_hash(pieces, at) for at in range(1, last - 5)]
    known = tuple(each for each in addresses if each is not None)
    plain = (*known, *_hashes([*tokens, *_pairs(folded)]), *gram_hashes(folded.encode()))
    way = _Way(Where.FOLDED, b"", b"", b"", Loose.TEXT, plain)
    if not last:
        return _single(way, options[0])
    found = _several(way, options, closed)
    return replace(found, slot_hashes=(*known, *found.slot_hashes)) if known else found


def _whole_tokens(folded: str) -> list[bytes]:
    """The runs of [a-z0-9] inside a folded text that are tokens wherever it stands: 312 of `x 312 y`, but
    not of `x 312é y`."""
    return [
        run.group().encode()
        for run in _INNER_RUN.finditer(folded)
        if len(run.group()) >= _PLAIN_TOKEN_LEAST
        and not any(map(_joins, (folded[run.start() - 1], folded[run.end()])))
    ]


def _joins(character: str) -> bool:
    """Whether it makes one token with an ASCII letter or digit beside it."""
    return character.isalnum() and not text.is_cjk(character)


def _pairs(folded: str) -> list[bytes]:
    """The pairs of CJK characters of a folded text: tokens wherever it stands."""
    return [
        (first + second).encode()
        for first, second in pairwise(folded)
        if text.is_cjk(first) and text.is_cjk(second)
    ]


def sought_by(expr: Word | Substring) -> Sought | bool:
    """What a word or substring looks for; a bool when it is the same for all messages."""
    if isinstance(expr, Word):
        needle = text.needle(expr.text, prefix=expr.prefix)
        return of_needle(needle) if needle.tokens else False
    folded = text.fold(expr.text)
    return of_substring(folded) if folded else True


def is_value(run: bytes) -> bool:
    """Whether a maximal run of [a-z0-9] is a value."""
    return bool(_DIGIT.search(run) or _HEX.fullmatch(run))


def _of_token(token: bytes, *, is_open: bool) -> list[_Option]:
    if not token.isascii():
        return [(token, None)]
    options: list[_Option] = []
    # A digit stands in no static text.
    if not _DIGIT.search(token):
        options.append((token, None))
    if is_open:
        options.append((_SLOT, Constraint(Match.STARTS, token)))
    elif is_value(token):
        options.append((_SLOT, Constraint(Match.EQUAL, token)))
    return options


def _of_piece(piece: bytes, *, first: bool, last: bool) -> list[_Option]:
    if not _RUN.match(piece):
        return [(piece, None)]
    options: list[_Option] = []
    if not _DIGIT.search(piece):
        options.append((piece, None))
    if first or last:
        match = Match.CONTAINS if first and last else Match.ENDS if first else Match.STARTS
        options.append((_SLOT, Constraint(match, piece)))
    elif is_value(piece):
        options.append((_SLOT, Constraint(Match.EQUAL, piece)))
    return options


def _single(way: _Way, options: list[_Option]) -> Sought:
    """One run: a value of any slot, or static text."""
    anywhere = next((constraint for _, constraint in options if constraint is not None), None)
    hashes: tuple[int, ...] = ()
    if anywhere is not None and anywhere.match is Match.EQUAL and len(anywhere.text) >= _VALUE_TOKEN_LEAST:
        hashes = (token_hash(anywhere.text),)
    elif anywhere is not None and anywhere.class_least == _MIXED:
        hashes = gram_hashes(anywhere.text)
    patterns = tuple(
        Pattern(way.begin + static + way.end) for static, constraint in options if constraint is None
    )
    return Sought(way.where, patterns, anywhere, way.loose, hashes, way.plain_hashes)


def _several(way: _Way, options: list[list[_Option]], closed: list[bytes]) -> Sought:
    if prod(map(len, options)) > _PATTERNS_MOST:
        return Sought(way.where, loose=way.loose, plain_hashes=way.plain_hashes, too_many=True)
    patterns = tuple(
        Pattern(
            way.begin + way.between.join(static for static, _ in chosen) + way.end,
            tuple(constraint for _, constraint in chosen if constraint is not None),
        )
        for chosen in product(*options)
    )
    hashes = _hashes(
        token
        for token in closed
        if len(token) >= _VALUE_TOKEN_LEAST and token.isascii() and _DIGIT.search(token)
    )
    return Sought(way.where, patterns, None, way.loose, hashes, way.plain_hashes)


def _hashes(tokens: Iterable[bytes]) -> tuple[int, ...]:
    longest = sorted(dict.fromkeys(tokens), key=len, reverse=True)[:_HASHES_MOST]
    return tuple(token_hash(token) for token in longest)
