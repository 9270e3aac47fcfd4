"""Docker's log stream: chunks of bytes in, lines with their stream and time out.

Two shapes come from `/containers/{id}/logs?timestamps=1`. Without a TTY the stream is multiplexed:
8-byte header (kind, 3 zero bytes, big-endian length) + payload, one message a frame. With a TTY it
is raw text. In both, each message begins with the engine's time, `2026-11-21T02:01:05.601196259Z `
(or `+09:00` in place of `Z`: the `local` and `journald` drivers give the engine's own time zone).
A line longer than 16 KiB comes as several messages that share one time and repeat it; the last is
shorter and ends with a newline (without one from the `local` driver of engine 20.10).
Source: Docker Engine API, "Attach: stream format"; engine 20.10 as seen.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import datetime
from struct import Struct
from typing import Final, Protocol

from hantu.model import MESSAGE_LIMIT_BYTES

STDOUT: Final = "stdout"
STDERR: Final = "stderr"
TTY: Final = "tty"

FRAGMENT_BYTES: Final = 16_384
"""The engine cuts a line into pieces of this many bytes."""

_HEADER_BYTES: Final = 8
_SIZE: Final = Struct(">I")
_NEWLINE: Final = 10
_RETURN: Final = 13
_NS: Final = 1_000_000_000
# A frame the engine makes is at most a fragment and its time. Docker-compatible engines that do not
# cut lines send larger ones: beyond this a frame is read piece by piece and only its head is kept.
_WHOLE_FRAME_BYTES: Final = MESSAGE_LIMIT_BYTES + 64
_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_FULL_STAMP: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) ")


class FrameError(ValueError):
    """The stream is not what the engine says it is: an unknown kind of frame."""


@dataclass(slots=True)
class Lines:
    """Whole lines of one stream in the order of the engine, without their newline.

    times_ns[i] (epoch ns) belongs to lines[i]. oversize: for lines that were cut to
    MESSAGE_LIMIT_BYTES, position → true length in bytes. notices: what the engine itself said in
    the place of log lines ("Error grabbing logs: …")."""

    stream: str
    times_ns: list[int] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    oversize: dict[int, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


class Demux(Protocol):
    """Splits one connection's bytes; a new connection needs a new one."""

    def feed(self, chunk: bytes) -> list[Lines]:
        """The lines that `chunk` completes, one Lines a stream, the stream read last at the end.

        Raises FrameError."""
        ...

    def finish(self) -> list[Lines]:
        """The lines still open, for when the log really ended (a last line without newline)."""
        ...


def demux(*, tty: bool) -> Demux:
    """The splitter for a container with or without a TTY."""
    return TtyText() if tty else Frames()


class Stamps:
    """Reads the engine's times; remembers the second, which most lines share."""

    __slots__ = ("_base_ns", "_second")

    def __init__(self) -> None:
        self._second = b""
        self._base_ns = 0

    def split(self, message: bytes) -> tuple[int, int] | None:
        """(time in epoch ns, length of the time and its blank), or None when there is no time."""
        match = _STAMP.match(message)
        if match is None:
            return None
        base_ns = self.base_ns(match[1] + match[3])
        if base_ns is None:
            return None
        return base_ns + int((match[2] or b"0").ljust(9, b"0")), match.end()

    def base_ns(self, second: bytes) -> int | None:
        """Epoch ns of `2026-11-21T02:01:05Z` or `…+09:00`; None when there is no such time."""
        if second == self._second:
            return self._base_ns
        try:
            moment = datetime.fromisoformat(second.decode("ascii"))
        except ValueError:
            return None
        self._second = second
        self._base_ns = calendar.timegm(moment.utctimetuple()) * _NS
        return self._base_ns


class _Stream:
    """One stream's finished lines and its open line."""

    __slots__ = ("_kept", "_length", "_open_ns", "is_open", "last_ns", "out", "stamps")

    def __init__(self, name: str, stamps: Stamps) -> None:
        self.out = Lines(name)
        self.stamps = stamps
        self.is_open = False
        self.last_ns = 0
        self._open_ns = 0
        self._kept = bytearray()
        self._length = 0

    def take(self, message: bytes, length: int, *, ends: bool) -> None:
        """Add one message: its time and text without the newline. length: of the whole message
        when `message` is only its head. ends: it was followed by a newline."""
        split = self.stamps.split(message)
        if split is None:
            if message.startswith(b"Error grabbing logs"):
                self.out.notices.append(message.decode("utf-8", "replace"))
                return
            # Never seen from an engine; kept under the time before it rather than dropped.
            time_ns, skip = (self._open_ns if self.is_open else self.last_ns), 0
        else:
            time_ns, skip = split
        if self.is_open and time_ns != self._open_ns:
            # The open line's end never came: its container died within it and was started again.
            self.close()
        if not self.is_open:
            self.is_open = True
            self._open_ns = time_ns
        room = MESSAGE_LIMIT_BYTES - len(self._kept)
        if room > 0:
            self._kept += message[skip : skip + room]
        self._length += length - skip
        if ends or length - skip < FRAGMENT_BYTES:
            self.close()

    def close(self) -> None:
        """The open line, if any, is whole as it is."""
        if not self.is_open:
            return
        text = bytes(self._kept)
        length = self._length
        if self.out.stream == TTY and length == len(text) and text.endswith(b"\r"):
            text = text[:-1]
        self.add(self._open_ns, text, length)
        self.is_open = False
        self._kept.clear()
        self._length = 0

    def add(self, time_ns: int, text: bytes, length: int) -> None:
        """Add a whole line; length: its true length when `text` is only its head."""
        if length > MESSAGE_LIMIT_BYTES:
            text = _whole_characters(text[:MESSAGE_LIMIT_BYTES])
            self.out.oversize[len(self.out.lines)] = length
        self.last_ns = time_ns
        self.out.times_ns.append(time_ns)
        self.out.lines.append(text)

    def drain(self) -> Lines | None:
        """What is finished since the last drain."""
        if not self.out.lines and not self.out.notices:
            return None
        done, self.out = self.out, Lines(self.out.stream)
        return done


class Frames:
    """Split Docker's multiplexed stream; the bytes may be cut anywhere. See Demux."""

    def __init__(self) -> None:
        stamps = Stamps()
        self._out = _Stream(STDOUT, stamps)
        self._err = _Stream(STDERR, stamps)
        # Kind 0 is stdin "written on stdout"; 3 is the engine's own voice, which comes on stderr.
        self._streams = (self._out, self._out, self._err, self._err)
        self._stamps = stamps
        self._rest = b""
        self._last = self._out
        self._large: _LargeFrame | None = None

    def feed(self, chunk: bytes) -> list[Lines]:
        """The lines that `chunk` completes. Raises FrameError."""
        if self._large is not None:
            chunk = self._feed_large(self._large, chunk)
        data = self._rest + chunk if self._rest else chunk
        self._rest = data[self._split(data) :]
        return self._drain()

    def finish(self) -> list[Lines]:
        """The lines still open, as the log ended."""
        if self._large is not None:
            self._streams[self._large.kind].take(bytes(self._large.head), self._large.read, ends=True)
            self._large = None
        self._out.close()
        self._err.close()
        self._rest = b""
        return self._drain()

    def _drain(self) -> list[Lines]:
        first = self._err if self._last is self._out else self._out
        return [lines for stream in (first, self._last) if (lines := stream.drain()) is not None]

    def _split(self, data: bytes) -> int:
        """Take the whole frames of `data`; returns where the first one that is not whole begins.

        The hot loop: one pass a line, names bound outside, whole lines without a call."""
        streams, size_at, base_ns = self._streams, _SIZE.unpack_from, self._stamps.base_ns
        total = len(data)
        second, second_ns = b"", 0
        position = 0
        while position + _HEADER_BYTES <= total:
            kind = data[position]
            if kind > 3 or data[position + 1 : position + 4] != b"\0\0\0":
                raise FrameError(f"unknown frame header {data[position : position + 8].hex()}")
            start = position + _HEADER_BYTES
            size = size_at(data, position + 4)[0]
            end = start + size
            if end > total:
                if size <= _WHOLE_FRAME_BYTES:
                    return position
                self._large = _LargeFrame(kind, size)
                self._feed_large(self._large, data[start:])
                return total
            position = end
            if not size:
                continue
            stream = streams[kind]
            ends = data[end - 1] == _NEWLINE
            if (
                ends
                and not stream.is_open
                and size <= FRAGMENT_BYTES
                and data[start + 29 : start + 31] == b"Z "
            ):
                if data[start : start + 19] != second:
                    found = base_ns(data[start : start + 19] + b"Z")
                    second, second_ns = (b"", 0) if found is None else (data[start : start + 19], found)
                if second and data[start + 20 : start + 29].isdigit():
                    time_ns = second_ns + int(data[start + 20 : start + 29])
                    stream.out.times_ns.append(time_ns)
                    stream.out.lines.append(data[start + 31 : end - 1])
                    stream.last_ns = time_ns
                    self._last = stream
                    continue
            stream.take(data[start : end - ends], size - ends, ends=ends)
            self._last = stream
        return position

    def _feed_large(self, large: _LargeFrame, chunk: bytes) -> bytes:
        """Take a part of a frame too large to keep; returns what lies behind the frame."""
        part = chunk[: large.size - large.read]
        if part:
            room = _WHOLE_FRAME_BYTES - len(large.head)
            if room > 0:
                large.head += part[:room]
            large.read += len(part)
            large.ends = part[-1] == _NEWLINE
        if large.read == large.size:
            stream = self._streams[large.kind]
            stream.take(bytes(large.head), large.size - large.ends, ends=large.ends)
            self._last = stream
            self._large = None
        return chunk[len(part) :]


@dataclass(slots=True)
class _LargeFrame:
    kind: int
    size: int
    read: int = 0
    head: bytearray = field(default_factory=bytearray)
    ends: bool = False


class TtyText:
    """Split the raw stream of a TTY container, lines ending `\\r\\n`. See Demux."""

    def __init__(self) -> None:
        self._stamps = Stamps()
        self._stream = _Stream(TTY, self._stamps)
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Lines]:
        """The lines that `chunk` completes."""
        parts = (self._rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            self._line(part)
        # Whole fragments of a line without an end in sight go to the open line: memory stays bounded.
        self._rest = self._fragments(rest) if len(rest) > 4 * FRAGMENT_BYTES else rest
        return self._drain()

    def finish(self) -> list[Lines]:
        """The line still open, as the log ended."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""
        self._stream.close()
        return self._drain()

    def _drain(self) -> list[Lines]:
        lines = self._stream.drain()
        return [] if lines is None else [lines]

    def _line(self, line: bytes) -> None:
        """One line of the raw stream, its newline taken off."""
        stream = self._stream
        if len(line) <= FRAGMENT_BYTES and not stream.is_open and line[29:31] == b"Z ":
            base_ns = self._stamps.base_ns(line[:19] + b"Z")
            if (
                base_ns is not None
                and line[20:29].isdigit()
                and self._restart(line, time_ns := base_ns + int(line[20:29])) is None
            ):
                text = line[31:-1] if line[-1] == _RETURN else line[31:]
                stream.add(time_ns, text, len(text))
                return
        self._joined(self._fragments(line))

    def _joined(self, last: bytes) -> None:
        """The last piece of a line; a later engine time within it begins the line of a restart."""
        split = self._stamps.split(last)
        while split is not None and (cut := self._restart(last, split[0])) is not None:
            self._stream.take(last[:cut], cut, ends=True)
            last = last[cut:]
            split = self._stamps.split(last)
        self._stream.take(last, len(last), ends=True)

    def _fragments(self, line: bytes) -> bytes:
        """Move the leading fragments of `line` to the open line; returns the rest.

        A fragment is 16 KiB long and followed by the same time once more."""
        position = 0
        while (match := _STAMP.match(line, position)) is not None:
            end = match.end() + FRAGMENT_BYTES
            if not line.startswith(match[0], end):
                break
            self._stream.take(line[position:end], end - position, ends=False)
            position = end
        rest = line[position:]
        if len(rest) > MESSAGE_LIMIT_BYTES + FRAGMENT_BYTES:
            self._stream.take(rest, len(rest), ends=False)
            return b""
        return rest

    def _restart(self, line: bytes, time_ns: int) -> int | None:
        """Where an engine time later than the line's own stands within `line`.

        A program that dies within a line and is started again leaves `tail of it2026-… next`. A
        program's own times in its text are never later than the time the engine gave the line."""
        for match in _FULL_STAMP.finditer(line, 31):
            split = self._stamps.split(match[0])
            if split is not None and split[0] > time_ns:
                return match.start()
        return None


def _whole_characters(text: bytes) -> bytes:
    """`text` without a UTF-8 character that was cut off at its end."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return text[:-back] if needed > back else text
    return text
