"""Tokens of a filter that are made of several values: short numbers under their names in metadata, and
the first three numbers of four with dots between them, as addresses have.

Alone such numbers stand in every segment. Of a number under a name there is the joined hash of both,
of names of which that may not be all the joined hash of name and ODD, and ODD alone where no name can
be trusted."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from hantu import text
from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import octets, sorted_set
from hantu.store.sqlite.filter import (
    HashArray,
    JoinedHash,
    joined_hash,
    joined_hashes,
    token_hash,
    token_hashes,
)
from hantu.store.sqlite.values import DIGIT, Runs, runs_of

_SHORT: Final = 4
"""Longer numbers have tokens of their own."""
_ODD: Final = b"?"
_WHOLE: Final = re.compile(r"[+-]?(0*)(0|[1-9][0-9]{0,14})")
_NAME: Final = re.compile(r"[A-Za-z0-9]+$")
_UNUSUAL: Final = {
    b" ": (b'": ', b'" :'),
    b"\t": (b'":\t', b'"\t:'),
    b"\r": (b'":\r', b'"\r:'),
    b"\\": (b"\\u00",),
}
"""JSON with spaces, and escapes: colours, or characters that need none. By a character that is looked for
ten times as fast, and is mostly missing."""
_OCTET: Final = 3
_ESC: Final = b"\x1b"
_COLOUR: Final = b"\xf8"
_MARGIN: Final = bytes(4)


def number_hashes(name: str, value: str) -> tuple[int, ...]:
    """Hashes of which a segment has one when a whole number lies under a name there, or digits that read as
    it; () when nothing can be said. value: as in a query."""
    number, own = _WHOLE.fullmatch(value), _NAME.search(name)
    if number is None or own is None:
        return ()
    zeros, digits = number.groups()
    key, odd = token_hash(own.group().encode()), token_hash(_ODD)
    # 0042 may be a text, or the number 42.
    spelled = dict.fromkeys((digits, zeros + digits))
    found = [_digits_hash(key, each.encode()) for each in spelled]
    return *found, joined_hash(key, odd), JoinedHash(odd)


def _digits_hash(key: int, digits: bytes) -> int:
    return joined_hash(key, token_hash(digits)) if len(digits) <= _SHORT else token_hash(digits)


def metadata_number_hashes(texts: bytes, runs: Runs) -> HashArray:
    """The hashes for metadata texts, JSON without line ends inside. runs: theirs."""
    raw = octets(_MARGIN + texts + _MARGIN)
    starts, ends = runs.starts + len(_MARGIN), runs.starts + runs.lengths + len(_MARGIN)
    places = np.flatnonzero(_is_digit(raw[starts]))
    at = starts[places]
    sign = raw[at - 1]
    at -= (sign == ord("-")) | (sign == ord("+"))
    quoted = raw[at - 1] == ord('"')
    # The end of the name; the run before must reach up to it.
    at -= 2 + quoted
    named = (raw[at + 1] == ord(":")) & (raw[at] == ord('"')) & (ends[places - 1] == at)
    places, quoted = places[named], quoted[named]
    whole = runs.kinds[places] == DIGIT
    fraction = np.append(runs.kinds, DIGIT)[places + 1] != DIGIT
    fraction &= (raw[ends[places]] == ord(".")) & (np.append(starts, 0)[places + 1] == ends[places] + 1)
    short = places[whole & (runs.lengths[places] <= _SHORT)]
    names = places[(~whole & ~quoted) | fraction] - 1
    if b'":[' in texts:
        # A list may hold any number of them.
        lists = (raw[ends] == ord('"')) & (raw[ends + 1] == ord(":")) & (raw[ends + 2] == ord("["))
        names = np.concatenate((names, np.flatnonzero(lists)))
    found = [joined_hashes(_hashes(texts, runs, short - 1), _hashes(texts, runs, short))]
    if len(names):
        found.append(joined_hashes(_hashes(texts, runs, names), np.array([token_hash(_ODD)], np.uint64)))
    if any(sign in texts and any(mark in texts for mark in marks) for sign, marks in _UNUSUAL.items()):
        found.append(np.array([token_hash(_ODD)], np.uint64))
    return sorted_set(np.concatenate(found))


def _hashes(texts: bytes, runs: Runs, places: IntArray) -> HashArray:
    return token_hashes(texts, runs.starts[places], runs.lengths[places])


def address_hash(pieces: list[bytes], at: int) -> int | None:
    """The hash of an address that begins with the piece `at` of a text: runs, and what is between them.
    The first three runs must be whole."""
    own = pieces[at : at + 7]
    if len(own) < 7 or own[1::2] != [b"."] * 3 or not own[6][:1].isdigit():
        return None
    if not all(run.isdigit() and len(run) <= _OCTET for run in own[0:6:2]):
        return None
    return JoinedHash(token_hash(b".".join(own[0:6:2])))


def address_hashes(blob: bytes, values: Runs) -> HashArray:
    """The hashes of the addresses among these values of escaped lines."""
    found = _addresses(blob, values)
    if _ESC not in blob and _COLOUR not in blob:
        return found
    # Folding takes terminal sequences out, which may part an address.
    lines = [
        line for line in blob.split(b"\n") if (_ESC in line or _COLOUR in line) and line.count(b".") >= 3
    ]
    folded = "\n".join([text.fold(message) for message in unescape_lines(b"\n".join(lines), len(lines))])
    seen = folded.encode()
    return np.concatenate((found, _addresses(seen, runs_of(seen)))) if lines else found


def _addresses(blob: bytes, runs: Runs) -> HashArray:
    if len(runs.starts) <= _OCTET:
        return np.zeros(0, np.uint64)
    raw = octets(blob)
    starts, ends = runs.starts, runs.starts + runs.lengths
    octet: BoolArray = (runs.kinds == DIGIT) & (runs.lengths <= _OCTET)
    dotted = (starts[1:] == ends[:-1] + 1) & (raw[ends[:-1]] == ord("."))
    first = octet[:-3] & octet[1:-2] & octet[2:-1] & dotted[:-2] & dotted[1:-1] & dotted[2:]
    at: IntArray = np.flatnonzero(first)
    at = at[_is_digit(raw[starts[at + 3]])]
    return sorted_set(token_hashes(blob, starts[at], ends[at + 2] - starts[at]))


def _is_digit(characters: ByteArray) -> BoolArray:
    found: BoolArray = (characters >= ord("0")) & (characters <= ord("9"))
    return found
