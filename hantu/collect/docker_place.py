"""Where a container's log was read to, and which of the lines the engine sends are new.

A place is given in the order of the engine, not by time alone: a line's own time, and how many lines
of its stream had that same time. So a clock that is set back loses nothing: what comes after the
place is new whatever its time says."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import lt
from typing import Final

import msgspec

OVERLAP_NS: Final = 2 * 10**9
"""Read again from so long before the place: the two streams may arrive some ms out of order."""

WINDOW_LINES: Final = 16_384

UNREADABLE: Final = "unreadable"
"""Instead of the time of an exit: the engine cannot give the log of this container."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The last line of one stream that was handed in: its time, how many lines of the stream had
    that time so far, and the largest time of all."""

    last_ns: int
    count: int
    most_ns: int

    def after(self, times_ns: Sequence[int]) -> Mark:
        """The mark when these lines were handed in, too."""
        if not times_ns:
            return self
        last_ns = times_ns[-1]
        count = 0
        for time_ns in reversed(times_ns):
            if time_ns != last_ns:
                break
            count += 1
        if count == len(times_ns) and last_ns == self.last_ns:
            count += self.count
        latest_ns = max(times_ns)
        return Mark(last_ns, count, max(self.most_ns, latest_ns))


NO_MARK: Final = Mark(0, 0, 0)


class _Stored(msgspec.Struct, omit_defaults=True):
    """The checkpoint `docker:{container id}` as JSON."""

    from_ns: int
    streams: dict[str, Mark] = {}
    name: str = ""
    image: str = ""
    finished: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container's log was read to.

    from_ns: time of the line read last; 0: nothing was read, begin at the log's start; None: first
    sight, begin with the last lines. marks: by stream. finished: the exit up to which all was read,
    as the engine writes its time."""

    from_ns: int | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)
    finished: str = ""

    @property
    def since_ns(self) -> int | None:
        """Where to begin to read again; None: at the start (or with the last lines)."""
        return self.from_ns - OVERLAP_NS if self.from_ns else None

    def at(self, stream: str, mark: Mark, from_ns: int) -> Place:
        """The place after lines of one stream."""
        return replace(self, from_ns=from_ns, marks={**self.marks, stream: mark}, finished="")

    @property
    def unreadable(self) -> Place:
        """This place in a log of which nothing can be read: then nothing of it is missed, either."""
        return replace(self, finished=UNREADABLE)

    def encode(self, *, name: str, image: str) -> bytes:
        """The checkpoint's bytes; name and image are for people who look at it."""
        stored = _Stored(self.from_ns or 0, dict(self.marks), name, image, self.finished)
        return msgspec.json.encode(stored)

    @classmethod
    def decode(cls, data: bytes) -> Place:
        """The place of a checkpoint. Raises ValueError when it is none."""
        return Kept.decode(data).place


@dataclass(frozen=True, slots=True)
class Kept:
    """What the checkpoint of a container tells: also when the engine has forgotten it."""

    place: Place
    name: str
    image: str

    @classmethod
    def decode(cls, data: bytes) -> Kept:
        """Raises ValueError when it is no checkpoint of a container."""
        stored = msgspec.json.decode(data, type=_Stored)
        place = Place(stored.from_ns, stored.streams, stored.finished)
        return cls(place, stored.name, stored.image)


FROM_START: Final = Place(from_ns=0)
FIRST_SIGHT: Final = Place(from_ns=None)


class Resume:
    """After a reconnect: passes over the lines of a stream that were handed in already."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._seen = 0
        self.done = False
        self.lost = False
        """The last line handed in did not come again: lines after it may be missing, too."""

    def first_new(self, times_ns: Sequence[int]) -> int:
        """The position of the first new line."""
        mark = self._mark
        for at, time_ns in enumerate(times_ns):
            if time_ns == mark.last_ns:
                self._seen += 1
                if self._seen == mark.count:
                    self.done = True
                    return at + 1
            elif time_ns > mark.most_ns:
                self.done = self.lost = True
                return at
        return len(times_ns)


class Window:
    """The last WINDOW_LINES lines of a stream, to know again what the engine repeats.

    Engine 20.10 sends the head of a json-file log twice when it was rotated under a follower. A line
    is a repeat when its stream, time and text were there lately and its time is not later than that
    of the line before. Kept as arrays, and searched only when a time does not grow: no cost a line."""

    def __init__(self) -> None:
        self._kept: deque[tuple[array[int], array[int]]] = deque()
        self._size = 0
        self._last_ns = 0
        self._known: set[tuple[int, int]] | None = None
        self.repeats = 0

    def fresh(self, times_ns: Sequence[int], lines: Sequence[bytes]) -> list[int] | None:
        """Positions of the lines that are no repeats; None: all of them. Remembers them."""
        if not times_ns:
            return None
        if times_ns[0] > self._last_ns and all(map(lt, times_ns, islice(times_ns, 1, None))):
            self._keep(array("q", times_ns), array("q", map(hash, lines)))
            return None
        if self._known is None:
            self._known = {pair for kept in self._kept for pair in zip(*kept, strict=True)}
        fresh: list[int] = []
        known, last_ns = self._known, self._last_ns
        for at, time_ns in enumerate(times_ns):
            key = (time_ns, hash(lines[at]))
            if time_ns <= last_ns and key in known:
                continue
            known.add(key)
            last_ns = time_ns
            fresh.append(at)
        self.repeats += len(times_ns) - len(fresh)
        if fresh:
            self._keep(
                array("q", [times_ns[at] for at in fresh]), array("q", [hash(lines[at]) for at in fresh])
            )
        self._known = None
        return fresh

    def _keep(self, times_ns: array[int], hashes: array[int]) -> None:
        self._kept.append((times_ns, hashes))
        self._size += len(times_ns)
        self._last_ns = times_ns[-1]
        while self._size - len(self._kept[0][0]) >= WINDOW_LINES:
            self._size -= len(self._kept.popleft()[0])
