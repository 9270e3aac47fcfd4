"""Whether what the engine has was read: the newest line of each container, and each container itself.

A stream can die without a sign (a proxy that forgets it, an engine that hangs): nothing comes any more, and
that looks like a quiet container. So the engine is asked now and then, on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hantu.collect.docker_stream import EngineError


class Checked(Protocol):
    """A container whose newest line can be looked for (DockerLogCollector)."""

    @property
    def name(self) -> str: ...

    @property
    def following(self) -> bool:
        """Whether its log is being followed now."""
        ...

    @property
    def read_to_ns(self) -> int:
        """Lines up to this time are handed in, or were there before hantu began to read."""
        ...

    def newest_ns(self) -> int | None:
        """The time of the newest whole line that the engine has. Raises EngineError, OSError."""
        ...

    def follow_anew(self) -> None:
        """Let go of the connection and make another one."""
        ...


@dataclass(slots=True)
class _Asked:
    container: Checked
    newest_ns: int
    read_to_ns: int

    @property
    def waiting(self) -> bool:
        return self.container.following and self.container.read_to_ns < self.newest_ns

    @property
    def stuck(self) -> bool:
        return self.waiting and self.container.read_to_ns <= self.read_to_ns


class EngineCheck:
    """One look at an engine. All methods belong to one thread."""

    def __init__(
        self,
        containers: Callable[[], list[Checked]],
        unwatched: Callable[[], list[str]],
        watch_anew: Callable[[], None],
    ) -> None:
        self._containers = containers
        self._unwatched = unwatched
        self._watch_anew = watch_anew
        self._asked: list[_Asked] = []
        self._alone: list[str] = []

    def begin(self) -> int:
        """Ask the engine for the newest line of each container that is followed; how many they are.

        Raises EngineError, OSError."""
        self._asked = []
        followed = [each for each in self._containers() if each.following]
        for each in followed:
            before_ns = each.read_to_ns
            try:
                newest_ns = each.newest_ns()
            except EngineError as error:
                if error.status:
                    continue  # of this one container: it is gone, or says so itself
                raise
            if newest_ns is not None:
                self._asked.append(_Asked(each, newest_ns, before_ns))
        self._alone = self._unwatched()
        return len(followed)

    def waiting(self) -> tuple[str, ...]:
        """The names of those whose newest line then has not been read yet, and of containers that
        nobody collects though they should be."""
        lines = [each.container.name for each in self._asked if each.waiting]
        if self._alone:
            known = set(self._unwatched())
            self._alone = [name for name in self._alone if name in known]
        return tuple(sorted({*lines, *self._alone}))

    def mend(self) -> None:
        """Make new connections in place of those that brought nothing."""
        for each in self._asked:
            if each.stuck:
                each.container.follow_anew()
        if self._alone:
            self._watch_anew()
