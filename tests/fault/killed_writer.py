"""A process that writes numbered lines until something ends it, and tells what was acknowledged."""

from __future__ import annotations

import os
import select
import signal
import struct
import traceback
from pathlib import Path

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import StoreError
from hantu.store.sqlite import SqliteStore
from tests.store.made import entry, many

READER = "reader"
_ACK = struct.Struct("<qq")


def pushed(number: int) -> LogEntry:
    """What a program sends by itself, with an id of its own: sent again it is not stored again."""
    return entry(f"push {number}", source="app", source_id="shop", event_id=number.to_bytes(16))


class Writer:
    """Reads lines on from its checkpoint, without durability, and pushes some, durably.

    read, sent: acknowledged so far, as the process told when it was last asked."""

    def __init__(self, path: Path) -> None:
        self.read = 0
        self.sent = 0
        self._told, telling = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            # Nothing of pytest's may run here, whatever happens.
            try:
                _write_for_ever(path, telling, self.sent)
            except StoreError:
                pass
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(telling)

    def wait(self, commits: int) -> None:
        """Wait until so many commits were acknowledged."""
        for _ in range(commits):
            found = os.read(self._told, _ACK.size)
            if len(found) < _ACK.size:
                return
            self.read, self.sent = _ACK.unpack(found)

    def catch_up(self) -> None:
        """Hear every commit that was acknowledged until now."""
        while select.select([self._told], [], [], 0)[0]:
            found = os.read(self._told, _ACK.size)
            if len(found) < _ACK.size:
                return
            self.read, self.sent = _ACK.unpack(found)

    def end(self) -> None:
        """SIGKILL; then what it had told before is known."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        while len(found := os.read(self._told, _ACK.size)) == _ACK.size:
            self.read, self.sent = _ACK.unpack(found)
        os.close(self._told)


def _write_for_ever(path: Path, telling: int, sent: int) -> None:
    store = SqliteStore.open(path, seal_entries=1_500)
    at = int(store.checkpoint(READER) or 0)
    sent = sum(1 for _ in store.export(LogQuery(sources=("app",))))
    for turn in range(1 << 30):
        size = 1 + (at * 31 + turn) % 199
        store.write_batch(many(size, first=at), {READER: b"%d" % (at + size)})
        at += size
        if turn % 3 == 0:
            store.write_batch([pushed(sent)], durable=True)
            sent += 1
        os.write(telling, _ACK.pack(at, sent))


def numbers(store: SqliteStore, source: str) -> list[int]:
    """The numbers of what is stored of a source, in order of arrival."""
    found = store.export(LogQuery(sources=(source,), order=Order.OLDEST))
    return [int(each.message.split()[1]) for each in sorted(found, key=lambda each: each.key)]
