"""The long texts of errors, packed: what happened at one place again differs by little.

A row of error_logs that the service wrote has its texts in `packed`: zstd over a MessagePack array, TEXTS,
the context nil when there is none. When stack_no is set, the array in that row of error_stack (zstd, too)
is the dictionary of the frame: the first occurrence's with equal lines of the stack. Each frame has a
checksum of what it holds: a wrong text is never shown, it costs its own row, or those that share a
dictionary."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import apsw
import msgspec
import zstandard

from hantu.errors import ErrorRecord

USES_MOST: Final = 1_000
"""Occurrences that share one dictionary: a damaged one costs no more than their texts."""

KEPT: Final = 512
"""Dictionaries in memory, some 2 kB each: a compressor for each would take 75 kB more, and save 10 µs."""

DAMAGED: Final = "(damaged in the file)"

TEXTS: Final = ("source", "source_id", "module", "function", "message", "stack_trace", "context")
"""The columns of error_logs that are packed, in their order."""

# 3 gains nothing beside a dictionary, and takes twice as long.
_LEVEL: Final = 1
_STACK_LEVEL: Final = 3
_RAW_MOST: Final = 1 << 22
"""More bytes than the texts of any error have: guards the memory against a damaged length."""

_FEW: Final = 128
"""Bytes that are not worth a dictionary: it would take as much again."""

_SHORT: Final = 4_000
"""Characters of a stack trace whose hash is remembered: the same few come again and again."""

# Numbers and addresses in frames change from one run to the next.
_CHANGING: Final = b"0123456789abcdefx"

_ADD: Final = "INSERT INTO error_stack (data) VALUES (?) RETURNING stack_no"
_ADD_OUTLINE: Final = "INSERT INTO error_outline (stack_no, outline, uses) VALUES (?, ?, ?)"
_USE: Final = """
UPDATE error_outline
SET uses = uses + :more
WHERE stack_no = :stack_no AND outline = :outline AND uses + :more <= :most
"""
_FIND: Final = """
SELECT stack_no, data
FROM error_outline
JOIN error_stack USING (stack_no)
WHERE outline = ?
ORDER BY stack_no DESC
LIMIT 1
"""

Texts = tuple[str, str, str, str, str, str, str | None]
_encode_context: Final = msgspec.json.Encoder().encode
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Texts).decode
_LOST: Final[Texts] = ("", "", "", "", DAMAGED, DAMAGED, None)

Packed = tuple[int | None, bytes]
"""stack_no and packed of a row."""


class TextPacker:
    """Packs the texts of errors that are written; used by one thread at a time."""

    def __init__(self) -> None:
        self._plain = zstandard.ZstdCompressor(level=_STACK_LEVEL, write_checksum=True)
        self._ready: OrderedDict[int, tuple[int, bytes]] = OrderedDict()

    def pack(self, connection: apsw.Connection, records: Sequence[ErrorRecord]) -> list[Packed]:
        """The packed texts of each; what they refer to is in the file when the transaction is."""
        raws = [_raw(record) for record in records]
        alike: dict[int, list[int]] = defaultdict(list)
        packed: list[Packed] = [(None, b"")] * len(raws)
        for at, (record, raw) in enumerate(zip(records, raws, strict=True)):
            if len(raw) > _FEW:
                alike[_outline(record)].append(at)
            else:
                packed[at] = None, self._plain.compress(raw)
        for outline, places in alike.items():
            stack_no, dictionary = self._use(connection, outline, len(places), raws[places[0]])
            # One at a time: its 75 kB are the same memory again and again.
            compressor = _compressor(dictionary)
            for at in places:
                packed[at] = stack_no, compressor.compress(raws[at])
        return packed

    def _use(self, connection: apsw.Connection, outline: int, more: int, raw: bytes) -> tuple[int, bytes]:
        """The dictionary for texts with this outline, `raw` when there is none yet; counted as used."""
        found = self._ready.get(outline)
        if found is None and (kept := connection.execute(_FIND, (outline,)).fetchone()) is not None:
            try:
                found = kept[0], _decompress(kept[1], None)
            except ValueError:
                found = None  # Damaged: those that come now get another.
        if found is not None:
            # Here and not in memory it is known whether it still exists: retention removes what nothing
            # uses, and a transaction that added it may have failed.
            binds = {"more": more, "stack_no": found[0], "outline": outline, "most": USES_MOST}
            connection.execute(_USE, binds)
            if not connection.changes():
                found = None
        if found is None:
            stack_no: int = connection.execute(_ADD, (self._plain.compress(raw),)).get
            connection.execute(_ADD_OUTLINE, (stack_no, outline, more))
            found = stack_no, raw
        self._ready[outline] = found
        self._ready.move_to_end(outline)
        if len(self._ready) > KEPT:
            self._ready.popitem(last=False)
        return found


class TextReader:
    """Unpacks texts inside one read transaction; keeps the last dictionaries that it met."""

    def __init__(self) -> None:
        self._ready: OrderedDict[int, zstandard.ZstdDecompressor] = OrderedDict()
        self._last: tuple[bytes, Texts] = (b"", _LOST)

    def texts(self, packed: bytes, stack_no: int | None, stack: bytes | None) -> Texts:
        """The texts of a row. stack: the data of the row of error_stack that stack_no names."""
        if packed != self._last[0]:
            self._last = packed, self._unpacked(packed, stack_no, stack)
        return self._last[1]

    def _unpacked(self, packed: bytes, stack_no: int | None, stack: bytes | None) -> Texts:
        try:
            decompressor = None if stack_no is None else self._decompressor(stack_no, stack)
            texts: Texts = _decode(_decompress(packed, decompressor))
            return texts
        except (ValueError, msgspec.MsgspecError):
            return _LOST

    def _decompressor(self, stack_no: int, stack: bytes | None) -> zstandard.ZstdDecompressor:
        found = self._ready.get(stack_no)
        if found is None:
            if stack is None:
                raise ValueError(f"error_stack {stack_no} is lost")
            found = zstandard.ZstdDecompressor(dict_data=_dictionary(_decompress(stack, None)))
            self._ready[stack_no] = found
            if len(self._ready) > KEPT:
                self._ready.popitem(last=False)
        return found


def _raw(record: ErrorRecord) -> bytes:
    context = None if record.context is None else _encode_context(record.context).decode()
    return _encode(
        (
            record.source,
            record.source_id,
            record.module,
            record.function,
            record.message,
            record.stack_trace,
            context,
        )
    )


def _outline(record: ErrorRecord) -> int:
    """Equal for errors whose stack traces differ by what the error says and by numbers only."""
    stack = record.stack_trace
    last = max(stack.rfind("\n "), stack.rfind("\n\t"))
    if last < 0:
        return _hash(record.service, stack or record.fingerprint)
    end = stack.find("\n", last + 1)
    frames = stack if end < 0 else stack[:end]
    hashed = _hash if len(frames) <= _SHORT else _hash.__wrapped__
    return hashed(record.service, frames)


@lru_cache(maxsize=256)
def _hash(service: str, stack: str) -> int:
    lines = stack.encode().translate(None, _CHANGING).split(b"\n")
    frames = b"\n".join([line for line in lines if line[:1] in b" \t#"])
    digest = hashlib.blake2b(frames or stack.encode(), digest_size=8, key=service.encode()[:64]).digest()
    return int.from_bytes(digest, signed=True)


def _dictionary(raw: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _compressor(raw: bytes) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary(raw), write_checksum=True)


def _decompress(data: bytes, decompressor: zstandard.ZstdDecompressor | None) -> bytes:
    """What a frame holds. Raises ValueError."""
    try:
        if not 0 <= zstandard.frame_content_size(data) <= _RAW_MOST:
            raise ValueError("a frame of impossible size")
        return (decompressor or zstandard.ZstdDecompressor()).decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
