"""Where the bytes of a file are: by tier, by kind of column, by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import LEVEL_BITS, Column
from hantu.store.sqlite.catalog import COLUMN_BITS, Catalog
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.snapshot import View

HOT: Final = "hot"
SEGMENTS: Final = "segments"
FILTERS: Final = "filters"
SHAPES: Final = "shapes"
EVENTS: Final = "events"
ERRORS: Final = "errors"
EXECUTIONS: Final = "executions"
OTHER: Final = "other"
FREE: Final = "free"
TIERS: Final = (HOT, SEGMENTS, FILTERS, SHAPES, EVENTS, ERRORS, EXECUTIONS, OTHER, FREE)

_TIER_OF_TABLE: Final = {
    "hot": HOT,
    "segment": SEGMENTS,
    "segment_column": SEGMENTS,
    "filter_row": FILTERS,
    "shape_lot": SHAPES,
    "event": EVENTS,
    "event_key": EVENTS,
}
_OF_EXECUTIONS: Final = ("execution", "status_transitions", "artifacts")
_KINDS: Final = (1 << COLUMN_BITS) - 1

_PAGES: Final = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE"
_COLUMNS: Final = "SELECT column_id, length(data) FROM segment_column"
_HOT: Final = "SELECT first_key, length(data) FROM hot"


@dataclass(frozen=True, slots=True)
class Storage:
    """Sizes in bytes.

    tiers: whole pages by what they are for, all of TIERS; together the file, without the WAL. columns:
    what segments hold by kind of column, without the ends of pages. sources: an estimate, the columns
    of each segment shared out by how many of its entries are a source's. shape_bytes: text of shapes."""

    entries: int
    hot_entries: int
    segments: int
    shapes: int
    shape_bytes: int
    file_bytes: int
    wal_bytes: int
    tiers: Mapping[str, int]
    columns: Mapping[str, int]
    sources: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the parts that grow with a file have in memory, in bytes. shape_bytes: text of shapes."""

    directory_bytes: int
    shapes: int
    shape_bytes: int


def measure(database: Database, catalog: Catalog) -> Storage:
    """Where the bytes are. Goes through every page of the file. Raises StoreError."""
    with database.reading(None) as reader:
        view = catalog.view(reader)
        columns: Counter[str] = Counter()
        of_segment: Counter[int] = Counter()
        alone = 0
        for column_id, size in reader.rows(_COLUMNS):
            column = Column(column_id & _KINDS)
            if column is Column.FILTER:
                alone += size
                continue
            columns[column.name.lower()] += size
            of_segment[column_id >> COLUMN_BITS] += size
        shapes, shape_bytes = len(catalog.shapes), catalog.shapes.text_bytes
        file_bytes = reader.value("PRAGMA page_count") * reader.value("PRAGMA page_size")
        hot_entries = sum(map(len, view.hot))
        return Storage(
            entries=hot_entries + sum(segment.entries for segment in view.segments),
            hot_entries=hot_entries,
            segments=len(view.segments),
            shapes=shapes,
            shape_bytes=shape_bytes,
            file_bytes=file_bytes,
            wal_bytes=database.wal_bytes,
            tiers=_tiers(reader, file_bytes, alone),
            columns=dict(columns.most_common()),
            sources=_sources(reader, catalog, view, of_segment),
        )


def _tiers(reader: Reader, file_bytes: int, filters_alone: int) -> dict[str, int]:
    """filters_alone: of those that still stand with their segment."""
    sizes = dict.fromkeys(TIERS, 0)
    for name, size in reader.rows(_PAGES):
        tier = _TIER_OF_TABLE.get(name, OTHER)
        if name.startswith("shape_word"):
            tier = SHAPES
        elif name.startswith(("error_", "sqlite_autoindex_error_")):
            tier = ERRORS
        elif name.removeprefix("sqlite_autoindex_").startswith(_OF_EXECUTIONS):
            tier = EXECUTIONS
        sizes[tier] += size
    sizes[SEGMENTS] -= filters_alone
    sizes[FILTERS] += filters_alone
    sizes[FREE] = reader.value("PRAGMA freelist_count") * reader.value("PRAGMA page_size")
    # What belongs to no table: SQLite's own map of pages.
    sizes[OTHER] += file_bytes - sum(sizes.values())
    return sizes


def _sources(reader: Reader, catalog: Catalog, view: View, of_segment: Counter[int]) -> dict[str, int]:
    bytes_of_stream: dict[int, float] = defaultdict(float)
    for block in view.blocks:
        directory = catalog.directory(reader, block)
        for at, segment in enumerate(block):
            own = slice(int(directory.starts[at]), int(directory.starts[at + 1]))
            streams, place = np.unique(directory.cells[own] >> LEVEL_BITS, return_inverse=True)
            shares = np.bincount(place, weights=directory.counts[own]) / max(1, segment.entries)
            for stream, share in zip(streams.tolist(), shares.tolist(), strict=True):
                bytes_of_stream[stream] += share * of_segment[segment.segment_no]
    sizes: dict[int, int] = dict(reader.rows(_HOT))
    for batch in view.hot:
        for stream, many in _of_streams(batch).items():
            bytes_of_stream[stream] += many / len(batch) * sizes.get(batch.first_key, 0)
    names = catalog.streams(reader)
    sources: dict[str, float] = defaultdict(float)
    for stream, size in bytes_of_stream.items():
        sources[names[stream][0]] += size
    return {name: round(sources[name]) for name in sorted(sources, key=lambda name: -sources[name])}


def _of_streams(batch: HotBatch) -> Counter[int]:
    return Counter(cell >> LEVEL_BITS for cell in batch.cells)
