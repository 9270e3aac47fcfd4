"""Which shapes hold what is sought: verdicts by shape number, kept and brought up to date."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray, VerdictArray
from hantu.store.sqlite.shape_index import ShapeIndex, ShapeTexts
from hantu.store.sqlite.shape_text import Loose
from hantu.store.sqlite.sought import Pattern, Sought, Where

NO: Final = 0
MAYBE: Final = 1
YES: Final = 2

_KEPT_PATTERNS: Final = 128
_KEPT_VERDICTS: Final = 64
_KEPT_PLACES_MOST: Final = 65_536
"""Places of one pattern that are kept, 16 bytes each: 128 MB were every pattern that common; a pattern
with more is looked for again."""
_ALL_LOOSE: Final = int(Loose.TEXT | Loose.WORDS | Loose.CASE)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a pattern stands: shape numbers, ascending, and the number of the first slot at or after
    the place's beginning. A pattern without slots has each shape once."""

    numbers: IntArray
    slots: IntArray

    def among(self, shapes: IntArray) -> bool:
        """Whether one of these shapes has the pattern."""
        if not len(self.numbers):
            return False
        low = np.minimum(np.searchsorted(self.numbers, shapes), len(self.numbers) - 1)
        return bool((self.numbers[low] == shapes).any())

    def of_shapes(self, shapes: IntArray) -> tuple[IntArray, IntArray]:
        """(position in `shapes`, first slot) of each place in these shapes."""
        low = np.searchsorted(self.numbers, shapes, "left")
        sizes = np.searchsorted(self.numbers, shapes, "right") - low
        at = np.repeat(low - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        return np.repeat(np.arange(len(shapes)), sizes), self.slots[at]


@dataclass(frozen=True, slots=True)
class Verdict:
    """by_number: NO, MAYBE or YES by shape number. asked: the shapes whose messages must be asked.
    places: of the patterns with slots, in the order of Sought.patterns. texts: of the shapes that were
    judged."""

    by_number: VerdictArray
    asked: BoolArray
    places: tuple[tuple[Pattern, Places], ...]
    texts: ShapeTexts

    def without(self, *, values: bool, plain: bool) -> VerdictArray:
        """by_number where filters say that values, or plain lines, lack what they need."""
        left = self.by_number.copy()
        if values:
            left[1:][(left[1:] == MAYBE) & ~self.asked[1:]] = NO
        if plain:
            left[0] = NO
        return left


class ShapeSearch:
    """Answers for one ShapeIndex; safe in any thread."""

    def __init__(self, index: ShapeIndex, slots: Callable[[], IntArray]) -> None:
        """slots: gives the number of slots by shape number."""
        self._index = index
        self._slots = slots
        self._lock = threading.Lock()
        self._places: OrderedDict[tuple[Where, bytes], tuple[ShapeTexts, Places]] = OrderedDict()
        self._verdicts: OrderedDict[Sought, tuple[ShapeTexts, Verdict]] = OrderedDict()
        self._loose: tuple[ShapeTexts, ByteArray] | None = None

    def verdict(self, sought: Sought) -> Verdict:
        """The verdict on every shape there is."""
        texts = self._index.texts()
        with self._lock:
            known = self._verdicts.get(sought)
            if known is not None and known[0] is texts:
                self._verdicts.move_to_end(sought)
                return known[1]
            verdict = self._judged(texts, sought)
            self._verdicts[sought] = (texts, verdict)
            if len(self._verdicts) > _KEPT_VERDICTS:
                self._verdicts.popitem(last=False)
            return verdict

    def is_current(self, verdict: Verdict) -> bool:
        """Whether no shape has come or gone since."""
        return verdict.texts is self._index.texts()

    def loose(self) -> ByteArray:
        """shape_text.Loose by shape number; of a number without text everything, of 0 nothing."""
        return self._looseness(self._index.texts())

    def _looseness(self, texts: ShapeTexts) -> ByteArray:
        known = self._loose
        if known is not None and known[0] is texts:
            return known[1]
        size = max(len(self._slots()), int(texts.numbers.max(initial=0)) + 1)
        loose = np.full(size, _ALL_LOOSE, np.uint8)
        loose[texts.numbers] = texts.loose
        loose[0] = 0
        self._loose = (texts, loose)
        return loose

    def _judged(self, texts: ShapeTexts, sought: Sought) -> Verdict:
        loose = self._looseness(texts)
        verdict = np.zeros(len(loose), np.int8)
        if sought.anywhere is not None:
            slots = self._slots()[: len(loose)]
            verdict[: len(slots)][slots > 0] = MAYBE
        places = [(pattern, self._found(texts, sought.where, pattern)) for pattern in sought.patterns]
        for pattern, found in places:
            if pattern.constraints:
                verdict[found.numbers] = MAYBE
        for pattern, found in places:
            if not pattern.constraints:
                verdict[found.numbers] = YES
        asked: BoolArray = (loose & int(sought.loose)) != 0
        if sought.too_many:
            asked = np.ones(len(loose), np.bool_)
        verdict[asked] = MAYBE
        verdict[0] = MAYBE
        return Verdict(verdict, asked, tuple(each for each in places if each[0].constraints), texts)

    def _found(self, texts: ShapeTexts, where: Where, pattern: Pattern) -> Places:
        name = (where, pattern.text)
        known = self._places.get(name)
        if known is not None and known[0] is texts:
            self._places.move_to_end(name)
            return known[1]
        first, before = 0, None
        if known is not None and known[0].epoch == texts.epoch:
            first, before = len(known[0]), known[1]
        lines = texts.folded if where is Where.FOLDED else texts.words
        if pattern.constraints:
            rows, slots = lines.places(pattern.text, first)
        else:
            rows = np.fromiter(lines.holding(pattern.text, first), np.int64)
            slots = np.zeros(len(rows), np.int64)
        numbers = texts.numbers[rows]
        if before is not None:
            numbers = np.concatenate([before.numbers, numbers])
            slots = np.concatenate([before.slots, slots])
        order = np.argsort(numbers, kind="stable")
        found = Places(numbers[order], slots[order])
        if len(numbers) <= _KEPT_PLACES_MOST:
            self._places[name] = (texts, found)
            if len(self._places) > _KEPT_PATTERNS:
                self._places.popitem(last=False)
        return found
