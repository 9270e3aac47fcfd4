"""The column FILTER: a Bloom filter of a segment's value tokens, so that a search leaves segments out.

    format                                      1 byte: 3; 2: it has no tokens of grams.py; 1: nor any of
                                                joined_tokens.py
    width                                       4 bytes, little-endian: bytes of a partition; 0: no filter,
                                                anything may be there
    64 partitions                               `width` bytes each, lowest bit first

A token is lower case [a-z0-9]. Its hash has 64 bits: the upper 6 are the partition, and place k of 4 is
((low 32 bits + k × (bits 26 … 57 | 1)) mod 2³² × bits of the partition) ÷ 2³².

The filters of several segments, transposed: row p of 64 holds their partitions p, so that a look-up
reads one row:

    number of segments, their widths            4 bytes each, little-endian; the highest bit of a width:
                                                its filter has format 2 or 3; the next: it has format 3
    partitions                                  one after the other

What is in it: values of at least 5 characters of lines with a shape; runs of at least 3 of plain
lines as they stand and as they read when folded; values of at least 5 characters of metadata texts;
what joined_tokens.py makes of several; the parts of words of grams.py."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import octets, positions, sorted_set
from hantu.store.sqlite.token_places import token_places
from hantu.text import fold

HashArray = NDArray[np.uint64]

PARTITIONS: Final = 64
BITS_PER_TOKEN: Final = 12
"""1 of 150 segments without the token is read in vain, which takes as long as 100 looks at a filter; at
7 bits it was 1 of 28, and a rare word took three times as long."""
_LEAST_BITS_PER_TOKEN: Final = 2
_PLACES: Final = 4
_PLAIN_FORMAT: Final = 2
_GRAMS_FORMAT: Final = 3
_FORMATS: Final = (1, _PLAIN_FORMAT, _GRAMS_FORMAT)
_WIDTH_BITS: Final = 30
_FORMAT_BITS: Final = np.array([0, 0b00, 0b10, 0b11], np.int64) << _WIDTH_BITS
"""What stands above the width, by format."""
_HEADER_BYTES: Final = 5
_MOST_SHARE: Final = 32
"""A filter takes at most 1/32 of its segment's text: random text has more tokens than it can hold."""
_LEAST_BYTES: Final = 1024

_FIRST: Final = 0x9E3779B97F4A7C15
_LAST: Final = 0xC2B2AE3D27D4EB4F
_SIZE: Final = 0xD6E8FEB86659FD93
_WORD: Final = (1 << 64) - 1
_LOWER: Final = 0x2020202020202020
_MASKS: Final = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)
_ESC: Final = b"\x1b"
# In an escaped line the newline and NUL of a message, which no token and no terminal sequence has: a
# vertical tab is as good for both. A blank would not be: it may stand within a sequence.
_BETWEEN: Final = bytes.maketrans(b"\xff\xfd", b"\x0b\x0b")
_ASCII_LEAST: Final = 3
_NEWLINE: Final = ord("\n")


def token_hash(token: bytes) -> int:
    """The hash of a token of at least one character, the same in every process and version."""
    token = token.lower()
    first = int.from_bytes(token[:8], "little")
    last = int.from_bytes(token[-8:], "little")
    mixed = (first * _FIRST ^ last * _LAST ^ len(token) * _SIZE) & _WORD
    mixed ^= mixed >> 29
    mixed = mixed * _FIRST & _WORD
    return mixed ^ mixed >> 32


def token_hashes(text: bytes, starts: IntArray, lengths: IntArray, *, lowered: bool = False) -> HashArray:
    """token_hash() of each of the pieces [A-Za-z0-9]+ of `text`; of any pieces when it is lowered."""
    words = np.ndarray((len(text) + 1,), "<u8", text + bytes(8), strides=(1,))
    short = np.minimum(lengths, 8)
    mask = _MASKS[short]
    # In ASCII 0x20 makes a letter lower case and is already set in a digit.
    lower = np.uint64(0 if lowered else _LOWER)
    first = (words[starts] | lower) & mask
    last = (words[starts + lengths - short] | lower) & mask
    mixed = (
        first * np.uint64(_FIRST) ^ last * np.uint64(_LAST) ^ lengths.astype(np.uint64) * np.uint64(_SIZE)
    )
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(_FIRST)
    return cast("HashArray", mixed ^ mixed >> np.uint64(32))


def folded_hashes(folded: str) -> HashArray:
    """Hashes of the tokens of folded lines: of words with other letters than ASCII, of pairs and ends of
    CJK runs, and of [a-z0-9]{3,}."""
    if not folded:
        return np.zeros(0, np.uint64)
    starts, lengths = token_places(folded, _ASCII_LEAST)
    return token_hashes(folded.encode(), starts, lengths, lowered=True)


def folded_lines(lines: bytes) -> str:
    """Those of these escaped lines that are not plain ASCII, folded."""
    seen = lines.translate(_BETWEEN)
    if seen.isascii() and _ESC not in seen:
        return ""
    if _ESC in seen:
        chosen = [line for line in seen.split(b"\n") if not line.isascii() or _ESC in line]
    else:
        chosen = [line for line in seen.split(b"\n") if not line.isascii()]
    messages = unescape_lines(b"\n".join(chosen), len(chosen))
    if _ESC in seen:
        # A sequence could reach over the end of a line.
        return "\n".join([fold(message) for message in messages])
    return fold("\n".join(messages))


class JoinedHash(int):
    """A hash of tokens that only filters of format 2 and later hold, see joined_tokens.py."""

    format_least = _PLAIN_FORMAT


class GramHash(JoinedHash):
    """A hash of a token that only filters of format 3 hold, see grams.py."""

    format_least = _GRAMS_FORMAT


def joined_hash(first: int, second: int) -> JoinedHash:
    """The hash of two hashes."""
    mixed = (first ^ second * _LAST) & _WORD
    mixed ^= mixed >> 29
    mixed = mixed * _SIZE & _WORD
    return JoinedHash(mixed ^ mixed >> 32)


def joined_hashes(first: HashArray, second: HashArray) -> HashArray:
    """joined_hash() of each pair."""
    mixed = first ^ second * np.uint64(_LAST)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(_SIZE)
    return cast("HashArray", mixed ^ mixed >> np.uint64(32))


def write_filter(hashes: HashArray, text_bytes: int, grams: HashArray | None = None) -> bytes:
    """The raw column. text_bytes: how long the text is that the tokens come from. grams: of grams.py."""
    form = _PLAIN_FORMAT
    if grams is not None:
        hashes, form = np.concatenate((hashes, grams)), _GRAMS_FORMAT
    hashes = sorted_set(hashes)
    most_bits = 8 * max(_LEAST_BYTES, text_bytes // _MOST_SHARE)
    bits = min(BITS_PER_TOKEN * len(hashes), most_bits)
    if bits < _LEAST_BITS_PER_TOKEN * len(hashes):
        return bytes((form, 0, 0, 0, 0))
    width = bits // (8 * PARTITIONS) + 1
    marks = np.zeros(PARTITIONS * width * 8, np.uint8)
    bases = (hashes >> np.uint64(58)).astype(np.int64) * (width * 8)
    for place in _places(hashes, width * 8):
        marks[bases + place] = 1
    return bytes((form,)) + width.to_bytes(4, "little") + np.packbits(marks, bitorder="little").tobytes()


def _places(hashes: HashArray, bits: int) -> list[IntArray]:
    low = hashes & np.uint64(0xFFFFFFFF)
    step = (hashes >> np.uint64(26)) & np.uint64(0xFFFFFFFF) | np.uint64(1)
    return [
        (((low + np.uint64(at) * step & np.uint64(0xFFFFFFFF)) * np.uint64(bits)) >> np.uint64(32)).astype(
            np.int64
        )
        for at in range(_PLACES)
    ]


def _held(partition: memoryview, token: int) -> bool:
    bits = len(partition) * 8
    low, step = token & 0xFFFFFFFF, token >> 26 & 0xFFFFFFFF | 1
    for at in range(_PLACES):
        place = ((low + at * step & 0xFFFFFFFF) * bits) >> 32
        if not partition[place >> 3] >> (place & 7) & 1:
            return False
    return True


class Filter:
    """One segment's filter. Raises ValueError when `raw` is damaged."""

    __slots__ = ("_partitions", "format", "width")

    def __init__(self, raw: bytes) -> None:
        if len(raw) < _HEADER_BYTES or raw[0] not in _FORMATS:
            raise ValueError("not a filter of this version")
        self.format = raw[0]
        self.width = int.from_bytes(raw[1:_HEADER_BYTES], "little")
        self._partitions = memoryview(raw)[_HEADER_BYTES:]
        if len(self._partitions) != PARTITIONS * self.width:
            raise ValueError("a filter has lost a part")

    def may_hold(self, token: int) -> bool:
        """Whether the token of this hash may be in the segment; False is certain."""
        if isinstance(token, JoinedHash) and self.format < token.format_least:
            return True
        return not self.width or _held(self.partition(token >> 58), token)

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return self._partitions.nbytes

    def partition(self, number: int) -> memoryview:
        """The bytes of one of the 64 partitions."""
        return self._partitions[number * self.width : (number + 1) * self.width]


def transpose(filters: list[bytes]) -> list[bytes]:
    """The raw filters of several segments as 64 rows. Raises ValueError when one is damaged."""
    opened = [Filter(raw) for raw in filters]
    widths = [each.width | int(_FORMAT_BITS[each.format]) for each in opened]
    header = np.array([len(opened), *widths], "<u4").tobytes()
    return [
        header + b"".join([bytes(each.partition(number)) for each in opened])
        for number in range(PARTITIONS)
    ]


def row_of(token: int) -> int:
    """Which of the 64 rows knows of the token of this hash."""
    return token >> 58


def look_up(row: bytes, token: int) -> BoolArray:
    """Which of the segments of a row, the row_of() the token, may hold it: bool[segments].

    Raises ValueError when the row is damaged."""
    size = int.from_bytes(row[:4], "little")
    if len(row) < 4 + 4 * size or size == 0:
        raise ValueError("not a row of filters")
    marked = np.frombuffer(row, "<u4", size, 4).astype(np.int64)
    widths = marked & ((1 << _WIDTH_BITS) - 1)
    bases = positions(widths) + 4 + 4 * size
    if int(bases[-1] + widths[-1]) != len(row):
        raise ValueError("a row of filters has lost a part")
    data = octets(row)
    held = np.ones(size, np.bool_)
    low, step = token & 0xFFFFFFFF, token >> 26 & 0xFFFFFFFF | 1
    known = np.flatnonzero(widths)
    if isinstance(token, JoinedHash):
        known = known[marked[known] >= _FORMAT_BITS[token.format_least]]
    parts = np.array([[low + at * step & 0xFFFFFFFF] for at in range(_PLACES)])
    places = parts * (widths[known] * 8) >> 32
    held[known] = (data[bases[known] + (places >> 3)] >> (places & 7).astype(np.uint8) & 1).all(0)
    return held
