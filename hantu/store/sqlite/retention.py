"""Deleting old entries, and the daily work that keeps the file small and sound. All in slices."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final

import apsw

from hantu.store.base import MaintenanceReport, Removal, StoreError
from hantu.store.keeping import Deadlines, Removable
from hantu.store.sqlite.batch import LEVEL_BITS
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import BUSY_MS, Damaged, Database, explain, failure
from hantu.store.sqlite.entries import EntryWriter
from hantu.store.sqlite.past import Past, Share
from hantu.store.sqlite.removing import Counted, Removing
from hantu.store.sqlite.sealing import Sealer
from hantu.store.sqlite.snapshot import Segment
from hantu.store.sqlite.word_index import WordIndex
from hantu.threads import Worker

SLICE_S: Final = 0.010
"""What one slice aims at: commits wait for it."""

COPY_BYTES: Final = 2 * 1024 * 1024
"""The WAL is copied back between slices when it is larger."""
TRUNCATE_TRIES: Final = 20

Pause = Callable[[], bool]

_DROP_STREAMS: Final = """
DELETE FROM stream
WHERE stream_no NOT IN (SELECT cell_no >> 3 FROM cell)
  AND stream_no NOT IN (SELECT value FROM json_each(?))
"""
_READ_REMOVALS: Final = """
SELECT at_ns, before_ns, entries, freed_bytes, reason, scope
FROM removal
ORDER BY removal_no DESC
LIMIT ?
"""
_ADD_REMOVAL: Final = """
INSERT INTO removal (at_ns, before_ns, entries, freed_bytes, reason, scope)
VALUES (?, ?, ?, ?, ?, ?)
"""
_CHECKED: Final = (
    "meta",
    "source",
    "stream",
    "hot",
    "event",
    "segment",
    "segment_column",
    "filter_row",
    "cell",
    "shape_lot",
    "checkpoint",
    "removal",
    "token",
    "error_logs",
    "error_group",
    "error_fingerprint",
    "error_event",
    "executions",
    "status_transitions",
    "artifacts",
)


class Stopped(Exception):
    """pause() said to stop early."""


class _Pace:
    """How much one slice should take on, so that it lasts about SLICE_S."""

    def __init__(self, size: int, most: int) -> None:
        self.size = size
        self._most = most
        self._began = time.monotonic()

    def begin(self) -> None:
        """A slice begins."""
        self._began = time.monotonic()

    def end(self) -> None:
        """It ended: the next one is smaller or larger."""
        took_s = max(time.monotonic() - self._began, 0.0005)
        self.size = max(16, min(self._most, int(self.size * min(2.0, max(0.25, SLICE_S / took_s)))))


class Retention:
    """Removes entries from a Database and gives their room back to the disk."""

    def __init__(self, database: Database, catalog: Catalog, writer: EntryWriter, sealer: Sealer) -> None:
        self._database = database
        self._catalog = catalog
        self._writer = writer
        self._sealer = sealer
        self._removing = Removing(database, catalog, sealer)
        self._copying: apsw.Connection | None = None

    def cleanup(
        self,
        deadlines: Deadlines,
        *,
        now_ns: int,
        reason: str,
        pause: Pause,
        removed: Callable[[int], None],
    ) -> None:
        """Delete entries whose time is over and shrink the file; tells removed() how many, slice by
        slice. Raises Stopped when pause() asks for it; what is gone by then is recorded."""
        size = self.file_bytes()
        gone: Counter[int] = Counter()
        try:
            with self._copying_apart():
                for many in self._delete(deadlines, pause):
                    gone += many
                    removed(many.total())
                if gone:
                    self._drop_streams()
                    if not deadlines.uniform:
                        self._removing.mend_newest(deadlines.newest_ns)
                    self.shrink(pause)
        finally:
            if gone:
                freed = max(0, size - self.file_bytes())
                self._record(
                    [
                        # Rules share segments: what each of them freed is known by their entries only.
                        Removal(
                            *(now_ns, deadlines.before_ns[rule], many, freed * many // gone.total()),
                            reason,
                            deadlines.scopes[rule],
                        )
                        for rule, many in sorted(gone.items())
                    ]
                )

    def removable(self, deadlines: Deadlines) -> tuple[Removable, ...]:
        """As LogStorage.removable."""
        gone: Counter[int] = Counter()
        with self._database.reading(None) as reader:
            past = Past(self._catalog, reader, deadlines)
            for segment in past.view.segments:
                gone += past.of_segment(segment)
            for batch in past.view.hot:
                gone += past.of_batch(batch)
        counts = (gone[rule] for rule in range(len(deadlines.scopes)))
        return tuple(map(Removable, deadlines.scopes, deadlines.keep_days, counts))

    def maintain(self, deadlines: Deadlines, *, now_ns: int, pause: Pause) -> MaintenanceReport:
        """As LogStorage.maintain."""
        size = self.file_bytes()
        gone = 0
        problems: list[str] = []

        def removed(many: int) -> None:
            nonlocal gone
            gone += many

        try:
            try:
                self.cleanup(deadlines, now_ns=now_ns, reason="age", pause=pause, removed=removed)
                if not gone:
                    with self._copying_apart():
                        self.shrink(pause)
            except Damaged as error:
                problems.append(str(error))
            problems += self.check(pause)
            problems += self._catalog.damage()
            problems += self._mend_words()
        except Stopped:
            pass
        return MaintenanceReport(gone, max(0, size - self.file_bytes()), tuple(problems))

    def spare_disk(self, *, scarce: bool) -> None:
        """As LogStorage.spare_disk."""
        self._database.spare_disk(scarce=scarce)
        if scarce:
            self._truncate_wal(lambda: False)

    def shrink(self, pause: Pause) -> None:
        """Forget unused shapes, then give free pages back."""
        self._drop_shapes(pause)
        self._vacuum(pause)
        self._truncate_wal(pause)

    @contextmanager
    def _copying_apart(self) -> Iterator[None]:
        """Copy the WAL back between slices, on a connection of its own, which holds up nobody.

        Left to commits, those that copied took 20 to 50 ms, and so long everybody else waited."""
        with self._database.holding() as connection:
            connection.wal_autocheckpoint(0)
        try:
            with closing(self._database.connect_reader()) as self._copying:
                yield
        except apsw.Error as error:
            raise failure(error, self._database.path) from error
        finally:
            self._copying = None
            with suppress(StoreError), self._database.holding() as connection:
                connection.wal_autocheckpoint(self._database.wal_pages)

    def _breathe(self, pause: Pause) -> None:
        """Between two slices: others come first, and what was written is copied back."""
        if self._database.wal_bytes > COPY_BYTES:
            self._copy_back()
        if pause():
            raise Stopped

    def _copy_back(self) -> None:
        if self._copying is not None:
            # What fails here is tried again at the end, and told then.
            with suppress(apsw.Error):
                self._copying.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def removals(self, most: int) -> tuple[Removal, ...]:
        """As LogStorage.removals."""
        with self._database.reading(None) as reader:
            return tuple(Removal(*row) for row in reader.rows(_READ_REMOVALS, (most,)))

    def check(self, pause: Pause) -> list[str]:
        """Look for damage on a reading connection; pause() is called all the time meanwhile."""
        checking = _Check(self._database)
        worker = Worker("store-check", checking.body)
        worker.start()
        stopped = False
        while not worker.join(SLICE_S):
            if not stopped and pause():
                stopped = True
                worker.stop()
                checking.interrupt()
        if stopped:
            raise Stopped
        return checking.problems

    def _delete(self, deadlines: Deadlines, pause: Pause) -> Iterator[Counter[int]]:
        """Remove whole batches and segments, then write anew those of which something stays; yields how
        many entries of each rule went."""
        # Not by way of a segment: on a full disk there is no room for one.
        yield self._removing.drop_hot(deadlines)
        while self._past_is_hot(deadlines):
            self._sealer.seal()
            self._breathe(pause)
        whole, partly = self._past(deadlines)
        pace = _Pace(4, 64)
        while whole:
            lot, whole = whole[: pace.size], whole[pace.size :]
            pace.begin()
            yield self._removing.drop(lot)
            pace.end()
            self._breathe(pause)
        for run in partly:
            rest = run
            while rest:
                done, gone = self._removing.rewrite(rest, deadlines)
                rest = rest[done:]
                if gone:
                    yield gone
                self._breathe(pause)

    def _past_is_hot(self, deadlines: Deadlines) -> bool:
        with self._database.reading(None) as reader:
            past = Past(self._catalog, reader, deadlines)
            return any(past.of_batch(batch) for batch in past.view.hot)

    def _past(self, deadlines: Deadlines) -> tuple[list[Counted], list[list[Segment]]]:
        """The segments that go whole, with how many entries of each rule, and runs of those of which some
        may stay: each run follows one after the other once the others are gone."""
        whole: list[Counted] = []
        runs: list[list[Segment]] = [[]]
        with self._database.reading(None) as reader:
            past = Past(self._catalog, reader, deadlines)
            for segment in sorted(past.view.segments, key=lambda each: each.first_key):
                match past.share(segment):
                    case Share.ALL:
                        whole.append((segment, past.counted(segment)))
                    case Share.SOME:
                        runs[-1].append(segment)
                    case Share.NONE if runs[-1]:
                        runs.append([])
        return whole, [run for run in runs if run]

    def _drop_streams(self) -> None:
        with self._database.writing() as connection:
            hot = connection.execute("SELECT count(*) FROM hot").get
            view = self._catalog.newest()
            # A batch that the view does not know yet may have any stream: the next clean-up comes.
            if view is None or hot != len(view.hot):
                return
            numbers = {cell >> LEVEL_BITS for batch in view.hot for cell in batch.cells}
            connection.execute(_DROP_STREAMS, (json.dumps(sorted(numbers)),))
            self._writer.forget()

    def _drop_shapes(self, pause: Pause) -> None:
        """Forget the shapes that no segment uses."""
        self._removing.drop_shapes(lambda: self._breathe(pause))

    def _mend_words(self) -> list[str]:
        """Look at the index of words, and make it anew when it is damaged; what was wrong."""
        try:
            with self._database.reading(None) as reader:
                damage = self._catalog.shapes.search.check(WordIndex(reader))
        except StoreError as error:
            return [f"shape_word: {error}"]
        if damage is None:
            return []
        try:
            self._removing.index_words_anew()
        except StoreError as error:
            return [f"shape_word: {damage}; it could not be made anew: {error}"]
        return [f"shape_word: {damage}; it was made anew from the shapes, nothing is lost"]

    def _vacuum(self, pause: Pause) -> None:
        pace = _Pace(128, 8_192)
        while True:
            pace.begin()
            with self._database.writing() as connection:
                free = connection.pragma("freelist_count")
                # A page is freed each time the statement is stepped.
                for _ in connection.execute(f"PRAGMA incremental_vacuum({pace.size:d})"):
                    pass
                left = connection.pragma("freelist_count")
            pace.end()
            if not left or left >= free:
                return
            self._breathe(pause)

    def _truncate_wal(self, pause: Pause) -> None:
        """Empty the WAL, unless somebody reads or writes all the time: then a later commit copies it back.

        Waiting for readers holds up every commit, so it is done in slices, too: a `hantu sql` or an
        export beside the service stalled all for BUSY_MS."""
        for _ in range(TRUNCATE_TRIES):
            written = self._written()
            self._copy_back()
            if self._truncated(written):
                return
            self._breathe(pause)

    def _written(self) -> int:
        with self._database.holding() as connection:
            return connection.total_changes()

    def _truncated(self, written: int) -> bool:
        with self._database.holding() as connection:
            if connection.total_changes() != written:
                # What is not copied yet would be now, and synced twice: 20 to 60 ms for all who write.
                return False
            connection.set_busy_timeout(int(SLICE_S * 1000))
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                return False
            except apsw.Error as error:
                raise failure(error, self._database.path) from error
            finally:
                connection.set_busy_timeout(BUSY_MS)
            return True

    def _record(self, removals: Iterable[Removal]) -> None:
        with self._database.writing() as connection:
            connection.executemany(
                _ADD_REMOVAL,
                [
                    (each.at_ns, each.before_ns, each.entries, each.freed_bytes, each.reason, each.scope)
                    for each in removals
                ],
            )

    def file_bytes(self) -> int:
        """The size of the file once all is checkpointed."""
        with self._database.reading(None) as reader:
            return int(reader.value("PRAGMA page_count") * reader.value("PRAGMA page_size"))


class _Check:
    """SQLite's own check, table by table, so that no snapshot is held for long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: apsw.Connection | None = None
        self._lock = threading.Lock()
        self.problems: list[str] = []

    def interrupt(self) -> None:
        """End the statement that runs."""
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()

    def body(self, stop: threading.Event) -> None:
        """Check every table until told to stop."""
        try:
            connection = self._database.connect_reader()
        except apsw.Error as error:
            self.problems.append(explain(error, self._database.path))
            return
        with self._lock:
            self._connection = connection
        try:
            for table in _CHECKED:
                if stop.is_set():
                    return
                self._check(connection, table)
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def _check(self, connection: apsw.Connection, table: str) -> None:
        try:
            for (said,) in connection.execute(f"PRAGMA quick_check({table})"):
                if said != "ok":
                    self.problems.append(f"{table}: {said}")
        except apsw.InterruptError:
            return
        except apsw.Error as error:
            self.problems.append(f"{table}: {explain(error, self._database.path)}")
