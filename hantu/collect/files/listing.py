"""Listings: what lies in a folder, asked for once by all paths that look at the same time."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Final

_TRIES: Final = 10
_TICK_NS: Final = 12_000_000


class Listing:
    """The regular files of a folder: name → inode. changed_ns: when the folder changed last."""

    def __init__(self, changed_ns: int, names: dict[str, int]) -> None:
        self.changed_ns = changed_ns
        self.names = names

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.names)

    @cached_property
    def _by_inode(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        for name, inode in self.names.items():
            found[inode].append(name)
        return found

    def beginning(self, start: str) -> Iterator[str]:
        """The names that begin with `start`."""
        names = self._sorted
        for at in range(bisect_left(names, start), len(names)):
            if not names[at].startswith(start):
                return
            yield names[at]

    def with_inode(self, inode: int) -> list[str]:
        """The names of a file."""
        return self._by_inode.get(inode, [])


class Listings:
    """Lists folders; one that did not change since is not listed again.

    Paths of one folder would each list it: with 2,000 files in it that took 13 s, with 10,000 minutes."""

    def __init__(self) -> None:
        self._known: dict[str, Listing] = {}

    def list(self, folder: str) -> Listing:
        """What lies in `folder`, which is listed again when it changes meanwhile: a rename during a
        listing can hide a file."""
        listing = self._known.get(folder)
        if listing is not None and changed_ns(folder) == listing.changed_ns:
            return listing
        listing, settled = _list(folder)
        if settled:
            self._known[folder] = listing
        else:
            self._known.pop(folder, None)
        return listing

    def forget(self) -> None:
        """Let go of what was listed."""
        self._known.clear()


def changed_ns(folder: str) -> int:
    """When something was added to, removed from or renamed in the folder; 0 when it is not there."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _list(folder: str) -> tuple[Listing, bool]:
    """The listing, and whether nothing changed while it was made."""
    names: dict[str, int] = {}
    before_ns = 0
    for _ in range(_TRIES):
        before_ns = changed_ns(folder)
        # Two changes within one tick of the clock have the same time: let the tick pass.
        age_ns = time.time_ns() - before_ns
        if 0 <= age_ns < _TICK_NS:
            time.sleep((_TICK_NS - age_ns) / 1e9)
        try:
            with os.scandir(folder) as found:
                names = {
                    entry.name: entry.inode() for entry in found if entry.is_file(follow_symlinks=False)
                }
        except OSError:
            return Listing(before_ns, {}), False
        if changed_ns(folder) == before_ns:
            return Listing(before_ns, names), True
    return Listing(before_ns, names), False
