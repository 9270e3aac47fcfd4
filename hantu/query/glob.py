"""Patterns with `*`: the only wildcard of the query language outside regular expressions."""

from __future__ import annotations

from collections.abc import Callable

from hantu import text


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """A test for a whole text, without case; `*` stands for any characters, also none.

    Takes linear time: the parts between stars are looked for from left to right."""
    folded = text.fold(pattern)
    if "*" not in folded:
        return lambda value: text.fold(value) == folded
    head, *middle, tail = folded.split("*")
    parts = [part for part in middle if part]

    def test(value: str) -> bool:
        subject = text.fold(value)
        end = len(subject) - len(tail)
        at = len(head)
        if at > end or not subject.startswith(head) or not subject.endswith(tail):
            return False
        for part in parts:
            found = subject.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return test


def is_any(pattern: str) -> bool:
    """Whether the pattern is only stars: it asks for presence."""
    return pattern != "" and not pattern.strip("*")
