"""One thing that an installation does."""

from __future__ import annotations

from typing import Protocol


class Step(Protocol):
    """Something that is done, or there already; that can be said, done, and undone.

    undo() brings back what was there before done() was called; it is only called after apply() began."""

    def describe(self) -> str:
        """What apply() does, as a sentence without a subject: "make the user hantu"."""
        ...

    def done(self) -> bool:
        """Whether it is like that already."""
        ...

    def apply(self) -> None:
        """Do it. Raises InstallError, OSError."""
        ...

    def undo(self) -> None:
        """Bring back what was there."""
        ...
