"""Reads the entries of a closed file as docs/store-format.md says they lie there, and by nothing else: with
SQLite, zstd and plain Python, without the store. What the reader met is noted, so that a test can tell that
it met all."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

DIRECTORY, ORDER, TIME, DECIMAL, HEX, MIXED, PLAIN, METADATA, ARRIVAL, FILTER, WORDS = range(11)
LEVELS = 8
COLUMNS = 16
PARTITIONS = 64
_UNITS_NS = (10**9, 10**6, 10**3, 1)
_BITS = (0, 10, 20, 30)
_COLOUR = re.compile(rb"\xf8([\x80-\x8b]*)\xf9")
_IN_COLOUR = b"0123456789;:"
_DIGITS = "0123456789abcdef"
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the file holds it; metadata: the JSON text."""

    key: int
    created_ns: int
    time_ns: int
    source: str
    source_id: str
    level: int
    message: str
    metadata: bytes | None


@dataclass(slots=True)
class Segment:
    """entries: in order of arrival. values: of lines with a shape; plain: the lines without one, in the
    order of PLAIN. filter: None where it stands in a group, at `place`. words: by word the rows that have
    it."""

    entries: list[Entry]
    values: list[bytes]
    plain: list[str]
    filter: bytes | None
    place: tuple[int, int] | None
    words: dict[str, list[int]] | None


@dataclass(slots=True)
class Contents:
    """met: names of the forms that occurred."""

    segments: list[Segment] = field(default_factory=list)
    rows: dict[int, bytes] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)


class _Raw:
    """The bytes of a raw column behind its list of sections."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 1 + 4 * raw[0]
        lengths = [int.from_bytes(raw[at : at + 4], "little") for at in range(1, self._at, 4)]
        assert sum(lengths) == len(raw) - self._at, "sections that are not the whole column"

    def take(self, size: int) -> bytes:
        taken = self._raw[self._at : self._at + size]
        assert len(taken) == size
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)

    def number(self) -> int:
        return int.from_bytes(self.take(8), "little", signed=True)

    def array(self) -> list[int]:
        size, (width,) = self.number(), self.take(1)
        planes = [self.take(size) for _ in range(width)]
        return [sum(plane[at] << 8 * place for place, plane in enumerate(planes)) for at in range(size)]

    def steps(self) -> list[int]:
        value, coded = self.number(), self.array()
        found = []
        for each in coded:
            difference = -(each + 1) // 2 if each % 2 else each // 2
            value = (value + difference + (1 << 63)) % (1 << 64) - (1 << 63)
            found.append(value)
        return found

    def end(self) -> None:
        assert not self.rest(), "bytes that no element explains"


def read(path: Path) -> Contents:
    """All that is sealed."""
    contents = Contents()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        shapes = {0: b""}
        for (data,) in file.execute("SELECT data FROM shape_lot"):
            shapes |= _lot(data)
        streams = {
            number: (source, source_id)
            for number, source, source_id in file.execute(
                "SELECT stream_no, name, source_id FROM stream JOIN source USING (source_no)"
            )
        }
        contents.rows = {
            row: _unpacked(data, contents.met) for row, data in file.execute("SELECT * FROM filter_row")
        }
        found = file.execute("SELECT segment_no, group_no, position FROM segment ORDER BY segment_no")
        for number, group_no, position in found.fetchall():
            columns = {}
            for column in range(11):
                row = file.execute(
                    "SELECT checksum, data FROM segment_column WHERE column_id = ?",
                    (number * COLUMNS + column,),
                ).fetchone()
                if row is not None:
                    assert zlib.crc32(row[1]) == row[0]
                    columns[column] = _unpacked(row[1], contents.met)
            segment = _segment(columns, shapes, streams, contents.met)
            segment.place = None if group_no is None else (group_no, position)
            contents.segments.append(segment)
    return contents


def _unpacked(data: bytes, met: set[str]) -> bytes:
    met.add(f"codec {data[0]}")
    assert data[0] in (0, 1)
    return zstandard.ZstdDecompressor().decompress(data[1:]) if data[0] else data[1:]


def _lot(data: bytes) -> dict[int, bytes]:
    raw = zstandard.ZstdDecompressor().decompress(data)
    size = int.from_bytes(raw[:4], "little")
    numbers = [int.from_bytes(raw[at : at + 4], "little") for at in range(4, 4 + 4 * size, 4)]
    return dict(zip(numbers, raw[4 + 4 * size :].split(b"\n"), strict=True))


def _segment(
    columns: dict[int, bytes],
    shapes: dict[int, bytes],
    streams: dict[int, tuple[str, str]],
    met: set[str],
) -> Segment:
    raw = _Raw(columns[DIRECTORY])
    (version,) = raw.take(1)
    assert version in (1, 2)
    size, cells, numbers, counts, classes = raw.number(), raw.steps(), raw.steps(), raw.array(), raw.array()
    raw.end()
    group_of_line = [group for group, count in enumerate(counts) for _ in range(count)]
    assert len(group_of_line) == size
    of_arrival, seconds = _order(columns[ORDER], counts, met)
    # The arrival index of each line: sorted by group, then by arrival.
    arrival = sorted(range(size), key=lambda at: (of_arrival[at], at))
    fractions = _fractions(columns[TIME], counts, arrival, met)
    columns_of_values = _value_columns(columns, shapes, numbers, counts, classes, met)
    plain = columns[PLAIN].split(b"\n") if 0 in numbers else []
    metadata = _metadata(columns[METADATA], met)
    keys, created = _arrival(columns[ARRIVAL])
    starts = [sum(counts[:group]) for group in range(len(counts))]
    entries: list[Entry | None] = [None] * size
    values: list[bytes] = []
    texts = iter(plain)
    for line, group in enumerate(group_of_line):
        number = numbers[group]
        own = [column[line - starts[group]] for column in columns_of_values[group]]
        values += own
        escaped = _filled(shapes[number], own) if number else next(texts)
        at = arrival[line]
        entries[at] = Entry(
            keys[at],
            created[at],
            seconds[at] * 10**9 + fractions[at],
            *streams[cells[group] // LEVELS],
            cells[group] % LEVELS,
            _message(escaped, met),
            metadata[line],
        )
    assert next(texts, None) is None
    words = _words(columns[WORDS]) if columns.get(WORDS) else None
    return Segment(
        [each for each in entries if each is not None],
        values,
        [_message(each, met) for each in plain],
        columns.get(FILTER),
        None,
        words,
    )


def _order(column: bytes, counts: Sequence[int], met: set[str]) -> tuple[list[int], list[int]]:
    """(group, second) by order of arrival."""
    raw = _Raw(column)
    ranks = list(raw.take(raw.number()))
    (in_steps,) = raw.take(1)
    high = raw.steps() if in_steps else raw.array()
    if high:
        met.add(f"high ranks {in_steps}")
    seconds = raw.steps()
    raw.end()
    left = iter(high)
    ranks = [255 + next(left) if rank == 255 else rank for rank in ranks]
    by_rank = sorted(range(len(counts)), key=lambda group: (-counts[group], group))
    return [by_rank[rank] for rank in ranks], seconds


def _fractions(column: bytes, counts: Sequence[int], arrival: Sequence[int], met: set[str]) -> list[int]:
    """Nanoseconds by order of arrival."""
    raw = _Raw(column)
    if not arrival:
        return []
    found = [0] * len(arrival)
    if raw.take(1) == b"\x01":
        (unit,) = raw.take(1)
        met.add(f"times in steps of unit {unit}")
        fraction = 0
        for at, step in enumerate(raw.array()):
            fraction = (fraction + step * _UNITS_NS[unit]) % 10**9
            found[at] = fraction
    else:
        units = raw.array()
        unit_of_line = [unit for unit, count in zip(units, counts, strict=True) for _ in range(count)]
        for unit in (1, 2, 3):
            lines = [line for line, own in enumerate(unit_of_line) if own == unit]
            packed = raw.take((len(lines) * _BITS[unit] + 7) // 8)
            bits = "".join(f"{byte:08b}" for byte in packed)
            for place, line in enumerate(lines):
                own = bits[place * _BITS[unit] : (place + 1) * _BITS[unit]]
                found[arrival[line]] = int(own, 2) * _UNITS_NS[unit]
        met |= {f"times of unit {unit}" for unit in units}
    raw.end()
    return found


def _value_columns(
    columns: dict[int, bytes],
    shapes: dict[int, bytes],
    numbers: Sequence[int],
    counts: Sequence[int],
    classes: Sequence[int],
    met: set[str],
) -> list[list[list[bytes]]]:
    """By group and slot the values of the group's lines."""
    left = [iter(_values(columns[DECIMAL + cls], cls, met)) for cls in range(3)]
    of_column = iter(classes)
    found = []
    for number, count in zip(numbers, counts, strict=True):
        own = [next(of_column) for _ in range(shapes[number].count(b"\0"))]
        found.append([[next(left[cls]) for _ in range(count)] for cls in own])
    assert next(of_column, None) is None
    assert all(next(each, None) is None for each in left)
    return found


def _values(column: bytes, cls: int, met: set[str]) -> list[bytes]:
    raw = _Raw(column)
    size, long_size = raw.number(), raw.number()
    halves = long_size < 0
    short = list(raw.take(size))
    long = raw.take(4 * (-1 - long_size if halves else long_size))
    more = iter([int.from_bytes(long[at : at + 4], "little") for at in range(0, len(long), 4)])
    lengths = [next(more) if length == 255 else length for length in short]
    capitals = set(raw.steps()) if halves else set()
    text = raw.rest()
    if halves:
        digits = "".join(_DIGITS[byte >> 4] + _DIGITS[byte & 15] for byte in text).encode()
        assert len(digits) - sum(lengths) in (0, 1)
        text = digits[: sum(lengths)]
    assert len(text) == sum(lengths)
    if size:
        met |= {f"values {cls}"} | {"long values" for each in short if each == 255}
        met |= {"halves"} if halves else set()
        met |= {"capitals"} if capitals else set()
    found, at = [], 0
    for number, length in enumerate(lengths):
        value = text[at : at + length]
        found.append(value.upper() if number in capitals else value)
        at += length
    return found


def _filled(shape: bytes, values: Sequence[bytes]) -> bytes:
    parts = shape.split(b"\0")
    assert len(parts) == len(values) + 1
    return b"".join(part + value for part, value in zip(parts, [*values, b""], strict=True))


def _message(escaped: bytes, met: set[str]) -> str:
    def colour(found: re.Match[bytes]) -> bytes:
        met.add("colour")
        return b"\x1b[" + bytes(_IN_COLOUR[each - 0x80] for each in found[1]) + b"m"

    return _COLOUR.sub(colour, escaped).replace(b"\xff", b"\n").replace(b"\xfd", b"\0").decode()


def _metadata(column: bytes, met: set[str]) -> list[bytes | None]:
    """By line."""
    raw = _Raw(column)
    size, lines = raw.number(), raw.number()
    codes = list(raw.take(lines))
    more = iter(raw.array())
    texts = raw.rest().split(b"\n") if size else []
    assert len(texts) == size
    found: list[bytes | None] = []
    used = 0
    for short in codes:
        code = 255 + next(more) if short == 255 else short
        met.add("high metadata" if short == 255 else "metadata")
        if code == 0:
            found.append(None)
            continue
        number = used if code == 1 else code - 2
        used += code == 1
        found.append(texts[number])
    assert used == size
    return found


def _arrival(column: bytes) -> tuple[list[int], list[int]]:
    """(keys, times of arrival) in order of arrival."""
    raw = _Raw(column)
    first, gaps, runs, times = raw.number(), raw.array(), raw.array(), raw.steps()
    raw.end()
    keys = [first] * len(gaps)
    for at in range(1, len(gaps)):
        keys[at] = keys[at - 1] + gaps[at] + 1
    begins = [sum(runs[: at + 1]) for at in range(len(runs))]
    ends = [*begins[1:], len(keys)]
    created = [
        time for begin, end, time in zip(begins, ends, times, strict=True) for _ in range(begin, end)
    ]
    return keys, created


def _words(column: bytes) -> dict[str, list[int]]:
    raw = _Raw(column)
    raw.number()
    words = raw.take(raw.number()).decode().split("\n")[:-1]
    assert words == sorted(words, key=str.encode)
    counts, steps = raw.array(), iter(raw.array())
    raw.end()
    found: dict[str, list[int]] = {}
    for word, count in zip(words, counts, strict=True):
        rows = [next(steps)]
        for _ in range(count - 1):
            rows.append(rows[-1] + 1 + next(steps))
        found[word] = rows
    return found


def token_hash(token: bytes) -> int:
    """The hash of a token in lower case."""
    first, last = int.from_bytes(token[:8], "little"), int.from_bytes(token[-8:], "little")
    mixed = first * 0x9E3779B97F4A7C15 & _WORD
    mixed ^= last * 0xC2B2AE3D27D4EB4F & _WORD
    mixed ^= len(token) * 0xD6E8FEB86659FD93 & _WORD
    mixed ^= mixed >> 29
    mixed = mixed * 0x9E3779B97F4A7C15 & _WORD
    return mixed ^ mixed >> 32


def joined(first: int, second: int) -> int:
    """The join of two hashes."""
    mixed = first ^ (second * 0xC2B2AE3D27D4EB4F & _WORD)
    mixed ^= mixed >> 29
    mixed = mixed * 0xD6E8FEB86659FD93 & _WORD
    return mixed ^ mixed >> 32


def held(contents: Contents, segment: Segment, token: int) -> bool:
    """Whether the filter of a segment says that the token of this hash may be there."""
    partition = token >> 58
    if segment.place is None:
        assert segment.filter is not None
        width = int.from_bytes(segment.filter[1:5], "little")
        bits = segment.filter[5 + partition * width : 5 + (partition + 1) * width]
        contents.met.add(f"filter {segment.filter[0]}")
    else:
        group_no, position = segment.place
        row = contents.rows[group_no * PARTITIONS + partition]
        size = int.from_bytes(row[:4], "little")
        marked = [int.from_bytes(row[4 + 4 * at : 8 + 4 * at], "little") for at in range(size)]
        widths = [each & (1 << 30) - 1 for each in marked]
        begin = 4 + 4 * size + sum(widths[:position])
        width = widths[position]
        bits = row[begin : begin + width]
        contents.met.add(f"filters together, marks {marked[position] >> 30}")
    if not width:
        return True
    low, step = token % (1 << 32), (token >> 26) % (1 << 32) | 1
    places = [((low + at * step) % (1 << 32)) * 8 * width >> 32 for at in range(4)]
    return all(bits[place // 8] >> place % 8 & 1 for place in places)
