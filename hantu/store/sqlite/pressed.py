"""Texts of unsealed lines in one piece: as objects they take twice the memory, and Python keeps what is
left between others when they go."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Generic, TypeVar, overload

Text = TypeVar("Text")


class _Pressed(Sequence[Text], Generic[Text]):
    """Texts that are made anew each time they are asked for."""

    __slots__ = ("_blob", "_ends")

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._blob = b"".join(parts)
        self._ends = array("I", accumulate(map(len, parts), initial=0))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> Text: ...
    @overload
    def __getitem__(self, at: slice) -> list[Text]: ...
    def __getitem__(self, at: int | slice) -> Text | list[Text]:
        if isinstance(at, slice):
            return list(self)[at]
        at = range(len(self))[at]
        return self._text(self._blob[self._ends[at] : self._ends[at + 1]])

    def __iter__(self) -> Iterator[Text]:
        blob = self._blob
        return iter([self._text(blob[begin:end]) for begin, end in pairwise(self._ends)])

    @abstractmethod
    def _text(self, part: bytes) -> Text: ...


class PressedMessages(_Pressed[str]):
    """Messages."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__([message.encode() for message in messages])

    def __iter__(self) -> Iterator[str]:
        if not self._blob.isascii():
            return super().__iter__()
        # Three times as fast.
        text = self._blob.decode("ascii")
        return iter([text[begin:end] for begin, end in pairwise(self._ends)])

    def _text(self, part: bytes) -> str:
        return part.decode()


class PressedMetadata(_Pressed[bytes | None]):
    """Metadata: JSON objects, or None."""

    def __init__(self, metadata: Sequence[bytes | None]) -> None:
        super().__init__([text or b"" for text in metadata])

    def _text(self, part: bytes) -> bytes | None:
        return part or None
