"""A field of the metadata as a term: every distinct metadata text is asked once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
import re2

from hantu import text
from hantu.query.expr import Field, Op
from hantu.query.fields import canonical, metadata_paths, metadata_test
from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.fields import octets, sorted_set
from hantu.store.sqlite.filter import token_hash
from hantu.store.sqlite.joined_tokens import number_hashes
from hantu.store.sqlite.metadata_column import MetadataColumn
from hantu.store.sqlite.shape_search import MAYBE, NO
from hantu.store.sqlite.sought import is_value
from hantu.store.sqlite.terms import ByStream, Cost, OfLines
from hantu.store.sqlite.view import FrameView, Groups

_NOT_LITERAL: Final = re.compile(r'["\\*\x00-\x1f\x7f]')
"""JSON writes these in another way; the star is a wildcard."""
_NUMERIC: Final = re.compile(r"[\s0-9+.eE-]*")
"""What may be a number, which has more than one spelling."""
_LITERAL_LEAST: Final = 4
"""A longer text is seldom there by chance: it is found faster without the key."""
_FEW: Final = 8
_FOLDED_FROM_OTHERS: Final = re.compile("[k;`]")
"""ASCII characters that others become when folded: K, U+037E, U+1FEF."""
_CONTAINER_DIGITS: Final = 12
_TOKEN: Final = re.compile(rb"[a-z0-9]{5,}")
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f]')
"""What JSON has to escape."""
_SPELLING: Final = re.compile(rb"\\[u/]")
"""Escapes for what need not be escaped. Others, as the line ends of stack traces have them, stand for
nothing that is looked for here."""
_EVERY_ESCAPE: Final = re.compile(rb"\\")

_decode: Final = msgspec.json.Decoder().decode


class OfMetadata(OfLines):
    """The part of a field's answer that lies in the metadata, where `stream` leaves it open."""

    cost = Cost.METADATA
    simple = False

    def __init__(self, field: Field, stream: ByStream) -> None:
        self._stream = stream
        self._test = metadata_test(field)
        self._without = self._test(None)
        self._sieve = _sieve(canonical(field))
        self._numbers = _number_hashes(canonical(field))
        self.hashes = self._numbers or _hashes(canonical(field))

    def groups(self, groups: Groups) -> VerdictArray:
        """By the stream, and by the filter where metadata decide."""
        verdict = self._stream.verdict(groups.cells)
        lacking = None
        if not self._without:
            lacking = groups.without_any(self._numbers) if self._numbers else groups.without(self.hashes)
        if lacking is not None:
            verdict[lacking & (verdict == MAYBE)] = NO
        return verdict

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:  # noqa: ARG002 — text says all
        if self._without:
            return True
        candidates = self._candidates(view)
        return candidates is None or bool(len(candidates))

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        metadata = view.frame.metadata()
        ids = metadata.ids
        # By id; the last place, −1, is for lines without metadata.
        holds = np.zeros(metadata.count + 1, np.bool_)
        holds[-1] = self._without
        wanted = np.zeros(metadata.count + 1, np.bool_)
        wanted[ids[lines]] = True
        wanted[-1] = False
        candidates = self._candidates(view)
        numbers = np.flatnonzero(wanted) if candidates is None else candidates[wanted[candidates]]
        if len(numbers):
            # Splitting all texts is cheaper than finding many one by one.
            texts = metadata.texts if len(numbers) * _FEW < metadata.count else metadata.texts[:]
            kept = [number for number in numbers.tolist() if self._test(_decoded(texts[number]))]
            holds[kept] = True
        answer: BoolArray = lines & holds[ids]
        return answer

    def _candidates(self, view: FrameView) -> IntArray | None:
        """The numbers of the texts that can hold, ascending; None: any."""
        if self._sieve is None:
            return None
        known = view.kept.get(self)
        if known is None:
            known = view.kept[self] = self._sieve.candidates(view.frame.metadata())
        return known


class _Sieve:
    """Finds the metadata texts, as bytes, that can hold: those with a place where `pattern` matches, with
    an escape that may stand for a part of `said`, or (when not sure) with a character that is not ASCII."""

    def __init__(self, pattern: str, said: str, *, sure: bool) -> None:
        options = re2.Options()
        options.log_errors = False
        self._pattern = re2.compile(pattern.encode(), options)
        self._escapes = _EVERY_ESCAPE if _ESCAPED.search(said) else _SPELLING
        self._sure = sure

    def candidates(self, metadata: MetadataColumn) -> IntArray:
        """The numbers of these texts, ascending."""
        blob = metadata.blob
        places = [np.array([match.start() for match in self._pattern.finditer(blob)], np.int64)]
        if b"\\" in blob:
            places.append(np.array([match.start() for match in self._escapes.finditer(blob)], np.int64))
        if not self._sure and not blob.isascii():
            places.append(np.flatnonzero(octets(blob) >= 0x80))
        every = np.concatenate(places)
        return sorted_set(metadata.texts.at(every)) if len(every) else every


def _sieve(field: Field) -> _Sieve | None:
    """What every metadata text of a match has; None when nothing can be said."""
    folded = text.fold(field.value)
    paths = metadata_paths(field.name)
    if field.name == "container":
        if not folded.isascii():
            return None
        return _Sieve(_either_case(folded[:_CONTAINER_DIGITS]), folded, sure=True)
    if not paths or not paths[0][-1].isascii():
        return None
    # After the key a list, in which all may be, or the value; encoders that put spaces are looked at.
    name = paths[0][-1]
    key = re2.escape(name) + '"'
    if field.op is not Op.EQ or not folded.isascii() or _NOT_LITERAL.search(folded):
        return _Sieve(key + r"[\s:]", name, sure=True)
    literal = _either_case(folded)
    sure = not _FOLDED_FROM_OTHERS.search(folded)
    if not _NUMERIC.fullmatch(folded):
        if len(folded) >= _LITERAL_LEAST:
            return _Sieve(literal, folded, sure=sure)
        return _Sieve(rf'{key}(?:\s|:(?:[\[\s]|"?{literal}))', name, sure=sure)
    number = _whole_number(folded)
    # 42 is 42.0 and 420e-1 too.
    digits = r"[0-9]+\." if number is None else rf"{number}(?:[^0-9]|$)"
    return _Sieve(rf'{key}(?:\s|:(?:[\[\s]|"{literal}|"?-?{digits}|-?[0-9.]+[eE]))', name, sure=sure)


def _whole_number(value: str) -> int | None:
    """The absolute value of a number's text when that is a whole one."""
    try:
        number = float(value)
        if "e" not in value and "." not in value:
            return abs(int(value))
        return abs(int(number)) if number.is_integer() else None
    except (ValueError, OverflowError):
        return None


def _either_case(folded: str) -> str:
    return f"(?i:{re2.escape(folded)})"


def _number_hashes(field: Field) -> tuple[int, ...]:
    """Of tokens of which the metadata of every match have one."""
    paths = metadata_paths(field.name)
    folded = text.fold(field.value)
    if field.op is not Op.EQ or field.name == "container" or not paths or not paths[0]:
        return ()
    return number_hashes(paths[0][-1], folded)


def _hashes(field: Field) -> tuple[int, ...]:
    """Of tokens that the metadata of every match have."""
    folded = text.fold(field.value)
    # Of a container's id only the first digits need be there, no whole token.
    if field.op is not Op.EQ or not folded.isascii() or field.name == "container":
        return ()
    if _NOT_LITERAL.search(folded) or _NUMERIC.fullmatch(folded) or _FOLDED_FROM_OTHERS.search(folded):
        return ()
    tokens = [token for token in _TOKEN.findall(folded.encode()) if is_value(token)]
    return tuple(token_hash(token) for token in sorted(tokens, key=len, reverse=True)[:2])


@lru_cache(maxsize=4_096)
def _decoded(packed: bytes) -> Any:
    return _decode(packed)
