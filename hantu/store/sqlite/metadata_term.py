"""A field of the metadata as a term: every distinct metadata text is asked once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from hantu import text
from hantu.query.expr import Field, Op
from hantu.query.fields import metadata_test
from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.filter import token_hash
from hantu.store.sqlite.metadata_column import MetadataColumn
from hantu.store.sqlite.shape_search import MAYBE, NO
from hantu.store.sqlite.sought import is_value
from hantu.store.sqlite.terms import Cost, OfStream, Term
from hantu.store.sqlite.view import FrameView, Groups

_MAY_DIFFER: Final = re.compile(r'["\\*\x00-\x1f\x7f]|^[\s0-9+.eE-]*$')
"""A value that JSON may write in another way: escapes, wildcards, numbers (42 is 42.0 too)."""
_FOLDED_FROM_OTHERS: Final = re.compile("[k;`]")
"""ASCII characters that others become when folded: K, U+037E, U+1FEF."""
_CONTAINER_DIGITS: Final = 12
_TOKEN: Final = re.compile(rb"[a-z0-9]{5,}")
_BACKSLASH: Final = ord("\\")

_decode: Final = msgspec.json.Decoder().decode


class OfMetadata(Term):
    """The part of a field's answer that lies in the metadata, where `stream` leaves it open."""

    cost = Cost.METADATA
    simple = False

    def __init__(self, field: Field, stream: OfStream) -> None:
        self._stream = stream
        self._test = metadata_test(field)
        self._without = self._test(None)
        self._literal, self._sure = _literal(field)
        # Of a container's id only the first digits need be there, no whole token.
        whole = self._sure and field.name.lower() != "container"
        self.hashes = _hashes(self._literal) if self._literal is not None and whole else ()

    def groups(self, groups: Groups) -> VerdictArray:
        """By the stream, and by the filter where metadata decide."""
        verdict = self._stream.groups(groups)
        lacking = None if self._without else groups.without(self.hashes)
        if lacking is not None:
            verdict[lacking & (verdict == MAYBE)] = NO
        return verdict

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        metadata = view.frame.metadata()
        ids = metadata.ids
        # By id; the last place, −1, is for lines without metadata.
        holds = np.zeros(metadata.count + 1, np.bool_)
        holds[-1] = self._without
        candidates = self._candidates(metadata)
        wanted = np.zeros(metadata.count + 1, np.bool_)
        wanted[ids[lines]] = True
        wanted[-1] = False
        if candidates is not None:
            wanted &= candidates
        texts = metadata.texts if wanted.any() else ()
        for number in np.flatnonzero(wanted).tolist():
            holds[number] = self._test(_decoded(texts[number]))
        answer: BoolArray = lines & holds[ids]
        return answer

    def _candidates(self, metadata: MetadataColumn) -> BoolArray | None:
        """The texts, by number, that can hold; None: any."""
        literal, blob = self._literal, metadata.blob
        if literal is None:
            return None
        octets = np.frombuffer(blob, np.uint8)
        candidates = np.zeros(metadata.count + 1, np.bool_)
        starts = _starts(octets)
        odd = _places(blob.lower(), literal)
        if b"\\" in blob:
            odd = np.concatenate([odd, np.flatnonzero(octets == _BACKSLASH)])
        if not self._sure and not blob.isascii():
            odd = np.concatenate([odd, np.flatnonzero(octets >= 0x80)])
        candidates[np.searchsorted(starts, odd, "right") - 1] = True
        return candidates


def _literal(field: Field) -> tuple[bytes | None, bool]:
    """ASCII text, lower case, that the metadata text of every match contains, unless it has a backslash
    or (when not sure) a character that is not ASCII."""
    folded = text.fold(field.value)
    if field.op is not Op.EQ or not folded.isascii():
        return None, False
    if field.name.lower() == "container":
        return folded[:_CONTAINER_DIGITS].encode(), True
    if _MAY_DIFFER.search(folded):
        return None, False
    return folded.encode(), not _FOLDED_FROM_OTHERS.search(folded)


def _hashes(literal: bytes) -> tuple[int, ...]:
    tokens = [token for token in _TOKEN.findall(literal) if is_value(token)]
    return tuple(token_hash(token) for token in sorted(tokens, key=len, reverse=True)[:2])


def _starts(octets: Any) -> IntArray:
    return np.concatenate([[0], np.flatnonzero(octets == 10) + 1])


def _places(blob: bytes, literal: bytes) -> IntArray:
    found: list[int] = []
    at = blob.find(literal)
    while at >= 0:
        found.append(at)
        # On to the next text: one place in each is enough.
        end = blob.find(b"\n", at)
        at = blob.find(literal, end) if end >= 0 else -1
    return np.array(found, np.int64)


@lru_cache(maxsize=4_096)
def _decoded(packed: bytes) -> Any:
    return _decode(packed)
