"""SensitiveDataFilter: texts and metadata in, the same without secrets out.

A clean line must cost next to nothing, so no rule runs before a search has found its needle. All texts
of a batch are joined, folded to one byte a character and searched once for each needle; only a line in
which a needle stands meets the needle's rules.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from hantu.mask.keys import DEFAULT_KEYS, Keys, Kind, masked_by_key, rules_of
from hantu.mask.rule import MASKED, Needle, Rule
from hantu.mask.rules import DEFAULT_RULES, LONG_RUN

_ROUNDS: Final = 8
_DEPTH: Final = 32


def _fold_table() -> bytes:
    table = bytearray(range(256))
    for upper in range(ord("A"), ord("Z") + 1):
        table[upper] = upper + 32
    for digit in b"123456789":
        table[digit] = ord("0")
    for joint in b"_. ":
        table[joint] = ord("-")
    return bytes(table)


_FOLD: Final = _fold_table()
_RUN: Final = bytes(ord("x") if chr(c).isascii() and chr(c).isalnum() else c for c in range(256))
_LONG_RUN: Final = b"x" * 16
# What stands just before a token's long run, or at its start; then, farther back, the token's prefix.
_HEAD: Final = re.compile(rb"[-_]|.(?:eyJ|A[KS]IA)", re.DOTALL)
_PREFIX: Final = re.compile(rb"gh[oprsu]_|_pat_|xox[abeoprs]-|eyJ")
_PREFIX_REACH: Final = 40


class SensitiveDataFilter:
    """Masks texts and metadata. Has no state but caches: threads may share one.

    rules: in the order of application. keys: metadata keys masked as a whole (form: DEFAULT_KEYS).
    extra_keys: further such keys, which are masked as `key=value` in texts, too."""

    def __init__(
        self,
        rules: Sequence[Rule] = DEFAULT_RULES,
        keys: Sequence[str] = DEFAULT_KEYS,
        *,
        extra_keys: Sequence[str] = (),
    ) -> None:
        self._rules = (*rules, *rules_of(extra_keys))
        self._keys = Keys((*keys, *extra_keys))
        self._always = 0
        seeks: dict[Needle, int] = {}
        words: dict[str, int] = {}
        for place, rule in enumerate(self._rules):
            if not rule.needles:
                self._always |= 1 << place
            for needle in rule.needles:
                if isinstance(needle, str):
                    words[needle] = words.get(needle, 0) | 1 << place
                else:
                    seeks[needle] = seeks.get(needle, 0) | 1 << place
        self._runs = seeks.pop(LONG_RUN, 0)
        self._seeks = tuple(seeks.items())
        self._words = re.compile("|".join(re.escape(word) for word in words)) if words else None
        self._word_rules = words

    def mask(self, text: str) -> str:
        """`text` masked; the same object when there is nothing to mask."""
        wanted = self._wanted([text]).get(0, 0)
        return self._apply(text, wanted) if wanted else text

    def mask_many(self, texts: Sequence[str]) -> Sequence[str]:
        """Each text masked, in order; the same object when there is nothing to mask in any.

        For many texts this costs a fraction of mask() on each."""
        return self._masked(texts, self._wanted(texts))

    def mask_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """`metadata` masked, by key and by rule, nested values too; the same object when unchanged."""
        result: dict[str, Any] = self._mask_dict(metadata, "", 0)
        return result

    def mask_batch(
        self, messages: Sequence[str], metadatas: Sequence[dict[str, Any] | None]
    ) -> tuple[Sequence[str], Sequence[dict[str, Any] | None]]:
        """The messages and the metadata of a batch of entries masked, in one search.

        Either is the same object when nothing in it changed, and so is each unchanged element."""
        texts = list(messages)
        owners: list[int] = []
        starts: list[int] = []
        suspects: set[int] = set()
        plain = self._keys.plain
        last: dict[str, Any] | None = None
        for place, metadata in enumerate(metadatas):
            # One object may serve a run of entries.
            if not metadata or metadata is last:
                continue
            last = metadata
            if not plain.issuperset(metadata) and not self._all_plain(metadata):
                suspects.add(place)
                continue
            owners.append(place)
            starts.append(len(texts))
            for value in metadata.values():
                if type(value) is str:
                    texts.append(value)
                elif type(value) is dict or type(value) is list:
                    suspects.add(place)
        found = self._wanted(texts)
        for at in found:
            if at >= len(messages):
                suspects.add(owners[bisect_right(starts, at) - 1])
        own = {at: wanted for at, wanted in found.items() if at < len(messages)}
        return self._masked(messages, own), self._mask_suspects(metadatas, suspects)

    def _masked(self, texts: Sequence[str], found: dict[int, int]) -> Sequence[str]:
        changed: dict[int, str] = {}
        for place, wanted in found.items():
            after = self._apply(texts[place], wanted)
            if after is not texts[place]:
                changed[place] = after
        if not changed:
            return texts
        result = list(texts)
        for place, after in changed.items():
            result[place] = after
        return result

    def _mask_suspects(
        self, metadatas: Sequence[dict[str, Any] | None], suspects: set[int]
    ) -> Sequence[dict[str, Any] | None]:
        changed: dict[int, dict[str, Any]] = {}
        for place in suspects:
            metadata = metadatas[place]
            if metadata is not None:
                after = self.mask_metadata(metadata)
                if after is not metadata:
                    changed[id(metadata)] = after
        if not changed:
            return metadatas
        return [changed.get(id(metadata), metadata) for metadata in metadatas]

    def _wanted(self, texts: Sequence[str]) -> dict[int, int]:
        """By place in `texts`, the rules (bits) to try on it."""
        joined = "\n".join(texts)
        # One byte a character, so that places agree; the first byte is before all texts.
        raw = b"\n" + joined.encode("ascii", "replace")
        folded = raw.translate(_FOLD)
        found: dict[int, int] = dict.fromkeys(range(len(texts)), self._always) if self._always else {}
        ends: list[int] = []
        for needle, rules in self._seeks:
            for at in _places(needle, raw, folded):
                ends = ends or _ends(texts)
                place = bisect_right(ends, at)
                found[place] = found.get(place, 0) | rules
        if self._runs:
            for at in _tokens(raw, folded):
                ends = ends or _ends(texts)
                place = bisect_right(ends, at)
                found[place] = found.get(place, 0) | self._runs
        if self._words is not None and len(joined) and not joined.isascii():
            for place, text in enumerate(texts):
                if not text.isascii():
                    for word in self._words.findall(text):
                        found[place] = found.get(place, 0) | self._word_rules[word]
        return found

    def _apply(self, text: str, wanted: int) -> str:
        """`text` after its rules, until they change nothing more; itself when they never did."""
        for _ in range(_ROUNDS):
            before = text
            for place, rule in enumerate(self._rules):
                if wanted >> place & 1:
                    text = rule.pattern.sub(rule.replacement, text)
            if text == before:
                return before
            wanted = self._wanted([text]).get(0, 0)
        return text

    def _all_plain(self, metadata: dict[str, Any]) -> bool:
        return all(self._keys.kind(key) is Kind.PLAIN for key in metadata)

    def _mask_dict(self, metadata: dict[str, Any], within: str, depth: int) -> Any:
        if depth > _DEPTH:
            return MASKED
        changed: dict[str, Any] = {}
        for key, value in metadata.items():
            after = self._mask_value(value, key, within, depth)
            if after is not value:
                changed[key] = after
        return {**metadata, **changed} if changed else metadata

    def _mask_value(self, value: Any, key: str, within: str, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        kind = self._keys.kind(key)
        name = key.lower()
        # user.id:42 is how one asks for a user: a number there stays, nothing else does.
        named = (within == "user" and name == "id") or name == "user.id"
        if named or kind is not Kind.PLAIN:
            return masked_by_key(value, Kind.USER_ID if named else kind, keep_number=named)
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return self._mask_dict(value, name, depth + 1)
        if isinstance(value, list):
            return self._mask_list(value, key, depth + 1)
        return value

    def _mask_list(self, values: list[Any], key: str, depth: int) -> Any:
        if depth > _DEPTH:
            return MASKED
        after = [self._mask_value(value, key, "", depth) for value in values]
        same = all(new is old for new, old in zip(after, values, strict=True))
        return values if same else after


def _ends(texts: Sequence[str]) -> list[int]:
    """Where each text ends in the joined one, its line feed included."""
    return list(accumulate([len(text) + 1 for text in texts], initial=0))[1:]


def _places(needle: Needle, raw: bytes, folded: bytes) -> list[int]:
    """Where a needle stands."""
    seek, near = needle.seek, needle.near
    if not isinstance(seek, bytes):
        places = [match.start() for match in seek.finditer(folded)]
    elif (at := folded.find(seek)) < 0:
        return []
    else:
        places = []
        while at >= 0:
            places.append(at)
            at = folded.find(seek, at + len(seek))
    return places if near is None else [at for at in places if near.match(raw, at)]


def _tokens(raw: bytes, folded: bytes) -> Iterator[int]:
    """Places of long runs of letters and digits that a known token may be made of."""
    runs = folded.translate(_RUN)
    at = runs.find(_LONG_RUN)
    while at >= 0:
        head = _HEAD.match(raw, at - 1)
        if head is not None and (
            head.end() > at or _PREFIX.search(raw, max(0, at - _PREFIX_REACH), at) is not None
        ):
            yield at
        at = runs.find(_LONG_RUN, at + len(_LONG_RUN))
