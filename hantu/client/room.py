"""How many errors may wait to be delivered (CONTRACT M64)."""

from __future__ import annotations

from dataclasses import dataclass

from hantu.client.health import Fault, Health


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait: `first` records, doubled each time it is full up to `most`, and bytes_most."""

    first: int = 1_000
    most: int = 16_000
    bytes_most: int = 64 << 20


class Capacity:
    """The room that there is now. Threads may ask at once: a few too many then get in."""

    def __init__(self, room: Room, health: Health) -> None:
        self._room = room
        self._health = health
        self.records = room.first
        self.grew = False

    def allows(self, waiting: int, size_bytes: int) -> bool:
        """Whether one more may wait. A room that is full grows, and `grew` asks for a flush at once."""
        if waiting < self.records and size_bytes < self._room.bytes_most:
            return True
        if waiting >= self._room.most or size_bytes >= self._room.bytes_most:
            return False
        self.records = min(self.records * 2, self._room.most)
        self._health.fault(
            Fault.QUEUE,
            f"{waiting} errors wait to be stored; the queue is flushed and has room for {self.records}",
        )
        self.grew = True
        return True

    def overflowed(self, dropped: int) -> None:
        """Tell that a record found no room."""
        self._health.fault(
            Fault.QUEUE, f"the queue is full; {dropped} errors are in the local file only so far"
        )

    def relaxed(self, waiting: int) -> None:
        """Tell how many wait after some were delivered: soon the room is as it was in the beginning."""
        if waiting < self._room.first // 2:
            self.records = self._room.first
            self._health.cleared(Fault.QUEUE)
