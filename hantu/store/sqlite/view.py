"""A frame while one query goes through it: its groups, and what several terms need of its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.hot_frames import HotFrame
from hantu.store.sqlite.plain_text import PlainText
from hantu.store.sqlite.plain_words import PlainWords

Absent = Mapping[int, BoolArray]
"""By token hash: the groups (bool[G]) whose segment surely does not hold the token."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Any groups: the cell and the shape of each, int64[G], and what the filters of their segments say."""

    cells: IntArray
    shapes: IntArray
    absent: Absent = field(default_factory=dict)
    words: PlainWords | None = None
    """Of plain lines, each a group of its own here."""

    def without(self, hashes: tuple[int, ...]) -> BoolArray | None:
        """The groups whose segments lack one of these tokens; None when that is not known of any."""
        found: BoolArray | None = None
        for each in hashes:
            known = self.absent.get(each)
            if known is not None:
                found = known if found is None else found | known
        return found

    def without_any(self, hashes: tuple[int, ...]) -> BoolArray | None:
        """The groups whose segments lack all of these tokens; None when that is not known of any."""
        found: BoolArray | None = None
        for each in hashes:
            known = self.absent.get(each)
            if known is None:
                return None
            found = known if found is None else found & known
        return found


class FrameView:
    """One frame, asked by one query; not for several threads."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.groups = Groups(frame.cells, frame.shapes)
        self.kept: dict[object, IntArray] = {}
        """What terms found and need again."""

    def spread(self, groups: BoolArray) -> BoolArray:
        """By line what is given by group."""
        return np.repeat(groups, self.frame.counts)

    def groups_of(self, lines: BoolArray) -> BoolArray:
        """The groups that have one of these lines."""
        if not len(lines):
            return np.zeros(0, np.bool_)
        return cast("BoolArray", np.logical_or.reduceat(lines, self.frame.starts))

    def mask(self, lines: IntArray) -> BoolArray:
        """These lines as bool[n]."""
        mask = np.zeros(self.frame.size, np.bool_)
        mask[lines] = True
        return mask

    def messages(self, lines: BoolArray) -> tuple[IntArray, list[str]]:
        """The numbers and the messages of these lines."""
        numbers = np.flatnonzero(lines)
        return numbers, self.frame.messages(numbers) if len(numbers) else []

    @cached_property
    def plain(self) -> PlainText:
        """The lines without a shape."""
        frame = self.frame
        return frame.plain if isinstance(frame, HotFrame) else PlainText(frame)
