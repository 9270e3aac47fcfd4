"""Entries made into the columns of a segment.

A segment's lines are split into shapes and values (values.py), sorted into groups of one cell and one
shape (grouping.py), and written column by column; each column's module says how its bytes lie. The
column PLAIN holds the escaped lines without a shape, joined by newlines, in group order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

import msgspec
import numpy as np

from hantu.store.sqlite.arrival import write_arrival
from hantu.store.sqlite.batch import Batch, BoolArray, ByteArray, Column, IntArray
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.fields import octets, positions
from hantu.store.sqlite.filter import HashArray, folded_hashes, folded_lines, token_hashes, write_filter
from hantu.store.sqlite.grams import Grams
from hantu.store.sqlite.grouping import Groups, group, write_directory
from hantu.store.sqlite.joined_tokens import address_hashes, metadata_number_hashes
from hantu.store.sqlite.metadata_column import distinct, write_metadata
from hantu.store.sqlite.order import write_order
from hantu.store.sqlite.plain_words import write_words
from hantu.store.sqlite.times import SECOND_NS, write_times
from hantu.store.sqlite.value_column import write_values
from hantu.store.sqlite.values import Runs, ValueClass, class_of, gathered, runs_of, take_apart

MOST_SLOTS: Final = 1000
"""A line with more values is kept as text."""
VALUE_COLUMNS: Final = (Column.DECIMAL, Column.HEX, Column.MIXED)
"""By ValueClass."""
_TOKEN_LEAST: Final = 5
_PLAIN_TOKEN_LEAST: Final = 3
_NEWLINE: Final = ord("\n")
_JSON_ESC: Final = b"\\u001b"


class ShapeBook(Protocol):
    """The codec's view of the registry of shapes."""

    def numbers(self, statics: list[bytes]) -> IntArray:
        """The shape number of each line, 0 for a line to be kept as text."""
        ...

    def static(self, number: int) -> bytes:
        """The shape's bytes, 0x00 for each slot."""
        ...

    @property
    def slots(self) -> IntArray:
        """The number of slots by shape number; [0] is 0. May grow."""
        ...


def encode(
    batch: Batch, shapes: ShapeBook, breathe: Callable[[], None] = lambda: None
) -> dict[Column, bytes]:
    """The raw columns of a segment of the batch's entries.

    breathe: called between steps of a few milliseconds each, so that others may come first."""
    blob = escape_lines(batch.messages)
    breathe()
    values, numbers, slots = _split(blob, len(batch), shapes, breathe)
    groups, arrival, group_of_line = group(batch.cells, numbers)
    values = values.where(np.repeat(numbers > 0, slots))
    grams = Grams()
    columns = _with_values(blob, groups, _in_columns(values, groups, arrival, group_of_line, shapes), grams)
    breathe()
    plain = _plain_lines(blob, numbers, arrival)
    ids, metadata, count = distinct(batch.metadata, arrival)
    columns |= _beside_values(batch, groups, arrival, group_of_line) | {
        Column.PLAIN: plain,
        Column.METADATA: write_metadata(ids, metadata, count),
        Column.WORDS: write_words(plain, int((numbers == 0).sum()), len(blob)),
    }
    breathe()
    folded = folded_lines(plain)
    grams.add(plain)
    grams.add(folded.encode())
    breathe()
    hashes = np.concatenate(
        (
            _value_hashes(blob, values),
            address_hashes(blob, values),
            _plain_hashes(plain, folded),
            _metadata_hashes(metadata),
        )
    )
    breathe()
    columns[Column.FILTER] = write_filter(hashes, len(blob) + len(metadata), grams.hashes())
    return columns


def _split(
    blob: bytes, count: int, shapes: ShapeBook, breathe: Callable[[], None]
) -> tuple[Runs, IntArray, IntArray]:
    """The values of all lines; the shape number and the number of values of each line.

    A function of its own, as _with_values(): what they need lies in memory twice as long else, and it is
    more than all that they return."""
    values, lines = take_apart(blob, breathe)
    numbers, slots = _numbered(lines[:count], shapes)
    breathe()
    return values, numbers, slots


def _with_values(blob: bytes, groups: Groups, shaped: _Shaped, grams: Grams) -> dict[Column, bytes]:
    """The columns of values, and the one that tells where these stand; grams: gets those of mixed ones."""
    columns = {Column.DIRECTORY: write_directory(groups, int(groups.counts.sum()), shaped.classes)}
    text = octets(blob)
    for value_class, column in enumerate(VALUE_COLUMNS):
        chosen = shaped.values.where(shaped.class_of_value == value_class)
        characters = gathered(text, chosen.starts, chosen.lengths).tobytes()
        columns[column] = write_values(chosen.lengths, characters)
        if value_class == ValueClass.MIXED:
            grams.add_pieces(characters, chosen.lengths)
    return columns


def _beside_values(
    batch: Batch, groups: Groups, arrival: IntArray, group_of_line: IntArray
) -> dict[Column, bytes]:
    """The columns of what an entry has beside its message and its metadata."""
    group_in_arrival = np.empty(len(batch), np.int64)
    group_in_arrival[arrival] = group_of_line
    seconds = batch.times // SECOND_NS
    return {
        Column.ORDER: write_order(group_in_arrival, groups.counts, seconds),
        Column.TIME: write_times(batch.times - seconds * SECOND_NS, arrival, groups.starts),
        Column.ARRIVAL: write_arrival(batch.keys, batch.created),
    }


def _numbered(lines: list[bytes], shapes: ShapeBook) -> tuple[IntArray, IntArray]:
    """The shape number and the number of values of each line."""
    full: list[int] = []
    if max(map(len, lines), default=0) > 2 * MOST_SLOTS:
        full = [
            at for at, line in enumerate(lines) if len(line) > 2 * MOST_SLOTS and line.count(0) > MOST_SLOTS
        ]
    if full:
        asked = np.ones(len(lines), np.bool_)
        asked[full] = False
        numbers = np.zeros(len(lines), np.int64)
        numbers[asked] = shapes.numbers([lines[at] for at in np.flatnonzero(asked).tolist()])
    else:
        numbers = np.asarray(shapes.numbers(lines), np.int64)
    slots = shapes.slots[numbers].astype(np.int64)
    for at in np.flatnonzero(numbers == 0).tolist():
        slots[at] = lines[at].count(0)
    return numbers, slots


class _Shaped:
    """Values of lines with shapes, column after column. classes: by column; class_of_value: by value."""

    __slots__ = ("class_of_value", "classes", "values")

    def __init__(self, values: Runs, classes: ByteArray, sizes: IntArray) -> None:
        self.values = values
        self.classes = classes.astype(np.int64)
        self.class_of_value = np.repeat(classes, sizes)


def _in_columns(
    values: Runs, groups: Groups, arrival: IntArray, group_of_line: IntArray, shapes: ShapeBook
) -> _Shaped:
    """Put the values of shaped lines, given in arrival order, into columns."""
    slots_of_group = shapes.slots[groups.shapes].astype(np.int64)
    first_of_group = positions(groups.counts * slots_of_group)
    row = np.arange(len(arrival)) - groups.starts[group_of_line]
    # By arrival: where the line's first value goes, and how far its next one is from there.
    place = np.empty(len(arrival), np.int64)
    place[arrival] = first_of_group[group_of_line] + row
    stride = np.empty(len(arrival), np.int64)
    stride[arrival] = groups.counts[group_of_line]
    number = np.empty(len(arrival), np.int64)
    number[arrival] = slots_of_group[group_of_line]
    # As if each line's values were counted on from those before.
    target = np.arange(len(values.starts)) * np.repeat(stride, number)
    target += np.repeat(place - positions(number) * stride, number)
    ordered = values.placed(target)
    sizes = np.repeat(groups.counts, slots_of_group)
    if not len(sizes):
        return _Shaped(ordered, np.zeros(0, np.uint8), sizes)
    classes = class_of(np.bitwise_or.reduceat(ordered.kinds, positions(sizes)))
    return _Shaped(ordered, classes, sizes)


def _plain_lines(blob: bytes, numbers: IntArray, arrival: IntArray) -> bytes:
    """The column PLAIN."""
    chosen = arrival[numbers[arrival] == 0]
    if not len(chosen):
        return b""
    # Few of many: to look for all line ends is cheaper than to make all lines.
    ends = np.append(np.flatnonzero(octets(blob) == _NEWLINE), len(blob))
    begins = np.append(0, ends + 1)
    return b"\n".join(
        [blob[begin:end] for begin, end in zip(begins[chosen].tolist(), ends[chosen].tolist(), strict=True)]
    )


def _value_hashes(blob: bytes, values: Runs) -> HashArray:
    long: BoolArray = values.lengths >= _TOKEN_LEAST
    return token_hashes(blob, values.starts[long], values.lengths[long])


def _plain_hashes(plain: bytes, folded: str) -> HashArray:
    runs = runs_of(plain)
    long = runs.lengths >= _PLAIN_TOKEN_LEAST
    hashes = token_hashes(plain, runs.starts[long], runs.lengths[long])
    return np.concatenate((hashes, folded_hashes(folded), address_hashes(plain, runs)))


def _metadata_hashes(texts: bytes) -> HashArray:
    runs = runs_of(texts)
    chosen = runs.values() & (runs.lengths >= _TOKEN_LEAST)
    values = token_hashes(texts, runs.starts[chosen], runs.lengths[chosen])
    hashes = np.concatenate((values, metadata_number_hashes(texts, runs)))
    if _JSON_ESC not in texts:
        return hashes
    # A terminal sequence, which folding takes out, stands there as \u001b[31m and glues to the value.
    strings = [
        string
        for text in texts.split(b"\n")
        if _JSON_ESC in text
        for string in _strings(msgspec.json.decode(text))
    ]
    return np.concatenate((hashes, folded_hashes(folded_lines(escape_lines(strings)))))


def _strings(node: object) -> Iterator[str]:
    """The values of a JSON tree that are strings."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _strings(inner)


__all__ = ["MOST_SLOTS", "VALUE_COLUMNS", "ShapeBook", "ValueClass", "encode"]
