"""Which shapes hold what is sought: verdicts by shape number, kept while the shapes are the same.

Words are asked of the file's index of words, substrings of the texts of all shapes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import apsw
import numpy as np

from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray, VerdictArray
from hantu.store.sqlite.places import Places
from hantu.store.sqlite.shape_index import ALL_LOOSE, ShapeIndex
from hantu.store.sqlite.shape_text import folded_text, word_text
from hantu.store.sqlite.sought import Pattern, Sought, Where
from hantu.store.sqlite.word_index import Version, WordIndex

log = logging.getLogger(__name__)

NO: Final = 0
MAYBE: Final = 1
YES: Final = 2

_KEPT_BYTES: Final = 4 * 1024 * 1024
"""Of verdicts; one of 50,000 shapes takes 100 kB, more when many shapes have its slots."""

_SAMPLE_WORDS: Final = 9
_UNREADABLE: Final = (apsw.CorruptError, apsw.SQLError)
"""What SQLite raises for an index that is damaged, or whose tables are not there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """by_number: NO, MAYBE or YES by shape number. asked: the shapes whose messages must be asked.
    places: of the patterns with slots, in the order of Sought.patterns."""

    by_number: VerdictArray
    asked: BoolArray
    places: tuple[tuple[Pattern, Places], ...]

    @property
    def size_bytes(self) -> int:
        """Memory that it takes at most."""
        own = self.by_number.nbytes + self.asked.nbytes
        return own + sum(places.size_bytes for _, places in self.places)

    def without(self, *, values: bool, plain: bool) -> VerdictArray:
        """by_number where filters say that values, or plain lines, lack what they need."""
        left = self.by_number.copy()
        if values:
            left[1:][(left[1:] == MAYBE) & ~self.asked[1:]] = NO
        if plain:
            left[0] = NO
        return left


class ShapeSearch:
    """Answers for the shapes of one file; safe in any thread.

    static: a shape by its number. slots: gives the number of slots by shape number."""

    def __init__(
        self, index: ShapeIndex, static: Callable[[int], bytes], slots: Callable[[], IntArray]
    ) -> None:
        self._index = index
        self._static = static
        self._slots = slots
        self._lock = threading.Lock()
        self._version: Version | None = None
        self._verdicts: OrderedDict[Sought, Verdict] = OrderedDict()
        self._size_bytes = 0
        self._checked = False
        self.words_damage: str | None = None
        """Why words are looked for in the texts of shapes, None while they are asked of the index."""

    def verdict(self, sought: Sought, words: WordIndex) -> Verdict:
        """The verdict on every shape of the snapshot that `words` is of. Raises InterruptError."""
        version = words.version
        with self._lock:
            known = self._verdicts.get(sought) if version == self._version else None
            if known is not None:
                self._verdicts.move_to_end(sought)
                return known
        verdict = self._judged(sought, words)
        with self._lock:
            self._keep(version, sought, verdict)
        return verdict

    def loose(self) -> ByteArray:
        """shape_text.Loose by shape number; of a number that never had a shape everything, of 0 nothing."""
        size = len(self._slots())
        loose = self._index.loose()[:size]
        if len(loose) == size:
            return loose
        return np.concatenate([loose, np.full(size - len(loose), ALL_LOOSE, np.uint8)])

    def check(self, words: WordIndex) -> str | None:
        """Look at all of the index of words, 1 ms for 1,000 shapes; what is wrong with it.

        Done before the first answer, too: SQLite notices few of the wrong bytes that it passes when it
        answers, and would find less without a word."""
        try:
            damage = words.damage() or self._missing(words)
        except _UNREADABLE as error:
            damage = str(error)
        if damage is not None:
            self._distrust(damage)
        self._checked = True
        return self.words_damage

    def trust_words(self) -> None:
        """The index of words was made anew."""
        with self._lock:
            self._checked, self.words_damage = False, None
            self._verdicts.clear()
            self._size_bytes = 0

    def _keep(self, version: Version, sought: Sought, verdict: Verdict) -> None:
        if version != self._version:
            self._verdicts.clear()
            self._version, self._size_bytes = version, 0
        if sought not in self._verdicts:
            self._size_bytes += verdict.size_bytes
        self._verdicts[sought] = verdict
        while self._size_bytes > _KEPT_BYTES and len(self._verdicts) > 1:
            self._size_bytes -= self._verdicts.popitem(last=False)[1].size_bytes

    def _judged(self, sought: Sought, words: WordIndex) -> Verdict:
        slots = self._slots()
        loose = self.loose()[: len(slots)]
        verdict = np.zeros(len(slots), np.int8)
        if sought.anywhere is not None:
            verdict[slots > 0] = MAYBE
        found = [(pattern, self._having(sought.where, pattern, words)) for pattern in sought.patterns]
        for pattern, numbers in found:
            if pattern.constraints:
                verdict[numbers[: np.searchsorted(numbers, len(slots))]] = MAYBE
        for pattern, numbers in found:
            if not pattern.constraints:
                verdict[numbers[: np.searchsorted(numbers, len(slots))]] = YES
        asked: BoolArray = (loose & int(sought.loose)) != 0
        if sought.too_many:
            asked = np.ones(len(slots), np.bool_)
        verdict[asked] = MAYBE
        verdict[0] = MAYBE
        places = [
            (pattern, Places(numbers, partial(self._first_slots, sought.where, pattern.text)))
            for pattern, numbers in found
            if pattern.constraints
        ]
        return Verdict(verdict, asked, tuple(places))

    def _having(self, where: Where, pattern: Pattern, words: WordIndex) -> IntArray:
        """The numbers of the shapes that have the pattern, ascending."""
        if where is Where.FOLDED:
            return self._index.texts().holding(pattern.text)
        if not self._checked:
            self.check(words)
        if self.words_damage is None:
            try:
                return words.having(pattern.text)
            except _UNREADABLE as error:
                self._distrust(str(error))
        return self._having_words(pattern.text)

    def _missing(self, words: WordIndex) -> str | None:
        """A shape that the index should have and has not: its list of parts may be empty, which is no
        fault to SQLite."""
        for number in words.ends():
            # The document of a shape that went may still be there.
            with suppress(KeyError):
                first_words = word_text(self._static(number)).split(b" ")[1:_SAMPLE_WORDS]
                if any(first_words) and number not in words.having(b" %s " % b" ".join(first_words)):
                    return f"it lacks shape {number}"
        return None

    def _distrust(self, damage: str) -> None:
        if self.words_damage is None:
            log.error("the index of words is damaged: %s; words are found without it, more slowly", damage)
        self.words_damage = damage

    def _having_words(self, pattern: bytes) -> IntArray:
        """As WordIndex.having(), from the shapes themselves."""
        found: list[int] = []
        for number in range(1, len(self._slots())):
            # A number that no shape has.
            with suppress(KeyError):
                if pattern in word_text(self._static(number)):
                    found.append(number)
        return np.array(found, np.int64)

    def _first_slots(self, where: Where, pattern: bytes, number: int) -> list[int]:
        """The number of the first slot at or after each place of the pattern in a shape's text."""
        static = self._static(number)
        text = folded_text(static) if where is Where.FOLDED else word_text(static)
        found: list[int] = []
        at = text.find(pattern)
        while at >= 0:
            found.append(text.count(b"\0", 0, at))
            at = text.find(pattern, at + 1)
        return found


class ShapesSeen:
    """The shapes as one reader's snapshot has them."""

    __slots__ = ("_search", "_words")

    def __init__(self, search: ShapeSearch, words: WordIndex) -> None:
        self._search = search
        self._words = words

    def verdict(self, sought: Sought) -> Verdict:
        """The verdict on every shape. Raises InterruptError."""
        return self._search.verdict(sought, self._words)

    def loose(self) -> ByteArray:
        """As ShapeSearch.loose()."""
        return self._search.loose()
