"""LogFile: one open file, read chunk by chunk into entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from hantu.collect.files.content import Content, not_a_log
from hantu.collect.files.mark import HEAD_BYTES, TAIL_BYTES, FileMark, Identity, crc
from hantu.collect.files.opening import Trouble
from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry

CHUNK_BYTES: Final = MESSAGE_LIMIT_BYTES
"""Read at a time. Not smaller than the longest message kept, so that a chunk without a newline is
the head of a line too long to keep whole."""

_BOM: Final = b"\xef\xbb\xbf"
_NULS: Final = bytes(64)


class Parser(Protocol):
    """Lines → entries: formats.parser.LineParser."""

    @property
    def held(self) -> int: ...

    def feed(
        self, lines: Sequence[bytes], times_ns: Sequence[int] | None, now_ns: int
    ) -> list[LogEntry]: ...

    def flush(self, now_ns: int) -> list[LogEntry]: ...


MakeParser = Callable[[str], Parser]
"""source_id → a parser for its lines."""


class Rewritten(Exception):
    """The file no longer holds what was read from it: it was truncated or written anew."""


class LogFile:
    """A file that is, or was, under a path.

    offset: all before it has been fed to the parser. looked_to: all before it has been looked at; the
    bytes in between are the beginning of a line whose newline is not there yet. changed_ns: when it
    changed last by the clock as it is set now, which mtime_ns is not always."""

    def __init__(self, content: Content, mark: FileMark, make_parser: MakeParser) -> None:
        self.content = content
        self.first = mark
        self.path = mark.path
        self.number = mark.number
        self.submitted = 0
        self.size = mark.size
        self._own_size = mark.size
        self.mtime_ns = self.changed_ns = self._own_changed_ns = mark.mtime_ns
        self.names = 1
        self._make_parser = make_parser
        self.fed_s = 0.0
        self.failing_s = 0.0
        self.grown_s = 0.0
        self.reset(mark)

    def reset(self, mark: FileMark) -> None:
        """Go back to `mark`."""
        # A copy made before the last lines were read ends sooner than they did.
        most = self.content.measure()[0] if self.content.final else mark.offset
        if most < mark.offset:
            mark = replace(mark, offset=most, tail_length=0, tail_crc=0)
        self.offset = self.looked_to = mark.offset
        self._parser = self._make_parser(self.path)
        self._held: list[int] = []
        self._long: _LongLine | None = None
        self._head_length = mark.head_length
        self._head_crc = mark.head_crc
        self._tail = b""
        self._other = False
        if mark.tail_length and not self.content.final:
            self._tail = self.content.read_at(mark.offset - mark.tail_length, mark.tail_length)
            # Also when it is too short to have a tail there: it was truncated meanwhile.
            self._other = crc(self._tail) != mark.tail_crc
        self._mark = replace(mark, device=self.identity[0], inode=self.identity[1], done=False)

    @property
    def identity(self) -> Identity:
        """Device and inode of where the bytes lie now."""
        return self.content.identity

    @property
    def mark(self) -> FileMark:
        """Its checkpoint: before the first line whose entry was not handed out."""
        return replace(
            self._mark,
            head_length=self._head_length,
            head_crc=self._head_crc,
            size=max(self.size, self._mark.offset),
            mtime_ns=self.changed_ns,
        )

    @property
    def holding(self) -> bool:
        """Whether lines wait for what may go on with them."""
        return bool(self._held)

    @property
    def partial(self) -> bool:
        """Whether the last line seen has no newline yet."""
        return self.looked_to > self.offset

    @property
    def at_end(self) -> bool:
        """Whether all that is known to be there has been looked at."""
        return self.looked_to >= self.size

    def measure(self, now_ns: int, now_s: float, known: tuple[int, int, int] | None = None) -> None:
        """Learn the size. known: size, mtime_ns and number of names, when they were just asked for.
        Raises Rewritten when the file is shorter than what was read."""
        size, mtime_ns, self.names = known or self.content.measure()
        if self._other:
            raise Rewritten
        if size != self.size or not self.grown_s:
            self.grown_s = now_s
        if size == self.size and mtime_ns != self.mtime_ns:
            self._check_tail()
        if size < self.looked_to:
            raise Rewritten
        self.size = size
        if mtime_ns != self.mtime_ns:
            self.mtime_ns = self.changed_ns = mtime_ns
        # A time to come is another clock's, or from before ours was set back.
        self.changed_ns = min(self.changed_ns, now_ns)

    def intact(self) -> bool:
        """Whether the file still holds what was read from it."""
        try:
            if self._other or self.content.measure()[0] < self.looked_to:
                return False
            self._check_tail()
        except Rewritten:
            return False
        return True

    def _check_tail(self) -> None:
        """Something was written and the size is the same: it may be another text of equal length."""
        if self._tail and self.content.read_at(self._at - len(self._tail), len(self._tail)) != self._tail:
            raise Rewritten

    @property
    def _at(self) -> int:
        return self.offset if self._long is None else self._long.end

    def take(self, now_ns: int, now_s: float) -> list[LogEntry]:
        """The entries finished by the next chunk.

        Raises Rewritten, OSError, EOFError, and Trouble when the file is no log."""
        try:
            entries = self._take(now_ns, now_s)
        except Rewritten:
            # What was measured last is the length of another text: nothing of it is missing here. And a
            # copy of this one may be as old as this one was.
            self.size = self._own_size
            self.changed_ns = min(self.changed_ns, self._own_changed_ns)
            raise
        self._own_size = self.size
        self._own_changed_ns = self.changed_ns
        return entries

    def _take(self, now_ns: int, now_s: float) -> list[LogEntry]:
        at = self._at
        back = 0 if self.content.final else len(self._tail)
        data = self.content.read_at(at - back, back + min(CHUNK_BYTES, self.size - at))
        if data[:back] != self._tail[len(self._tail) - back :]:
            raise Rewritten
        if at == 0:
            self._begin(data)
        if self._head_length < HEAD_BYTES and (at == back or not self.content.final):
            self._learn_head(data if at == back else None)
        self.fed_s = now_s
        if self._long is not None:
            return self._go_on(data, back, now_ns)
        return self._take_lines(data, back, now_ns)

    def _begin(self, data: bytes) -> None:
        what = not_a_log(data[:HEAD_BYTES])
        # Zeros first and text behind them: a program that went on writing at its old place after the
        # file was truncated.
        if what and data.startswith(_NULS) and not not_a_log(data.lstrip(b"\0")[:HEAD_BYTES]):
            what = ""
        if what:
            raise Trouble(f"{self.path} is {what}", quiet=True)

    def _learn_head(self, data: bytes | None) -> None:
        head = (self.content.read_at(0, HEAD_BYTES) if data is None else data)[:HEAD_BYTES]
        if len(head) <= self._head_length:
            return
        if crc(head[: self._head_length]) != self._head_crc:
            raise Rewritten
        self._head_length = len(head)
        self._head_crc = crc(head)

    def _take_lines(self, data: bytes, back: int, now_ns: int) -> list[LogEntry]:
        start = self.offset - back
        first = back
        if self.offset == 0 and data.startswith(_BOM):
            first += len(_BOM)
        elif data.startswith(_NULS, back):
            first = len(data) - len(data[back:].lstrip(b"\0"))
            if first == len(data):
                self._skip(data)
                return []
        last = data.rfind(b"\n", first)
        if last < 0:
            return self._no_newline(data, first, back)
        lines = data[first:last].split(b"\n")
        entries = self._feed(lines, now_ns, first - back)
        self.offset = start + last + 1
        self.looked_to = start + len(data) if len(data) - back < CHUNK_BYTES else self.offset
        self._tail = data[max(0, last + 1 - TAIL_BYTES) : last + 1]
        self._remark(data, start)
        return entries

    def _skip(self, data: bytes) -> None:
        """Zeros are left out."""
        self.offset += len(data) - (0 if self.content.final else len(self._tail))
        self.looked_to = self.offset
        self._tail = data[-TAIL_BYTES:]
        self._remark(data, self.offset - len(data))

    def _no_newline(self, data: bytes, first: int, back: int) -> list[LogEntry]:
        length = len(data) - back
        if length >= CHUNK_BYTES:
            self._long = _LongLine(data[first:], self.offset + length, self._tail)
            self._tail = data[-TAIL_BYTES:]
        self.looked_to = self.offset + length
        return []

    def _feed(self, lines: list[bytes], now_ns: int, skipped: int = 0) -> list[LogEntry]:
        entries = self._parser.feed(lines, None, now_ns)
        held = self._parser.held
        if not held:
            self._held = []
        elif held <= len(lines):
            self._held = [len(line) + 1 for line in lines[-held:]]
            if held == len(lines):
                self._held[0] += skipped
        else:
            lengths = [len(line) + 1 for line in lines]
            lengths[0] += skipped
            self._held = (self._held + lengths)[-held:]
        return entries

    def _go_on(self, data: bytes, back: int, now_ns: int) -> list[LogEntry]:
        """The line that is too long goes on: only its end is looked for."""
        long = self._long
        assert long is not None  # noqa: S101  take() asked
        newline = data.find(b"\n", back)
        if newline < 0:
            long.end += len(data) - back
            self.looked_to = long.end
            self._tail = data[-TAIL_BYTES:]
            return []
        start = long.end - back
        entries = self._end_long(long, start + newline, now_ns)
        self.offset = self.looked_to = start + newline + 1
        self._tail = data[max(0, newline + 1 - TAIL_BYTES) : newline + 1]
        self._remark(data, start)
        return entries

    def _end_long(self, long: _LongLine, end: int, now_ns: int) -> list[LogEntry]:
        entries = self.flush(now_ns)
        entries += self._parser.feed([long.head], None, now_ns)
        entries += self._parser.flush(now_ns)
        self._long = None
        true_bytes = end - self.offset
        if entries and true_bytes > MESSAGE_LIMIT_BYTES:
            metadata = {**(entries[-1].metadata or {}), "truncated_bytes": true_bytes}
            entries[-1] = replace(entries[-1], metadata=metadata)
        return entries

    def flush(self, now_ns: int) -> list[LogEntry]:
        """What the parser holds, as it is."""
        if not self._held:
            return []
        self._held = []
        entries = self._parser.flush(now_ns)
        before = self._tail if self._long is None else self._long.before
        self._remark(before, self.offset - len(before))
        return entries

    def finish(self, now_ns: int) -> list[LogEntry]:
        """What is left of a file to which nothing more will be written: the last line, without its
        newline, and what the parser holds."""
        if not self.partial:
            return self.flush(now_ns)
        if self._long is not None:
            end = self._long.end
            entries = self._end_long(self._long, end, now_ns)
        else:
            data = self.content.read_at(self.offset, self.looked_to - self.offset)
            end = self.offset + len(data)
            self._tail = (self._tail + data)[-TAIL_BYTES:]
            entries = self._parser.feed([data], None, now_ns) + self._parser.flush(now_ns)
            self._held = []
        self.offset = self.looked_to = end
        self._remark(self._tail, end - len(self._tail))
        return entries

    def skip(self) -> None:
        """Leave out what is there: it cannot be read. Nothing is held."""
        self.failing_s = 0.0
        self._long = None
        self._tail = b""
        self.offset = self.looked_to = self.size
        self._mark = replace(self._mark, tail_length=0, tail_crc=0, offset=self.offset)

    def _remark(self, data: bytes, start: int) -> None:
        """Move the mark before the lines held. data: bytes at hand, which begin at `start`."""
        offset = self.offset - sum(self._held)
        tail = data[max(0, offset - TAIL_BYTES - start) : max(0, offset - start)]
        if not tail and offset and not self.content.final:
            tail = self.content.read_at(max(0, offset - TAIL_BYTES), min(TAIL_BYTES, offset))
        self._mark = replace(
            self._mark,
            tail_length=len(tail),
            tail_crc=crc(tail),
            offset=offset,
        )

    def close(self) -> None:
        """Let go of the file."""
        self.content.close()


class _LongLine:
    """A line longer than a chunk. head: its beginning; end: how far it has been looked through;
    before: the bytes before it."""

    __slots__ = ("before", "end", "head")

    def __init__(self, head: bytes, end: int, before: bytes) -> None:
        self.head = head
        self.end = end
        self.before = before
