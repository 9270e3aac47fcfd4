"""The bytes of a log file, wherever they lie now: in a plain file or in a compressed copy."""

from __future__ import annotations

import gzip
import os
import struct
from typing import Final, Protocol

from hantu.collect.files.mark import HEAD_BYTES, FileMark, Identity, crc

_NUL_SHARE: Final = 0.3
_MAGIC: Final = (
    (b"LPKSHHRH", "a journal file"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "compressed"),
    (b"\x28\xb5\x2f\xfd", "compressed"),
    (b"\xfd7zXZ\x00", "compressed"),
    (b"BZh", "compressed"),
    (b"PK\x03\x04", "compressed"),
    (b"SQLite format 3\x00", "a database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


class Content(Protocol):
    """Bytes that can be read at any place. final: no more bytes will come."""

    identity: Identity
    final: bool

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer at the end."""
        ...

    def measure(self) -> tuple[int, int, int]:
        """Size in bytes, time of the last change in ns, number of names."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class PlainContent:
    """A file as it is."""

    def __init__(self, descriptor: int, *, final: bool = False) -> None:
        status = os.fstat(descriptor)
        self.identity: Identity = (status.st_dev, status.st_ino)
        self.final = final
        self._descriptor = descriptor

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        return os.pread(self._descriptor, length, offset)

    def measure(self) -> tuple[int, int, int]:
        """Size, time of change, number of names."""
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns, status.st_nlink

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class GzipContent:
    """What a gzip file holds. Reading backwards begins again at its start.

    Raises OSError or EOFError when the file is damaged or not complete."""

    final = True

    def __init__(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self.identity: Identity = (status.st_dev, status.st_ino)
        self._mtime_ns = status.st_mtime_ns
        # RFC 1952: the last four bytes are the length of the text, modulo 2^32.
        last = os.pread(descriptor, 4, max(0, status.st_size - 4))
        self._size = struct.unpack("<I", last)[0] if len(last) == 4 else 0
        self._raw = os.fdopen(descriptor, "rb")
        self._text = gzip.GzipFile(fileobj=self._raw)

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` of the text."""
        self._text.seek(offset)
        return self._text.read(length)

    def measure(self) -> tuple[int, int, int]:
        """Size of the text (modulo 4 GiB), time of change, one name."""
        return self._size, self._mtime_ns, 1

    def close(self) -> None:
        """Close the file."""
        self._text.close()
        self._raw.close()


def begins_like(content: Content, mark: FileMark) -> bool:
    """Whether the content's first bytes are those of the mark."""
    if not mark.head_length:
        return True
    head = content.read_at(0, mark.head_length)
    return len(head) == mark.head_length and crc(head) == mark.head_crc


def holds(content: Content, mark: FileMark) -> bool:
    """Whether the content goes at least as far as the mark, and is the same up to there."""
    if content.measure()[0] < mark.offset or not begins_like(content, mark):
        return False
    tail = content.read_at(mark.offset - mark.tail_length, mark.tail_length)
    return len(tail) == mark.tail_length and crc(tail) == mark.tail_crc


def is_certain(mark: FileMark) -> bool:
    """Whether so much of the file is known that no other file holds it by chance."""
    return mark.offset >= HEAD_BYTES and mark.head_length == HEAD_BYTES


def not_a_log(head: bytes) -> str:
    """What a file that begins with `head` is, when it is no text to read; else ""."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if len(head) >= 16 and head.count(0) > len(head) * _NUL_SHARE:
        return "a binary file"
    return ""
