"""Lines of one stream → entries: formats, times, levels and multi-line records come together here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

import msgspec

from hantu.formats import level as levels
from hantu.formats import multiline
from hantu.formats.detect import TEXT, Reader
from hantu.formats.multiline import Group, Trace
from hantu.formats.parsed import Parsed
from hantu.formats.timestamp import DAY_NS, OLDEST_NS, SECOND_NS, Clock
from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry, LogLevel, Metadata

LATELY_RECORDS: Final = 200
"""For so many records after a multi-line one, a stream counts as one that has them."""
APART_NS: Final = 2 * SECOND_NS
"""An engine's time and the line's own may differ by this much: the way through the pipe."""

_QUARTER_NS: Final = 900 * SECOND_NS
# One byte that is no UTF-8 becomes three: below this no line can exceed the limit.
_SURELY_FITS_BYTES: Final = MESSAGE_LIMIT_BYTES // 3
_ERROR: Final = LogLevel.ERROR


class LineParser:
    """Makes entries of the lines of one stream (one file, or one stream of one container).

    default_level: for lines in which none is found. tz: the zone of times that name none; None: the
    system's. metadata: goes into every entry; a line's own key of the same name becomes `line_…`.

    The last record is held only when it may go on: a stack trace is open, its level is error or
    fatal, its format is known to go on, or the stream had a multi-line record within the last
    LATELY_RECORDS. Whether a line goes on with a record follows the same rule, so that the entries
    do not depend on how the stream was cut into chunks."""

    def __init__(
        self,
        *,
        source: str,
        source_id: str,
        metadata: Metadata | None = None,
        default_level: LogLevel = LogLevel.INFO,
        tz: tzinfo | None = None,
    ) -> None:
        self._source = source
        self._source_id = source_id
        self._base: Metadata = dict(metadata or {})
        self._default_level = default_level
        self._clock = Clock(tz)
        self._now_ns = 0
        self._reader = Reader(self._clock)
        self._group: Group | None = None
        self._broken_off: Group | None = None
        self._lately = 0
        self._after_head = False
        self._lag_ns: int | None = None

    @property
    def held(self) -> int:
        """Lines fed whose entry was not returned yet."""
        return 0 if self._group is None else self._group.fed

    def feed(self, lines: Sequence[bytes], times_ns: Sequence[int] | None, now_ns: int) -> list[LogEntry]:
        """The entries that are finished, in order.

        lines: without their newline; a carriage return at the end is dropped. times_ns: the
        engine's time of each line, which is then the entry's time; None: the time is read from the
        text. A line without a time takes the one of the line before it, moved on by the time passed
        since that was read; now_ns when there was none. Blank lines outside a record are skipped."""
        self._clock.now_ns = self._now_ns = now_ns
        done: list[LogEntry] = []
        read = self._reader.read
        entry_of = self._entry
        engine_ns: int | None = None
        for at, raw in enumerate(lines):
            if times_ns is not None:
                engine_ns = times_ns[at]
            found = read(raw)
            if isinstance(found, str):
                self._headless(found, engine_ns, done)
                continue
            if self._group is not None:
                done.append(self._group.close())
                self._group = None
            entry = entry_of(found, engine_ns)
            if self._lately:
                self._lately -= 1
            self._broken_off = None
            kind = found.format
            if kind.closed or not (entry.level >= _ERROR or self._lately or kind.lasting):
                done.append(entry)
            else:
                self._group = Group(entry, headed=True)
            self._after_head = not kind.closed
        return done

    def flush(self, now_ns: int) -> list[LogEntry]:
        """What is held, as it is. A trace that is cut so goes on in an entry of its own."""
        self._clock.now_ns = self._now_ns = now_ns
        if self._group is None:
            return []
        group, self._group = self._group, None
        self._broken_off = group
        return [group.close()]

    def _headless(self, text: str, engine_ns: int | None, done: list[LogEntry]) -> None:
        plain = multiline.plain_of(text)
        if not plain or plain.isspace():
            self._blank(done)
            return
        group = self._group
        if group is not None:
            if group.takes(text, plain=plain):
                self._lately = LATELY_RECORDS
                if group.full:
                    done.append(group.close())
                    group = self._group = group.renew(self._rest(group, text, engine_ns))
                else:
                    group.add(text)
                return
            done.append(group.close())
            self._group = None
        elif self._broken_off is not None:
            broken, self._broken_off = self._broken_off, None
            if broken.resumes(text, plain=plain):
                self._group = broken.renew(self._rest(broken, text, engine_ns))
                return
        self._begin_plain(text, plain, engine_ns, done)

    def _blank(self, done: list[LogEntry]) -> None:
        group = self._group
        if group is None:
            return
        if group.full:
            done.append(group.close())
            self._group, self._broken_off = None, group
        else:
            group.blank()

    def _begin_plain(self, text: str, plain: str, engine_ns: int | None, done: list[LogEntry]) -> None:
        indented = plain[0] in " \t"
        trace = multiline.starts(plain)
        metadata: Metadata = {}
        level: LogLevel | None
        if trace is not None:
            level = LogLevel.FATAL if trace.lastgroup == Trace.GO else _ERROR
        elif indented and multiline.is_frame(plain):
            level = _ERROR
        else:
            found = levels.in_text(plain)
            level = None if found is None else found[0]
            if found is not None and found[1] and not levels.is_common(found[1]):
                levels.note_word(found[1], metadata)
        entry = self._entry(Parsed(TEXT, level, text, metadata or None), engine_ns)
        if level is None and indented and self._after_head:
            # The first indented line of a stream whose records have heads: from now on they go on.
            self._lately = LATELY_RECORDS
            self._group = Group(entry, headed=True)
        elif level is not None and level >= _ERROR:
            self._group = Group(entry, headed=False)
            self._group.begin(plain)
        else:
            done.append(entry)
        self._after_head = False

    def _rest(self, group: Group, text: str, engine_ns: int | None) -> LogEntry:
        """The entry of a line that goes on with a record whose entry was already made."""
        before = group.entry
        time_ns = engine_ns if engine_ns is not None else before.time_ns
        message, metadata = _cut(text, {**(before.metadata or {}), "continued": True})
        return LogEntry(before.source, before.source_id, before.level, message, time_ns, metadata)

    def _entry(self, parsed: Parsed, engine_ns: int | None) -> LogEntry:
        metadata = parsed.metadata
        if self._base:
            metadata = self._with_base(metadata)
        stamp = parsed.time
        if stamp is None:
            time_ns = engine_ns if engine_ns is not None else self._now_ns - (self._lag_ns or 0)
        else:
            time_ns, inferred = stamp
            if engine_ns is not None:
                if not -APART_NS <= engine_ns - time_ns <= APART_NS and _apart(engine_ns, stamp):
                    metadata = metadata or {}
                    metadata["time_text"] = _as_written(parsed.time_text)
                time_ns = engine_ns
            elif OLDEST_NS <= time_ns <= self._now_ns + 2 * DAY_NS:
                self._lag_ns = self._now_ns - time_ns
                if inferred:
                    metadata = metadata or {}
                    metadata["time_inferred"] = inferred
            else:
                time_ns = self._now_ns - (self._lag_ns or 0)
                metadata = metadata or {}
                metadata["time_text"] = _as_written(parsed.time_text)
        level = parsed.level
        if level is None:
            level = self._default_level
        message = parsed.message
        if len(message) > _SURELY_FITS_BYTES:
            message, metadata = _cut(message, metadata)
        return LogEntry(self._source, self._source_id, level, message, time_ns, metadata, parsed.event_id)

    def _with_base(self, own: Metadata | None) -> Metadata:
        if own is None:
            return self._base.copy()
        if not self._base.keys().isdisjoint(own):
            for key in self._base.keys() & own.keys():
                value = own.pop(key)
                if value != self._base[key]:
                    own[f"line_{key}"] = value
        return {**own, **self._base}


def _apart(engine_ns: int, stamp: tuple[int, str]) -> bool:
    """Whether the two times differ by more than a zone could explain."""
    if not stamp[1]:
        return True
    off = (engine_ns - stamp[0]) % _QUARTER_NS
    return min(off, _QUARTER_NS - off) > APART_NS


def _as_written(time_text: object) -> str:
    return time_text.strip() if isinstance(time_text, str) else msgspec.json.encode(time_text).decode()


def _cut(message: str, metadata: Metadata | None) -> tuple[str, Metadata | None]:
    """`message` within MESSAGE_LIMIT_BYTES; its true length goes to `truncated_bytes`."""
    encoded = message.encode()
    if len(encoded) <= MESSAGE_LIMIT_BYTES:
        return message, metadata
    kept = encoded[:MESSAGE_LIMIT_BYTES].decode("utf-8", "ignore")
    return kept, {**(metadata or {}), "truncated_bytes": len(encoded)}
