"""Which words of alike texts vary, as plainly as it can be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hantu.store.pattern_families import SLOT, VARIETY, VARIETY_OF_VALUES, WORDY, settle

_Row = tuple[bytes, ...]


def variable(words: Sequence[Sequence[bytes]]) -> list[frozenset[int]]:
    """Which words of some texts vary, as pattern_families says. words: texts × places."""
    texts = _Texts([tuple(text) for text in words])
    settle(texts)
    return [texts.wild[row] for row in texts.of_text]


class _Texts:
    """of_text: the row that each text has come to. wild: where the words of a row vary. opened: how often
    places were."""

    def __init__(self, texts: list[_Row]) -> None:
        self.of_text = texts
        self.wild: dict[_Row, frozenset[int]] = dict.fromkeys(texts, frozenset())
        self.opened = 0
        self._least = {text: max(1, (_wordy(text) + 1) // 2) for text in texts}

    def places(self) -> list[int]:
        """Where the most different words stand comes first."""
        many = [len(set(column)) for column in zip(*self.wild, strict=True)]
        return sorted(range(len(many)), key=lambda place: (-many[place], place))

    def open(self, place: int) -> None:
        """Let a place vary where enough different words stand between the same ones."""
        groups: dict[_Row, list[_Row]] = {}
        for row in self.wild:
            others = row[:place] + row[place + 1 :]
            if _wordy(others) >= self._least[row]:
                groups.setdefault(others, []).append(row)
        opened: set[_Row] = set()
        for group in groups.values():
            values = all(row[place].startswith(SLOT) for row in group)
            enough = len(group) >= (VARIETY_OF_VALUES if values else VARIETY)
            if len(group) > 1 and (enough or any(place in self.wild[row] for row in group)):
                opened.update(group)
        self._open(opened.__contains__, frozenset([place]))

    def absorb(self) -> None:
        """Put texts under those of which they are a case."""
        width = len(self.of_text[0])
        masks = {wild for wild in self.wild.values() if wild}
        for mask in sorted(masks, key=lambda each: (len(each), [place in each for place in range(width)])):
            known = {_masked(row, mask) for row, wild in self.wild.items() if wild == mask}
            cases = {row for row, wild in self.wild.items() if wild < mask and _masked(row, mask) in known}
            self._open(cases.__contains__, mask)

    def _open(self, chosen: Callable[[_Row], bool], places: frozenset[int]) -> None:
        becomes = {row: _masked(row, places) for row in self.wild if chosen(row)}
        self.opened += bool(becomes)
        wild, least = self.wild, self._least
        self.wild, self._least = {}, {}
        for row, was in wild.items():
            new = becomes.get(row, row)
            own = was | places if row in becomes else was
            self.wild[new] = self.wild.get(new, frozenset()) | own
            self._least[new] = max(self._least.get(new, 0), least[row])
        self.of_text = [becomes.get(row, row) for row in self.of_text]


def _masked(row: _Row, places: frozenset[int]) -> _Row:
    return tuple(SLOT if place in places else word for place, word in enumerate(row))


def _wordy(words: _Row) -> int:
    return sum(WORDY.search(word) is not None for word in words)
