"""What a text must contain that a regular expression matches: a condition that is cheap to ask first.

It reads only as much of RE2's syntax as it is sure of; what it does not know counts as anything.
Source: RE2, "Syntax". A text here is compared without case, as a Substring is."""

from __future__ import annotations

import re
from typing import Final

from hantu.query.expr import And, Expr, Or, Substring

_LITERAL_LEAST: Final = 2
_REPEAT: Final = re.compile(r"\{([0-9]+)(,[0-9]*)?\}")
_GROUP: Final = re.compile(r"\?(?:P?<[A-Za-z0-9_]+>|[imsU-]*:)")
_FLAGS: Final = re.compile(r"\?[imsU-]*\)")
_POSIX: Final = re.compile(r"\[:\^?[a-z]+:\]")
_NO_LITERALS: Final = frozenset(".^$")
_SIMPLE_ESCAPES: Final = frozenset("dDsSwWbBAzaftnrv")


class _UnsureError(Exception):
    """A part of the syntax that is not read."""


def regex_needs(pattern: str) -> Expr | None:
    """What the message of every match satisfies; None when nothing can be said.

    It holds for messages without combining characters and without ſ (shape_text.is_odd)."""
    reader = _Reader(pattern)
    try:
        found = reader.alternatives()
    except _UnsureError:
        return None
    return found if reader.at_end else None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._pattern)

    def alternatives(self) -> Expr | None:
        """Branches up to the end of the group: one of them must hold."""
        branches = [self._branch()]
        while not self.at_end and self._pattern[self._at] == "|":
            self._at += 1
            branches.append(self._branch())
        known = list(dict.fromkeys(branch for branch in branches if branch is not None))
        if len(known) == 0 or None in branches:
            return None
        return known[0] if len(known) == 1 else Or(tuple(known))

    def _branch(self) -> Expr | None:
        needs: list[Expr] = []
        run = ""
        while not self.at_end and self._pattern[self._at] not in "|)":
            literal, inner = self._atom()
            least, repeated = self._repeat()
            if literal and least:
                run += literal
                if not repeated:
                    continue
            # The run ends here; what is repeated may stand in it once more.
            needs += _substring(run)
            run = literal if literal and least and repeated else ""
            if inner is not None and least:
                needs.append(inner)
        needs += _substring(run)
        flat = [each for need in needs for each in (need.items if isinstance(need, And) else (need,))]
        distinct = tuple(dict.fromkeys(flat))
        if not distinct:
            return None
        return distinct[0] if len(distinct) == 1 else And(distinct)

    def _atom(self) -> tuple[str, Expr | None]:
        """(the character it is, or "", what a group needs)."""
        character = self._pattern[self._at]
        self._at += 1
        if character == "(":
            return "", self._group()
        if character == "[":
            self._class()
            return "", None
        if character == "\\":
            return self._escape(), None
        if character in "*+?" or _REPEAT.match(self._pattern, self._at - 1):
            raise _UnsureError
        if character in _NO_LITERALS or not character.isascii() or not character.isprintable():
            return "", None
        return character, None

    def _group(self) -> Expr | None:
        flags = _FLAGS.match(self._pattern, self._at)
        if flags:
            self._at = flags.end()
            return None
        if self._pattern.startswith("?", self._at):
            named = _GROUP.match(self._pattern, self._at)
            if named is None:
                raise _UnsureError
            self._at = named.end()
        inner = self.alternatives()
        if not self._pattern.startswith(")", self._at):
            raise _UnsureError
        self._at += 1
        return inner

    def _class(self) -> None:
        pattern = self._pattern
        if pattern.startswith("^", self._at):
            self._at += 1
        first = self._at
        while self._at < len(pattern):
            character = pattern[self._at]
            posix = _POSIX.match(pattern, self._at)
            if posix:
                self._at = posix.end()
            elif character == "\\":
                if pattern[self._at + 1 : self._at + 2] in {"Q", "E", ""}:
                    raise _UnsureError
                self._at += 2
            elif character == "]" and self._at > first:
                self._at += 1
                return
            else:
                self._at += 1
        raise _UnsureError

    def _escape(self) -> str:
        character = self._pattern[self._at : self._at + 1]
        self._at += 1
        if character in _SIMPLE_ESCAPES:
            return ""
        if not character or character.isalnum() or not character.isascii():
            raise _UnsureError
        return character

    def _repeat(self) -> tuple[bool, bool]:
        """(whether it must be there, whether it may be there more than once)."""
        if self.at_end:
            return True, False
        character = self._pattern[self._at]
        counted = _REPEAT.match(self._pattern, self._at)
        if counted:
            self._at = counted.end()
            answer = int(counted.group(1)) > 0, True
        elif character in "*+?":
            self._at += 1
            answer = character == "+", True
        else:
            return True, False
        if self._pattern.startswith("?", self._at):
            self._at += 1
        return answer


def _substring(run: str) -> list[Expr]:
    return [Substring(run)] if len(run) >= _LITERAL_LEAST else []
