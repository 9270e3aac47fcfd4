"""Containers that were removed before their log was read: nothing can read it any more, so it is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hantu.collect.docker_engine import Event
from hantu.collect.docker_place import Kept
from hantu.model import DOCKER, LogEntry, LogLevel, Metadata

REMOVED: Final = "lines may be missing here: the container was removed before all of its log was read"


@dataclass(frozen=True, slots=True)
class Missed:
    """A container whose last lines were not read; they are of from_ns ≤ time ≤ to_ns."""

    container_id: str
    name: str
    image: str
    from_ns: int
    to_ns: int

    def entry(self) -> LogEntry:
        """What stands at that place in the container's timeline."""
        told = {"from_ns": self.from_ns, "to_ns": self.to_ns, "reason": REMOVED, "lines": None}
        metadata: Metadata = {"container_id": self.container_id[:12], "image": self.image, "gap": told}
        return LogEntry(DOCKER, self.name, LogLevel.WARN, REMOVED, self.to_ns, metadata)


def missed(
    gone: Mapping[str, Kept],
    there: Collection[str],
    events: Sequence[Event],
    *,
    watched_ns: int,
    now_ns: int,
    wants: Callable[[str, str], bool],
) -> Iterator[Missed]:
    """The containers that lived unseen after watched_ns, and are there no more.

    gone: what is kept of each by its id; there: ids that the engine has. events: what the engine
    remembers of the time since; it keeps some 256, and none over its own restart."""
    past: dict[str, list[Event]] = {}
    for event in events:
        if event.time_ns > watched_ns:
            past.setdefault(event.container_id, []).append(event)
    for container_id, kept in gone.items():
        own = past.get(container_id, [])
        if kept.place.finished and not _started(own):
            continue
        name = kept.name or container_id[:12]
        if wants(container_id, name):
            from_ns = kept.place.from_ns or watched_ns
            yield Missed(container_id, name, kept.image, from_ns, _until(own, from_ns, now_ns))
    for container_id, own in past.items():
        starts = _started(own)
        if not starts or container_id in there or container_id in gone:
            continue
        name = own[-1].name
        if wants(container_id, name):
            from_ns = starts[0].time_ns
            yield Missed(container_id, name, own[-1].image, from_ns, _until(own, from_ns, now_ns))


def _started(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.action == "start"]


def _until(events: Sequence[Event], from_ns: int, now_ns: int) -> int:
    """After its last end a container writes nothing; without a word of that, until now."""
    removed = [event.time_ns for event in events if event.action == "destroy"]
    died = [event.time_ns for event in events if event.action == "die"]
    return max(from_ns, max(died, default=max(removed, default=now_ns)))
