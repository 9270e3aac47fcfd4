"""SensitiveDataFilter: texts and metadata in, the same without secrets out.

A clean line must cost next to nothing, so no rule runs before a search has found its needle. All texts
of a batch are joined, folded to one byte a character and searched once for each needle; only a line in
which a needle stands meets the needle's rules.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from hantu.mask.keys import DEFAULT_KEYS, Keys, Kind, masked_by_key, rules_of
from hantu.mask.rule import MASKED, Needle, Rule, fold, fold_pattern
from hantu.mask.rules import DEFAULT_RULES

_ROUNDS: Final = 8
_DEPTH: Final = 32
_CHOICES_MOST: Final = 4_096

_Found = tuple[re.Pattern[bytes] | None, int]
"""Tells a real place from a chance one; the rules to try."""


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
        self._keys = Keys(keys, extra_keys)
        self._choices: dict[int, tuple[Rule, ...]] = {}
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
        self._plain = tuple(
            (fold(needle.start), needle.near, rules) for needle, rules in seeks.items() if not needle.rest
        )
        self._passes = tuple(_passes(seeks))
        self._words = re.compile("|".join(re.escape(word) for word in words)) if words else None
        self._word_rules = words

    def mask(self, text: str) -> str:
        """`text` masked; the same object when there is nothing to mask."""
        texts = [text]
        return self._changed(texts, self._wanted(texts)).get(0, text)

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
        changed = self._changed(texts, found)
        if not changed:
            return texts
        result = list(texts)
        for place, after in changed.items():
            result[place] = after
        return result

    def _changed(self, texts: Sequence[str], found: dict[int, int]) -> dict[int, str]:
        """By place, the texts that their rules change, applied until they change nothing more."""
        changed: dict[int, str] = {}
        for _ in range(_ROUNDS):
            places: list[int] = []
            for place, wanted in found.items():
                before = changed.get(place, texts[place])
                after = before
                for rule in self._chosen(wanted):
                    after = rule.pattern.sub(rule.replacement, after)
                if after != before:
                    changed[place] = after
                    places.append(place)
            if not places:
                break
            again = self._wanted([changed[place] for place in places])
            found = {places[at]: wanted for at, wanted in again.items()}
        return changed

    def _chosen(self, wanted: int) -> tuple[Rule, ...]:
        """The rules of these bits, in order."""
        chosen = self._choices.get(wanted)
        if chosen is None:
            chosen = tuple(rule for place, rule in enumerate(self._rules) if wanted >> place & 1)
            if len(self._choices) < _CHOICES_MOST:
                self._choices[wanted] = chosen
        return chosen

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
        # One byte a character, so that places agree.
        raw = joined.encode("ascii", "replace")
        folded = fold(raw)
        found: dict[int, int] = dict.fromkeys(range(len(texts)), self._always) if self._always else {}
        ends: list[int] = []
        for start, near, rules in self._plain:
            at = folded.find(start)
            while at >= 0:
                if near is None or near.match(raw, at):
                    ends = ends or _ends(texts)
                    place = bisect_right(ends, at)
                    found[place] = found.get(place, 0) | rules
                at = folded.find(start, at + len(start))
        for pattern, by_group in self._passes:
            for match in pattern.finditer(folded):
                near, rules = by_group[(match.lastindex or 1) - 1]
                if near is None or near.match(raw, match.start()):
                    ends = ends or _ends(texts)
                    place = bisect_right(ends, match.start())
                    found[place] = found.get(place, 0) | rules
        if self._words is not None and len(joined) and not joined.isascii():
            for place, text in enumerate(texts):
                if not text.isascii():
                    for word in self._words.findall(text):
                        found[place] = found.get(place, 0) | self._word_rules[word]
        return found

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
    return list(accumulate([len(text) + 1 for text in texts]))


def _passes(seeks: Mapping[Needle, int]) -> Iterator[tuple[re.Pattern[bytes], list[_Found]]]:
    """One pattern for each family, and what each of its groups stands for."""
    families: dict[bytes, list[Needle]] = {}
    for needle in seeks:
        if needle.rest:
            families.setdefault(fold_pattern(needle.start), []).append(needle)
    for letter, needles in families.items():
        ways = b"|".join(b"(?:" + fold_pattern(needle.rest) + b")()" for needle in needles)
        groups = [(needle.near, seeks[needle]) for needle in needles]
        yield re.compile(re.escape(letter) + b"(?:" + ways + b")"), groups
