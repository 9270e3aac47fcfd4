"""Which errors are told now and which are only counted, agreed between processes by one small file.

An error that was told is quiet for the cooldown; its repeats are counted, and the count is told at the
cooldown's end by whichever process looks first."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from hantu.boot import boot_id

try:
    import fcntl
except ImportError:  # no such thing as flock here: each process counts on its own
    fcntl = None  # type: ignore[assignment]  # tested wherever it is used

FILE_NAME: Final = ".hantu-alerts.json"
LOCK_NAME: Final = ".hantu-alerts.lock"
_VERSION: Final = 1
_ENTRIES_MOST: Final = 2_000
_FILE_BYTES_MOST: Final = 8 << 20
LOCK_WAIT_S: Final = 1.5
"""Less than the 2 s within which an error is told, however many processes want the file."""
_LOCK_LOOK_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Quiet:
    """An error that was told, quiet until a time of the monotonic clock, with its repeats since.

    subject: what is needed to tell of the repeats later, maybe from another process."""

    until_s: float
    count: int
    first_ns: int
    last_ns: int
    subject: dict[str, str]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Equal errors that came at about the same time: how many, from when to when."""

    key: str
    count: int
    first_ns: int
    last_ns: int
    subject: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to tell. now: the keys to tell in full, each with the repeats that no one was told of (those
    of before; without a cooldown those that came together). ended: errors whose cooldown ended with
    repeats. next_s: when to look again by the clock."""

    now: dict[str, Quiet | None]
    ended: tuple[Quiet, ...]
    next_s: float | None


class Cooldown:
    """The cooldowns of all processes that share `folder`; folder None or unusable: of this one alone.

    clock: seconds of a clock that never jumps and that all processes of the machine share. lock_wait_s:
    how long to wait for the others; then this decision is made without them."""

    def __init__(
        self,
        folder: Path | None,
        *,
        cooldown_s: float,
        clock: Callable[[], float] = time.monotonic,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self._folder = folder
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._lock_wait_s = lock_wait_s
        self._own: dict[str, Quiet] = {}
        self._boot = boot_id()

    def __len__(self) -> int:
        """Errors that are quiet now, as far as this process knows without the file."""
        return len(self._own)

    def rule(self, occurrences: Iterable[Occurrence], *, anew: Collection[str] = ()) -> Ruling:
        """Decide on these errors, and on those whose cooldown has ended; anew: keys whose cooldown ends
        now."""
        with self._entries() as entries:
            now_s = self._clock()
            for key in anew:
                if key in entries:
                    entries[key] = replace(entries[key], until_s=now_s)
            ended = _end(entries, now_s)
            tell: dict[str, Quiet | None] = {}
            for each in occurrences:
                quiet = entries.get(each.key)
                if quiet is not None:
                    entries[each.key] = _counted(quiet, each)
                    continue
                tell[each.key] = ended.pop(each.key, None)
                # The first of several is told, the others are its repeats.
                more = replace(each, count=each.count - 1)
                fresh = self._fresh(now_s, each.subject)
                entries[each.key] = _counted(fresh, more) if more.count else fresh
                if self._cooldown_s <= 0 and more.count:
                    tell[each.key] = entries[each.key]
            for key, quiet in ended.items():
                entries[key] = self._fresh(now_s, quiet.subject)
            if self._cooldown_s <= 0:
                entries.clear()
            ended |= _bound(entries)
            next_s = min((quiet.until_s for quiet in entries.values()), default=None)
            return Ruling(tell, tuple(ended.values()), next_s)

    def saved(self) -> dict[str, Any]:
        """What this process alone knows, as plain JSON values, for restore()."""
        return _content(self._boot, self._own)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on where saved() was; after another start of the machine every cooldown is over.

        Raises KeyError, TypeError or ValueError when `saved` is no such thing."""
        now_s = self._clock()
        latest_s = now_s + self._cooldown_s if saved["boot"] == self._boot else now_s
        self._own = {
            str(key): _quiet(value, latest_s=latest_s) for key, value in dict(saved["entries"]).items()
        }

    def left_behind(self) -> bool:
        """Whether there is a file of cooldowns, which may hold repeats that nobody has told of."""
        return self._folder is not None and os.path.exists(self._folder / FILE_NAME)

    def _fresh(self, now_s: float, subject: dict[str, str]) -> Quiet:
        return Quiet(now_s + self._cooldown_s, 0, 0, 0, subject)

    @contextlib.contextmanager
    def _entries(self) -> Iterator[dict[str, Quiet]]:
        """The entries, to be changed in place; written back at the end when they are shared."""
        with self._locked() as shared:
            if not shared:
                yield self._own
                return
            entries = self._read()
            before = dict(entries)
            # What this process decided while the file could not be used holds as well.
            for key, quiet in self._own.items():
                entries[key] = _merged(entries.get(key), quiet)
            yield entries
            if entries != before and not self._write(entries):
                self._own = entries
                return
            self._own = {}

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether this process has the file to itself, waiting for that a moment at most."""
        handle = self._open_lock()
        try:
            yield handle is not None and _lock(handle, self._lock_wait_s)
        finally:
            if handle is not None:
                # Closing lets go of the lock.
                os.close(handle)

    def _open_lock(self) -> int | None:
        if self._folder is None or fcntl is None:
            return None
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._folder / LOCK_NAME, flags, 0o600)
        except OSError:
            return None

    def _read(self) -> dict[str, Quiet]:
        """The entries of the file; none when it is missing, damaged, or of another start of the machine."""
        assert self._folder is not None  # noqa: S101  only called under the lock in that folder
        try:
            with (self._folder / FILE_NAME).open("rb") as file:
                found = json.loads(file.read(_FILE_BYTES_MOST))
            if found["version"] != _VERSION or found["boot"] != self._boot:
                return {}
            latest_s = self._clock() + self._cooldown_s
            return {
                str(key): _quiet(value, latest_s=latest_s) for key, value in dict(found["entries"]).items()
            }
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}

    def _write(self, entries: Mapping[str, Quiet]) -> bool:
        assert self._folder is not None  # noqa: S101  only called under the lock in that folder
        content = _content(self._boot, entries)
        path = self._folder / FILE_NAME
        beside = path.with_suffix(".new")
        try:
            handle = os.open(
                beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            with open(handle, "wb") as file:
                file.write(json.dumps(content, ensure_ascii=True).encode())
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            return False
        return True


def _content(boot: str, entries: Mapping[str, Quiet]) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "boot": boot,
        "entries": {key: asdict(quiet) for key, quiet in entries.items()},
    }


def _end(entries: dict[str, Quiet], now_s: float) -> dict[str, Quiet]:
    """Take out what is over; gives those of them with repeats."""
    over = {key: quiet for key, quiet in entries.items() if quiet.until_s <= now_s}
    for key in over:
        del entries[key]
    return {key: quiet for key, quiet in over.items() if quiet.count}


def _quiet(value: Mapping[str, Any], *, latest_s: float) -> Quiet:
    """One entry of the file. A cooldown cannot last longer than one that begins now."""
    return Quiet(
        min(float(value["until_s"]), latest_s),
        int(value["count"]),
        int(value["first_ns"]),
        int(value["last_ns"]),
        {str(name): str(text) for name, text in dict(value["subject"]).items()},
    )


def _counted(quiet: Quiet, more: Occurrence) -> Quiet:
    first_ns = min(quiet.first_ns, more.first_ns) if quiet.count else more.first_ns
    return Quiet(
        quiet.until_s,
        quiet.count + more.count,
        first_ns,
        max(quiet.last_ns, more.last_ns),
        quiet.subject,
    )


def _merged(shared: Quiet | None, own: Quiet) -> Quiet:
    if shared is None:
        return own
    if not own.count:
        return replace(shared, until_s=max(shared.until_s, own.until_s))
    more = Occurrence("", own.count, own.first_ns, own.last_ns, own.subject)
    return replace(_counted(shared, more), until_s=max(shared.until_s, own.until_s))


def _bound(entries: dict[str, Quiet]) -> dict[str, Quiet]:
    """Keep the file small: those without repeats that end first go first. Gives those with repeats that
    went, to be told now."""
    gone: dict[str, Quiet] = {}
    if len(entries) > _ENTRIES_MOST:
        order = sorted(entries, key=lambda key: (entries[key].count > 0, entries[key].until_s))
        for key in order[: len(entries) - _ENTRIES_MOST]:
            gone[key] = entries.pop(key)
    return {key: quiet for key, quiet in gone.items() if quiet.count}


def _lock(handle: int, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(_LOCK_LOOK_S)
        except OSError:
            return False
        else:
            return True
