"""What a snapshot of the file holds: its segments, its hot batches, the directories of its segments.

A View never changes; a Catalog keeps the newest one and brings it up to date with what a reader's
snapshot says, so that a query costs no look at what has not changed. Directories are read when a
query first needs them and are kept packed, 32 segments together, within DIRECTORY_BYTES."""

from __future__ import annotations

import logging
import threading
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from hantu.store.sqlite import plain_words, timeline
from hantu.store.sqlite.batch import BoolArray, Column, IntArray
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.directories import Directories
from hantu.store.sqlite.filter import Filter, look_up, row_of
from hantu.store.sqlite.frame import Decoded, Frame
from hantu.store.sqlite.grouping import Groups
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.hot_frames import HotFrames
from hantu.store.sqlite.kept import Kept
from hantu.store.sqlite.packing import unpack, unpack_row
from hantu.store.sqlite.plain_words import PlainWords, Words
from hantu.store.sqlite.shape_lots import unpack_lot
from hantu.store.sqlite.shapes import Shapes
from hantu.store.sqlite.snapshot import Bounds, Directory, Part, Segment, View, blocks_of
from hantu.store.sqlite.timeline import Timeline

log = logging.getLogger(__name__)

COLUMN_BITS: Final = 4
"""column_id = segment_no << COLUMN_BITS | column."""
PARTITION_BITS: Final = 6
"""row_id of a filter group = group_no << PARTITION_BITS | partition."""
FILTER_BYTES: Final = 4 * 1024 * 1024
"""Memory for filters that do not stand together yet, of the newest segments: some 45 kB each, all of which
a look for one token would read."""
DECODED_BYTES: Final = 8 * 1024 * 1024
"""Memory for segments that a page was read from, most often the newest ones, for the next page; some 3 MB
each. With 16 MB, words that stand in four segments are found 3 ms sooner the second time, and a service
with 2,000 lines a second has 9 MB more resident."""
PRESS_AFTER_NS: Final = 10**9
"""Live views read what is younger, and of very many lines most are sealed by then."""
OPEN_ENTRIES: Final = 1_000
"""So many stay at hand: pages of the newest are asked for most."""
DECODED_S: Final = 15.0
"""Under load other segments are the newest soon; to decode one again takes less than a millisecond."""
DECODED_STAYS_S: Final = 0.1
"""What one search needs of more segments than there is room for: the newest of them stay for the next."""

# In one row: a second one would ask for Python's lock again, which a writer may have.
_SNAPSHOT: Final = """
SELECT
  (SELECT value FROM meta WHERE name = 'cursor'),
  (SELECT value FROM meta WHERE name = 'generation'),
  (SELECT max(stream_no) FROM stream)
"""
_SEGMENTS: Final = """
SELECT segment_no, first_key, last_key, entries, oldest_ns, newest_ns, group_no, position
FROM segment
WHERE segment_no > ?
ORDER BY segment_no
"""
# Numbers are never used again, and a segment changes only by getting a group.
_AS_BEFORE: Final = """
SELECT count(*) = ?2 AND count(group_no) = ?3
FROM segment
WHERE segment_no <= ?1
"""
_NEWER_KEYS: Final = "SELECT first_key FROM hot WHERE first_key > ? ORDER BY first_key"
_HOT_ROW: Final = "SELECT created_ns, data FROM hot WHERE first_key = ?"
_COLUMN: Final = "SELECT checksum, data FROM segment_column WHERE column_id = ?"
_FILTER_ROW: Final = "SELECT data FROM filter_row WHERE row_id = ?"
_LOTS: Final = "SELECT lot_no, data FROM shape_lot WHERE lot_no > ? ORDER BY lot_no"
_STREAMS: Final = """
SELECT stream_no, name, source_id
FROM stream
JOIN source USING (source_no)
WHERE stream_no > ?
"""


class DamagedColumn(ValueError):
    """A column of a segment is not what was written."""


class Catalog:
    """Views, directories and columns of one file; safe in any thread.

    writes: this process is the one that gives shapes their numbers."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self.shapes = Shapes()
        self.hot_frames = HotFrames(self.shapes)
        self._shapes_removed: int | None = None
        self._newest_lot = 0
        self.damaged: dict[str, str] = {}
        """What is damaged, by where."""
        self._lock = threading.Lock()
        self._view: View | None = None
        self._fresh: dict[int, HotBatch] = {}
        self._unpressed: deque[weakref.ref[HotBatch]] = deque()
        # A lock of its own: a writer must not wait while a view is read.
        self._fresh_lock = threading.Lock()
        self._directories = Directories()
        self._words: Kept[tuple[int, ...], PlainWords] = Kept(plain_words.KEPT_BYTES)
        self._filters: Kept[int, Filter] = Kept(FILTER_BYTES)
        self.timelines: Kept[int, Timeline] = Kept(timeline.KEPT_BYTES)
        self.decoded: Kept[int, Decoded] = Kept(DECODED_BYTES, unused_s=DECODED_S, stays_s=DECODED_STAYS_S)
        self._streams: dict[int, tuple[str, str]] = {}
        self._newest_stream = 0
        self._seen_stream = 0

    def accepted(self, batch: HotBatch) -> None:
        """A batch that was committed: the next view takes it as it is."""
        with self._fresh_lock:
            self._fresh[batch.first_key] = batch
            self._unpressed.append(weakref.ref(batch))
            before_ns, before = batch.created_ns - PRESS_AFTER_NS, batch.first_key - OPEN_ENTRIES
            while (oldest := self._unpressed[0]()) is None or (
                oldest.created_ns < before_ns and oldest.last_key < before
            ):
                self._unpressed.popleft()
                if oldest is not None:
                    oldest.press()

    def view(self, reader: Reader) -> View:
        """What the reader's snapshot holds."""
        cursor, generation, stream_no = next(reader.rows(_SNAPSHOT))
        with self._lock:
            self._seen_stream = max(self._seen_stream, stream_no or 0)
            view = self._view
            if view is None or view.generation != generation:
                view = self._read(reader, generation, cursor, view)
            elif cursor > view.cursor:
                view = replace(view, cursor=cursor, hot=(*view.hot, *self._newer(reader, view)))
            elif cursor < view.cursor:
                # An older snapshot than another reader has shown us; not kept.
                return replace(
                    view,
                    cursor=cursor,
                    hot=tuple(batch for batch in view.hot if batch.last_key <= cursor),
                )
            self._view = view
            return view

    def newest(self) -> View | None:
        """The view that was made last."""
        with self._lock:
            return self._view

    def damage(self) -> list[str]:
        """What was found damaged since the start."""
        return list(self.damaged.values())

    @property
    def directory_bytes(self) -> int:
        """Memory that directories take."""
        return self._directories.size_bytes

    def _newer(self, reader: Reader, view: View) -> list[HotBatch]:
        after = view.hot[-1].first_key if view.hot else 0
        return self._hot(reader, [key for (key,) in reader.rows(_NEWER_KEYS, (after,))])

    def _hot(self, reader: Reader, keys: Sequence[int]) -> list[HotBatch]:
        """The batches that begin with these keys; damaged ones are left out."""
        batches = []
        for first_key in keys:
            batch = self._fresh.get(first_key)
            if batch is None:
                created_ns, data = reader.rows(_HOT_ROW, (first_key,)).fetchone() or (0, b"")
                try:
                    batch = HotBatch.unpack(first_key, created_ns, data)
                except ValueError as error:
                    self._tell(f"batch {first_key}", f"{error}; its entries cannot be shown")
                    continue
                if self._writes:
                    with self._fresh_lock:
                        self._unpressed.append(weakref.ref(batch))
            batches.append(batch)
        return batches

    def _read(self, reader: Reader, generation: int, cursor: int, old: View | None) -> View:
        self._read_shapes(reader)
        segments = self._segments(reader, old)
        if old is not None:
            with self._fresh_lock:
                self._fresh = {batch.first_key: batch for batch in old.hot} | self._fresh
        keys = [key for (key,) in reader.rows(_NEWER_KEYS, (0,))]
        hot = tuple(self._hot(reader, keys))
        stays = set(keys)
        # What this snapshot does not show yet is for a later one.
        with self._fresh_lock:
            fresh = self._fresh.items()
            self._fresh = {key: batch for key, batch in fresh if key in stays or key > cursor}
        blocks = blocks_of(segments)
        self._forget(segments, blocks)
        return View(generation, cursor, segments, blocks, Bounds.of(blocks), hot)

    def _forget(self, segments: Sequence[Segment], blocks: Sequence[Sequence[Segment]]) -> None:
        """Keep nothing of what is gone: within its bounds it would stay for hours."""
        numbers = {segment.segment_no for segment in segments}
        alone = {segment.segment_no for segment in segments if segment.group_no is None}
        names = {tuple(segment.segment_no for segment in block) for block in blocks}
        firsts = {name[0] for name in names}
        self._directories.forget(lambda first: first not in firsts)
        self._words.forget(lambda name: name not in names)
        self._filters.forget(lambda number: number not in alone)
        self.timelines.forget(lambda number: number not in numbers)
        self.decoded.forget(lambda number: number not in numbers)

    def _segments(self, reader: Reader, old: View | None) -> tuple[Segment, ...]:
        """All segments; when none of the old ones has changed, only new ones are read."""
        known = old.segments if old is not None else ()
        newest_no = known[-1].segment_no if known else 0
        grouped = sum(segment.group_no is not None for segment in known)
        if not reader.value(_AS_BEFORE, (newest_no, len(known), grouped)):
            known, newest_no = (), 0
        return (*known, *(Segment(*row) for row in reader.rows(_SEGMENTS, (newest_no,))))

    def _read_shapes(self, reader: Reader) -> None:
        """Take in the shapes that this process does not know: another one may write."""
        if self._writes and self._view is not None:
            return
        removed = reader.value("SELECT value FROM meta WHERE name = 'shapes_removed'")
        if self._shapes_removed not in (None, removed) and not self._writes:
            # Numbers may mean other shapes now.
            self.shapes = Shapes()
            self.hot_frames = HotFrames(self.shapes)
            self._newest_lot = 0
        self._shapes_removed = removed
        found: list[tuple[int, bytes]] = []
        for lot_no, data in reader.rows(_LOTS, (self._newest_lot,)):
            self._newest_lot = lot_no
            try:
                found += unpack_lot(data)
            except ValueError as error:
                self._tell(f"lot {lot_no}", f"{error}; lines of these shapes cannot be shown")
        if found:
            self.shapes.load(found)

    def streams(self, reader: Reader) -> dict[int, tuple[str, str]]:
        """(source, source_id) by stream number, of the view of this reader; some may have no entries."""
        with self._lock:
            if 0 < self._seen_stream <= self._newest_stream:
                return self._streams
            more = {
                stream_no: (source, source_id)
                for stream_no, source, source_id in reader.rows(_STREAMS, (self._newest_stream,))
            }
            if more:
                self._newest_stream = max(more)
                # A new dict: other threads may be going through the old one.
                self._streams = {**self._streams, **more}
            return self._streams

    def column(self, reader: Reader, segment_no: int, column: Column) -> bytes:
        """The raw bytes of a column. Raises DamagedColumn; a damaged filter holds everything, damaged
        metadata is lost alone (see _lost)."""
        row = reader.rows(_COLUMN, (segment_no << COLUMN_BITS | column,)).fetchone()
        if row is None:
            raise self._damage(segment_no, column, "it is not there")
        return self._unpacked(segment_no, column, *row)

    def _unpacked(self, segment_no: int, column: Column, checksum: int, data: bytes) -> bytes:
        if zlib.crc32(data) != checksum:
            raise self._damage(segment_no, column, "its checksum is wrong")
        try:
            return unpack(column, data)
        except ValueError as error:
            raise self._damage(segment_no, column, str(error)) from error

    def _damage(self, segment_no: int, column: Column, why: str) -> DamagedColumn:
        what = f"column {column.name.lower()} of segment {segment_no} is damaged: {why}"
        self._tell(f"segment {segment_no}", f"{what}; its entries cannot be shown")
        return DamagedColumn(what)

    def _tell(self, where: str, what: str) -> None:
        if where not in self.damaged:
            self.damaged[where] = what
            log.error("%s", what)

    def excuse(self, error: Exception) -> None:
        """Raise `error` again, unless something is known to be damaged: then its lines are left out."""
        if not self.damaged:
            raise error

    def frame(self, reader: Reader, segment: Segment, groups: Callable[[], Groups] | None = None) -> Frame:
        """The segment's frame; it reads its columns over `reader` when they are first asked for, but for
        those in `decoded`.

        groups: from its directory, when that is at hand."""
        number = segment.segment_no
        return Frame(self._load(reader, number), self.shapes, groups, self.decoded.known(number))

    def _load(self, reader: Reader, segment_no: int) -> Callable[[Column], bytes]:
        return lambda column: self.column(reader, segment_no, column)

    def directory(self, reader: Reader, block: Sequence[Segment]) -> Directory:
        """The groups of these segments; a damaged one has none."""
        return self._directories.get(
            [segment.segment_no for segment in block], lambda at: self._part(reader, block[at])
        )

    def shapes_in(self, reader: Reader, block: Sequence[Segment]) -> IntArray:
        """The numbers of the shapes that these segments use, in no order and not once each; nothing of what
        is read for it is kept."""
        directory = self._directories.known([segment.segment_no for segment in block])
        if directory is not None:
            return directory.kind_shapes
        return np.concatenate([self._part(reader, segment)[1] for segment in block])

    def _part(self, reader: Reader, segment: Segment) -> Part:
        try:
            frame = self.frame(reader, segment)
            return frame.cells, frame.shapes, frame.counts
        except DamagedColumn:
            none = np.zeros(0, np.int64)
            return none, none, none

    def words(self, reader: Reader, block: Sequence[Segment]) -> PlainWords:
        """The words of the plain lines of these segments."""
        name = tuple(segment.segment_no for segment in block)

        def make() -> PlainWords:
            directory = self.directory(reader, block)
            shapes, counts = directory.shapes, directory.counts
            plain = np.flatnonzero(shapes == 0)
            cuts = np.searchsorted(plain, directory.starts)
            groups = [
                np.repeat(plain[begin:end], counts[plain[begin:end]])
                for begin, end in pairwise(cuts.tolist())
            ]
            return PlainWords([self._words_of(reader, segment) for segment in block], groups)

        return self._words.get(name, make)

    def _words_of(self, reader: Reader, segment: Segment) -> Words | None:
        row = reader.rows(_COLUMN, (segment.segment_no << COLUMN_BITS | Column.WORDS,)).fetchone()
        if row is None:
            return None
        try:
            return Words.read(self._unpacked(segment.segment_no, Column.WORDS, *row))
        except ValueError:
            return None

    def may_hold(self, reader: Reader, block: Sequence[Segment], token: int) -> BoolArray:
        """For each segment of a block whether a token of this hash may be in it."""
        if not block:
            return np.ones(0, np.bool_)
        group_no = block[0].group_no
        if group_no is None:
            return np.array([self._filter_holds(reader, segment, token) for segment in block], np.bool_)
        row = reader.rows(_FILTER_ROW, (group_no << PARTITION_BITS | row_of(token),)).fetchone()
        if row is None:
            return np.ones(len(block), np.bool_)
        try:
            held = look_up(unpack_row(row[0]), token)
        except ValueError as error:
            self._tell(f"filters {group_no}", f"a row of filters is damaged: {error}; searches take longer")
            return np.ones(len(block), np.bool_)
        positions = np.array([segment.position for segment in block], np.int64)
        found: BoolArray = held[positions]
        return found

    def _filter_holds(self, reader: Reader, segment: Segment, token: int) -> bool:
        try:
            filter_ = self._filters.get(segment.segment_no, lambda: self._filter(reader, segment))
            return filter_.may_hold(token)
        except DamagedColumn:
            return True

    def _filter(self, reader: Reader, segment: Segment) -> Filter:
        return Filter(self.column(reader, segment.segment_no, Column.FILTER))
