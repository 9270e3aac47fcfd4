"""The UUID of an entry, made from the store's own number and the entry's key, and back."""

from __future__ import annotations

import re
import secrets
from typing import Final

STORE_ID_BITS: Final = 60
KEY_MOST: Final = (1 << 62) - 1

_LOW_BITS: Final = 48
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_store_id() -> int:
    """A random store number of 60 bits."""
    return secrets.randbits(STORE_ID_BITS)


class EntryIds:
    """Turns the keys of one store into UUID text and back, without a look-up.

    The first 60 free bits are the store's number, the last 62 the key; UUIDs of one store sort by
    key. Source of the layout: RFC 9562, section 5.8 "UUID Version 8"."""

    __slots__ = ("_first", "_prefix", "_short")

    def __init__(self, store_id: int) -> None:
        """store_id: 0 ≤ store_id < 2**60."""
        if not 0 <= store_id < 1 << STORE_ID_BITS:
            raise ValueError(f"a store id has {STORE_ID_BITS} bits")
        digits = f"{store_id:015x}"
        self._prefix = f"{digits[:8]}-{digits[8:12]}-8{digits[12:]}-"
        self._short = f"{self._prefix}8000-"
        self._first = int(f"{self._short}000000000000".replace("-", ""), 16)

    def text(self, key: int) -> str:
        """The UUID of the entry with this key, 0 ≤ key < 2**62, lower case."""
        if key >> _LOW_BITS:
            return f"{self._prefix}{0x8000 | key >> _LOW_BITS:04x}-{key & _LOW_MASK:012x}"
        return f"{self._short}{key:012x}"

    def octets(self, key: int) -> bytes:
        """The 16 bytes of that UUID."""
        return (self._first | key).to_bytes(16)

    def key(self, text: str) -> int | None:
        """The key behind a UUID in any case; None when it is no UUID of this store."""
        folded = text.lower()
        if not folded.startswith(self._prefix) or _UUID.fullmatch(folded) is None:
            return None
        key = (int(folded[19:23], 16) & 0x3FFF) << _LOW_BITS | int(folded[24:], 16)
        return key or None
