"""How long entries stay: some longer or shorter than the others, by source and level.

A rule is written as in the setting `retention`: a source with a pattern of source ids, a level, or both.

    docker:noisy-*                what containers with such a name print
    journal                       everything of a source
    level:debug  level:<=debug    a level, or all up to it, or (>=) from it on
    docker:api level:debug        both

The first rule that holds for an entry decides; where none does, the days of all."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hantu.model import LogLevel
from hantu.query.glob import compile_glob

DAY_NS: Final = 86_400_000_000_000
_LEVEL: Final = re.compile(r"level:(<=|>=)?(\w+)")
_DAYS: Final = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
_COMPARE: Final[dict[str | None, Callable[[int, int], bool]]] = {
    None: operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class KeepRule:
    """How long entries of one kind stay. scope: their kind, as it was written; source "": any."""

    scope: str
    keep_days: float
    source: str = ""
    source_id: str = "*"
    levels: frozenset[LogLevel] = frozenset(LogLevel)

    def holds(self, source: str, source_id: str, level: LogLevel) -> bool:
        """Whether it speaks of such entries."""
        return (
            level in self.levels
            and (not self.source or source == self.source)
            and compile_glob(self.source_id)(source_id)
        )


@dataclass(frozen=True, slots=True)
class Removable:
    """How many entries a clean-up would remove of one kind; scope "": of those without a rule."""

    scope: str
    keep_days: float
    entries: int


def rule_of(scope: str, keep_days: float) -> KeepRule:
    """The rule that is written so. Raises ValueError, which says what is wrong with it."""
    source, source_id, levels = "", "*", frozenset(LogLevel)
    for term in scope.split():
        if (match := _LEVEL.fullmatch(term)) is not None:
            compare, bound = _COMPARE[match.group(1)], LogLevel.parse(match.group(2))
            levels = frozenset(level for level in LogLevel if compare(level, bound))
        elif source:
            raise ValueError(f"{scope!r} names two sources; write a rule for each")
        else:
            source, _, source_id = term.partition(":")
            if source == "level":
                raise ValueError(f"{term!r} is no level; write level:debug, level:<=debug or level:>=warn")
    if not scope.strip():
        raise ValueError("a rule names a source, a level, or both")
    return KeepRule(scope, keep_days, source, source_id or "*", levels)


def rules_of(written: Iterable[str]) -> tuple[KeepRule, ...]:
    """The rules of the setting `retention`, each as kind=time. Raises ValueError."""
    return tuple(_rule_of(*each.rpartition("=")[::2]) for each in written)


def _rule_of(scope: str, span: str) -> KeepRule:
    return rule_of(scope, float(span[:-1]) * _DAYS[span[-1]])


def scaled(rules: Sequence[KeepRule], part: float) -> tuple[KeepRule, ...]:
    """Rules that keep everything for that part of their time."""
    return tuple(
        KeepRule(rule.scope, rule.keep_days * part, rule.source, rule.source_id, rule.levels)
        for rule in rules
    )


class Deadlines:
    """Until when entries have to be younger to stay, by what they are.

    of(): the number of the rule (that of no rule is last) and the time before which they go. newest_ns
    and oldest_ns: the bounds of all those times."""

    def __init__(self, retention_days: float, rules: Sequence[KeepRule], now_ns: int) -> None:
        self._rules = tuple(rules)
        days = [*(rule.keep_days for rule in rules), retention_days]
        self.keep_days = tuple(days)
        self.before_ns = tuple(now_ns - int(each * DAY_NS) for each in days)
        self.scopes = (*(rule.scope for rule in rules), "")
        self.newest_ns = max(self.before_ns)
        self.oldest_ns = min(self.before_ns)

    @property
    def uniform(self) -> bool:
        """Whether one time holds for all."""
        return not self._rules

    def of(self, source: str, source_id: str, level: LogLevel) -> int:
        """The number of the rule for such entries."""
        for number, rule in enumerate(self._rules):
            if rule.holds(source, source_id, level):
                return number
        return len(self._rules)
