"""Old log files, compressed ones too, read once from beginning to end: for `hantu import`."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import tzinfo
from importlib import import_module
from pathlib import Path
from typing import IO, Final, cast

from msgspec.structs import replace

from hantu.collect.files.content import not_a_log
from hantu.collect.files.mark import HEAD_BYTES, label
from hantu.formats.parser import LineParser
from hantu.model import APP, MESSAGE_LIMIT_BYTES, LogEntry

BATCH_ENTRIES: Final = 1_000
BATCH_LINES: Final = 5_000
_DIGEST_BYTES: Final = 16
_BUFFER_BYTES: Final = 256 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"

OnProgress = Callable[[int, int], None]
"""Bytes of the file read so far, and its size."""


def read_entries(
    path: Path, *, tz: tzinfo | None, on_progress: OnProgress | None = None
) -> Iterator[list[LogEntry]]:
    """The entries of a file in lists of about BATCH_ENTRIES, parsed as the file collector does.

    gzip, bzip2, xz and, where Python can read it, zstd are seen through. tz: the zone of times that
    name none. A line without a time, and a year that is missing, are taken from the file's own time.

    Each entry has an event_id made of all bytes of the text up to its end: the same file gives the
    same ids again, also when it was moved, compressed or has grown since; a file that differs in any
    earlier byte gives others. Raises OSError, EOFError when the file is damaged or no text."""
    with path.open("rb") as raw:
        size = path.stat().st_size
        reading = _Reading(label(str(path)), tz, path.stat().st_mtime_ns)
        with _text_of(raw, path) as text:
            what = not_a_log(text.peek(HEAD_BYTES)[:HEAD_BYTES])
            if what:
                raise OSError(f"{path} is {what}, not a text log")
            try:
                for entries in reading.batches(text):
                    if on_progress is not None:
                        on_progress(min(raw.tell(), size), size)
                    if entries:
                        yield entries
            except (lzma.LZMAError, zlib.error) as error:
                raise OSError(f"{path} is damaged: {error}") from error
        if on_progress is not None:
            on_progress(size, size)


def _text_of(raw: IO[bytes], path: Path) -> io.BufferedReader:
    """The text of a file that may be compressed; told by its first bytes, not by its name."""
    head = raw.read(len(_XZ))
    raw.seek(0)
    text: IO[bytes]
    if head.startswith(_GZIP):
        text = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    elif head.startswith(_BZIP2):
        text = cast(IO[bytes], bz2.BZ2File(raw))
    elif head.startswith(_XZ):
        text = cast(IO[bytes], lzma.LZMAFile(raw))  # noqa: SIM115  the caller closes it
    elif head.startswith(_ZSTD):
        text = _zstd(raw, path)
    else:
        text = raw
    return io.BufferedReader(cast(io.RawIOBase, text), _BUFFER_BYTES)


def _zstd(raw: IO[bytes], path: Path) -> IO[bytes]:
    for module in ("compression.zstd", "zstandard"):
        try:
            return cast(IO[bytes], import_module(module).open(raw, "rb"))
        except ModuleNotFoundError:
            continue
    raise OSError(f"{path} is compressed with zstd, which needs the package zstandard, or: unzstd {path}")


class _Reading:
    """Feeds lines one by one, so that it is known which bytes each entry is made of."""

    def __init__(self, source_id: str, tz: tzinfo | None, now_ns: int) -> None:
        self._parser = LineParser(source=APP, source_id=source_id, tz=tz)
        self._now_ns = now_ns
        self._so_far = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._ends: deque[bytes] = deque()
        """The digest up to the end of each line whose entry is not there yet."""

    def batches(self, text: io.BufferedReader) -> Iterator[list[LogEntry]]:
        """Entries as they come; an empty list now and then when none come for long. What could be
        read of a damaged file comes before its error."""
        out: list[LogEntry] = []
        try:
            yield from self._whole_batches(text, out)
        except (OSError, EOFError, lzma.LZMAError, zlib.error):
            self._flush(out)
            yield out
            raise
        self._flush(out)
        yield out

    def _whole_batches(self, text: io.BufferedReader, out: list[LogEntry]) -> Iterator[list[LogEntry]]:
        """All but the last batch, which stays in `out`."""
        lines = 0
        if text.peek(len(_BOM)).startswith(_BOM):
            self._so_far.update(text.read(len(_BOM)))
        while line := text.readline(MESSAGE_LIMIT_BYTES):
            if line.endswith(b"\n") or len(line) < MESSAGE_LIMIT_BYTES:
                self._line(line, out)
            else:
                self._long_line(line, text, out)
            lines += 1
            if len(out) >= BATCH_ENTRIES or lines >= BATCH_LINES:
                yield out[:]
                out.clear()
                lines = 0

    def _line(self, line: bytes, out: list[LogEntry]) -> None:
        self._so_far.update(line)
        self._ends.append(self._so_far.digest())
        entries = self._parser.feed((line.removesuffix(b"\n"),), None, self._now_ns)
        self._name(entries, out)

    def _flush(self, out: list[LogEntry]) -> None:
        self._name(self._parser.flush(self._now_ns), out)

    def _long_line(self, head: bytes, text: io.BufferedReader, out: list[LogEntry]) -> None:
        """A line of which only the head is kept; its true length goes to the metadata."""
        self._flush(out)
        self._so_far.update(head)
        length = len(head)
        while part := text.readline(MESSAGE_LIMIT_BYTES):
            self._so_far.update(part)
            length += len(part)
            if part.endswith(b"\n"):
                length -= 1
                break
        self._ends.append(self._so_far.digest())
        entries = self._parser.feed((head,), None, self._now_ns) + self._parser.flush(self._now_ns)
        if entries and length > MESSAGE_LIMIT_BYTES:
            metadata = {**(entries[-1].metadata or {}), "truncated_bytes": length}
            entries[-1] = replace(entries[-1], metadata=metadata)
        self._name(entries, out)

    def _name(self, entries: list[LogEntry], out: list[LogEntry]) -> None:
        """Give entries their ids, after the last line that they are made of."""
        end = b""
        while len(self._ends) > self._parser.held:
            end = self._ends.popleft()
        for at, entry in enumerate(entries):
            if entry.event_id is not None:
                out.append(entry)
                continue
            own = end
            if at < len(entries) - 1:
                own = hashlib.blake2b(end + at.to_bytes(4, "big"), digest_size=_DIGEST_BYTES).digest()
            out.append(replace(entry, event_id=own))
