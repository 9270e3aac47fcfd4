"""Rounds: a turn of every file, again and again, without a thread of its own."""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final

from msgspec.structs import replace

from hantu.collect.files.bounds import ClockFalls
from hantu.collect.files.gathered import Gathered
from hantu.collect.files.globs import Folders
from hantu.collect.files.ledger import Common, Patience
from hantu.collect.files.logfile import MakeParser
from hantu.collect.files.logpath import LogPath
from hantu.collect.files.mark import PREFIX, FileMark, decode_mark, label
from hantu.collect.files.opening import trouble
from hantu.collect.files.rotation import rotation_number
from hantu.collect.files.watch import Watch
from hantu.formats.parser import LineParser
from hantu.model import APP
from hantu.pipeline import Pipeline, Rewind, Submission
from hantu.store.base import LogStorage, WriteResult

log = logging.getLogger(__name__)

OWN_PREFIX: Final = f"{PREFIX}#"
"""Checkpoints of the rounds themselves; those of files have a path here, which begins with a slash."""
SCANNED: Final = f"{OWN_PREFIX}scanned"
SEEN_PREFIX: Final = f"{OWN_PREFIX}seen:"
CLOCK: Final = f"{OWN_PREFIX}clock"
HAND_IN_ENTRIES: Final = 1_000
SCANNED_EVERY_NS: Final = 60_000_000_000
ABSENT_S: Final = 3_600.0
BEGIN_S: Final = 0.5
"""So long a round sees to paths that are new: those that are known have their turn meanwhile."""
OPEN_SHARE: Final = 0.5
"""Of the files that a process may have open; beyond that those are closed that rest for longest."""


class Rounds:
    """Reads the files of the patterns it is told, a chunk of each in turn, and hands their entries in.

    All methods but those that the pipeline calls belong to one thread. clock_s: seconds that pass.
    begun: every path had a turn."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: LogStorage,
        *,
        patience: Patience | None = None,
        make_parser: MakeParser | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._scan_stored_ns = 0
        self._sent = 0
        self._settled_to = 0
        self._unsettled = 0
        self._epoch = 0
        self._out = Gathered()
        self._paths: dict[str, tuple[LogPath, Watch]] = {}
        self._marks: dict[str, FileMark] = {}
        self._own: dict[str, bytes] = {}
        self._folders = Folders()
        self._clock_falls = ClockFalls()
        self._open_most = int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * OPEN_SHARE)
        self.begun = False
        self._common = Common(make_parser or _line_parser, patience or Patience(), self._settled)

    def limit_open(self, most: int) -> None:
        """Keep so many files open at most, instead of half of what the system allows."""
        self._open_most = most

    def load(self, stop: threading.Event) -> None:
        """Read the stored checkpoints, once what was handed in before has been answered."""
        while self._unsettled and not stop.is_set():
            stop.wait(0.01)
        self._epoch = self._pipeline.epoch
        self._out = Gathered()
        self._marks = {}
        self._own = {}
        self._scan_stored_ns = 0
        for name, raw in self._store.checkpoints(PREFIX).items():
            if name.startswith(OWN_PREFIX):
                self._own[name] = raw
            elif (mark := decode_mark(name, raw)) is not None:
                self._marks[name] = mark
        self._clock_falls.load(self._own.get(CLOCK))
        self._look_at_clock()

    def rewind(self, stop: threading.Event) -> None:
        """The store failed: everything goes back to what is stored."""
        own = self._own
        self.load(stop)
        for name, raw in own.items():
            if name not in self._own:
                self._own[name] = self._out.checkpoints[name] = raw
        for path, _ in self._paths.values():
            path.rewind(self._marks, self._out)

    def round(self, stop: threading.Event, watches: Sequence[Watch]) -> bool:
        """A turn of each path; True when there is more to read at once.

        Raises Rewind when the store has failed, PipelineStopped."""
        if self._pipeline.epoch != self._epoch:
            raise Rewind
        # Before anything is read that was written since it was set.
        self._look_at_clock()
        self._common.listings.forget()
        busy = False
        self.begun = True
        parked = 1
        begin_until_s = time.monotonic() + BEGIN_S
        open_files = sum(len(path.files) for path, _ in self._paths.values())
        for path, _ in list(self._paths.values()):
            if path.unchanged():
                continue
            if stop.is_set():
                self.begun = False
                return False
            full = not path.files and open_files >= self._open_most
            if full and parked:
                parked = self.park()
                open_files -= parked
                full = not parked
            late = not path.begun and time.monotonic() > begin_until_s
            if full or late:
                self.begun &= path.begun
                busy |= late
                continue
            open_files -= len(path.files)
            now_s = self._clock_s()
            try:
                busy |= path.turn(self._out, time.time_ns(), now_s)
            except OSError as error:
                path.rest(trouble(path.path, error), now_s)
            open_files += len(path.files)
            if len(self._out.entries) >= HAND_IN_ENTRIES and not self._hand_in(stop.is_set):
                return False
        for watch in watches if self.begun else ():
            # Only now: the marks of all that was there at first sight go before it or with it.
            self._note(SEEN_PREFIX + watch.glob.pattern, b"1")
        self._hand_in(stop.is_set)
        return busy

    def park(self) -> int:
        """Close files to which nothing was written for longest; how many."""
        resting = sorted((path for path, _ in self._paths.values() if path.files), key=_rested_s)
        parked = (path for path in resting if path.park(self._out))
        return sum(1 for _ in islice(parked, max(1, len(resting) // 4)))

    def _look_at_clock(self) -> None:
        """When the clock was set back: what comes is older than what was."""
        moment, bound_ns = self._clock_falls.look()
        if moment is None:
            return
        self._own[CLOCK] = self._out.checkpoints[CLOCK] = moment.encode()
        if bound_ns is None:
            return
        log.info("the clock was set back; rotated files are told apart by the clock as it is now")
        self._scan_stored_ns = 0
        if int(self._own.get(SCANNED, b"0")) > bound_ns:
            self._own[SCANNED] = self._out.checkpoints[SCANNED] = b"%d" % bound_ns
        followed = {path.label for path, _ in self._paths.values()}
        for name, mark in self._marks.items():
            if mark.mtime_ns > bound_ns and mark.path not in followed:
                self._marks[name] = lowered = replace(mark, mtime_ns=bound_ns)
                self._out.checkpoints[name] = lowered.encode()
        for path, _ in self._paths.values():
            path.lower(bound_ns, self._out)

    def _note(self, name: str, value: bytes) -> None:
        if name not in self._own:
            self._own[name] = self._out.checkpoints[name] = value

    def _hand_in(self, stopping: Callable[[], bool]) -> bool:
        """Submit what was gathered; False when stopping came first: then it is read again later."""
        out = self._out
        if not out:
            return True
        self._sent += 1
        number = self._sent
        checkpoints = out.marks()
        with self._lock:
            self._unsettled += 1
        handed = False
        try:
            handed = self._pipeline.submit(
                Submission(
                    out.entries, checkpoints, epoch=self._epoch, settled=partial(self._settle, number)
                ),
                stopping=stopping,
            )
        finally:
            if not handed:
                with self._lock:
                    self._unsettled -= 1
        if not handed:
            return False
        for file in out.files:
            file.submitted = number
        for name, raw in checkpoints.items():
            if name.startswith(OWN_PREFIX):
                continue
            mark = decode_mark(name, raw) if raw is not None else None
            if mark is None:
                self._marks.pop(name, None)
            else:
                self._marks[name] = mark
        now_ns = time.time_ns()
        for watch_meter, entries in out.metered:
            watch_meter.add(entries, now_ns)
        self._out = Gathered()
        return True

    def _settle(self, number: int, _result: WriteResult | None) -> None:
        with self._lock:
            self._unsettled -= 1
            self._settled_to = max(self._settled_to, number)

    def _settled(self) -> int:
        """The number of the last submission that is stored for sure."""
        number = self._settled_to
        # A failed commit raises the epoch before it is answered.
        return number if self._pipeline.epoch == self._epoch else -1

    def close(self) -> None:
        """Let go of everything. What was gathered and not handed in is read again at the next start."""
        for path, watch in self._paths.values():
            path.close()
            watch.ended.set()
        self._paths = {}
        self._common.claims.clear()

    # Which paths there are.

    def scan(self, watches: Sequence[Watch]) -> None:
        """Look which paths there are."""
        self._look_at_clock()
        now_s = self._clock_s()
        scanned_ns = time.time_ns()
        self._common.roots = tuple(sorted({watch.glob.real_root for watch in watches}))
        self._leave(watches)
        found: dict[str, Watch] = {}
        for watch in watches:
            for path in watch.glob.find(self._folders):
                found.setdefault(path, watch)
            for mark in self._marks.values():
                if (
                    mark.path not in self._paths
                    and mark.path not in found
                    and watch.glob.matches(mark.path)
                ):
                    found[mark.path] = watch
        self._drop_absent(found, now_s)
        new = {path: watch for path, watch in found.items() if path not in self._paths}
        names = _by_folder([*found, *self._paths]) if new else {}
        before_ns = int(self._own.get(SCANNED, b"0"))
        marks: dict[str, list[FileMark]] | None = None
        for path, watch in new.items():
            if _rotated_from(path, names):
                continue
            marks = marks if marks is not None else _by_path(self._marks.values())
            known = SEEN_PREFIX + watch.glob.pattern in self._own
            self._paths[path] = (
                LogPath(
                    path,
                    watch.meter,
                    self._common,
                    begin=watch.begin,
                    since_ns=before_ns if known else None,
                    marks=marks.get(label(path), ()),
                    fits=partial(_fits, watches),
                ),
                watch,
            )
        # Stored seldom: it only bounds how far back a path that is new after a pause may go.
        if scanned_ns - self._scan_stored_ns > SCANNED_EVERY_NS:
            self._out.checkpoints[SCANNED] = b"%d" % scanned_ns
            if self._clock_falls.seen is not None:
                self._own[CLOCK] = self._out.checkpoints[CLOCK] = self._clock_falls.seen.encode()
            self._scan_stored_ns = scanned_ns
        self._own[SCANNED] = b"%d" % scanned_ns

    def show(self, watches: Sequence[Watch]) -> None:
        """Tell each pattern how its paths are doing; whether anything is there is known after a round."""
        for watch in watches:
            watch.show([path for path, of in self._paths.values() if of is watch], self._folders)

    def _leave(self, watches: Sequence[Watch]) -> None:
        """Close the files of patterns that are no longer watched."""
        for name, (path, watch) in list(self._paths.items()):
            if watch not in watches:
                path.close()
                del self._paths[name]

    def _drop_absent(self, found: dict[str, Watch], now_s: float) -> None:
        """Forget paths at which nothing has been for long."""
        for name, (path, _) in list(self._paths.items()):
            if path.there or path.files:
                path.absent_s = 0.0
            elif not path.absent_s:
                path.absent_s = now_s
            elif now_s - path.absent_s > ABSENT_S:
                path.close()
                del self._paths[name]
                found.pop(name, None)
                for mark in path.closed.values():
                    self._out.checkpoints[mark.name] = None
                    self._marks.pop(mark.name, None)


def _rested_s(path: LogPath) -> float:
    return path.rested_s


def _line_parser(source_id: str) -> LineParser:
    return LineParser(source=APP, source_id=source_id)


def _fits(watches: Sequence[Watch], path: str) -> bool:
    return any(watch.glob.matches(path) for watch in watches)


def _by_folder(paths: Iterable[str]) -> dict[str, set[str]]:
    folders: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        folders.setdefault(folder, set()).add(name)
    return folders


def _rotated_from(path: str, names: dict[str, set[str]]) -> bool:
    """Whether `path` is a rotated name of another path: its lines are read as that one's.

    Only names with something behind the whole other name count: `app.log.1` beside `app.log`."""
    folder, name = os.path.split(path)
    beside = names[folder]
    return any(name[:end] in beside and rotation_number(name, name[:end])[0] for end in range(1, len(name)))


def _by_path(marks: Iterable[FileMark]) -> dict[str, list[FileMark]]:
    grouped: dict[str, list[FileMark]] = {}
    for mark in marks:
        grouped.setdefault(mark.path, []).append(mark)
    return grouped
