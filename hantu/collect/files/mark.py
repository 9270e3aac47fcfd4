"""FileMark: how far a file was read, and how the file is known again."""

from __future__ import annotations

import logging
import os
import zlib
from typing import Final

import msgspec

log = logging.getLogger(__name__)

PREFIX: Final = "file:"
HEAD_BYTES: Final = 1024
TAIL_BYTES: Final = 256
NOWHERE: Final = (0, 0)

Identity = tuple[int, int]
"""Device and inode."""


class FileMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The checkpoint of one file that is or was under a path.

    path: as label() writes it. number: the path's files in the order they came, from 0. device and
    inode: (0, 0) when the file is no longer known by them. head: length and CRC-32 of the first
    bytes, at most HEAD_BYTES, since file systems give an inode to another file at once. tail: length
    and CRC-32 of the bytes just before offset, since two files can begin alike. offset: all before it
    is stored. size and mtime_ns: as last seen. done: read to its end and closed. folder: where it lay,
    links resolved."""

    path: str
    number: int
    device: int
    inode: int
    head_length: int
    head_crc: int
    tail_length: int
    tail_crc: int
    offset: int
    size: int
    mtime_ns: int
    done: bool = False
    folder: str = ""

    @property
    def name(self) -> str:
        """Its checkpoint's name."""
        return f"{PREFIX}{self.path}#{self.number}"

    @property
    def identity(self) -> Identity:
        """Device and inode."""
        return self.device, self.inode

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)


def decode_mark(name: str, raw: bytes) -> FileMark | None:
    """The mark stored under `name`; None, and a line in hantu's own log, when it is no mark."""
    try:
        return msgspec.json.decode(raw, type=FileMark)
    except msgspec.MsgspecError as error:
        log.warning("the checkpoint %s cannot be read and is not used: %s", name, error)
        return None


def label(path: str) -> str:
    """`path` as text that can be stored: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def crc(data: bytes) -> int:
    """CRC-32."""
    return zlib.crc32(data)
