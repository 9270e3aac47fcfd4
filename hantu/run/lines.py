"""What a program prints → lines for POST /api/ingest, read as every collector reads them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hantu.client.run_report import new_uuid
from hantu.mask import SensitiveDataFilter

if TYPE_CHECKING:
    from hantu.formats.parser import LineParser
    from hantu.model import LogEntry

LINE_BYTES_MOST: Final = 256 << 10
"""Of a longer line the beginning is kept, with its true length."""
SOURCE: Final = "run"

Put = Callable[[list[dict[str, Any]]], None]


class Lines:
    """The lines of one stream. metadata: goes into each; put: takes them as /api/ingest does."""

    def __init__(
        self, job_name: str, metadata: dict[str, Any], put: Put, mask: SensitiveDataFilter
    ) -> None:
        self._job_name = job_name
        self._metadata = metadata
        self._put = put
        self._mask = mask
        self._rest = b""
        self._left_out = 0
        self._parser: LineParser | None = None
        self._plain = False

    def feed(self, data: bytes) -> None:
        """Take what was printed, cut anywhere."""
        *whole, rest = data.split(b"\n")
        lines: list[bytes] = []
        for part in whole:
            self._take(part)
            line, left_out = self._rest, self._left_out
            self._rest, self._left_out = b"", 0
            if left_out:
                self._parse(lines)
                lines = []
                self._long(line, left_out)
            else:
                lines.append(_shown(line))
        self._take(rest)
        self._parse(lines)

    def flush(self) -> None:
        """Nothing came for a while: what may have gone on has not."""
        if self._parser is not None:
            self._send(self._parser.flush(time.time_ns()))

    def end(self) -> None:
        """Nothing will come any more."""
        if self._rest:
            self.feed(b"\n")
        self.flush()

    def _take(self, part: bytes) -> None:
        room = LINE_BYTES_MOST - len(self._rest)
        self._rest += part[:room]
        self._left_out += max(0, len(part) - room)

    def _parse(self, lines: list[bytes]) -> None:
        if not lines:
            return
        now_ns = time.time_ns()
        parser = self._reader()
        if parser is not None:
            self._send(parser.feed(lines, [now_ns] * len(lines), now_ns))
            return
        texts = [line.decode("utf-8", "replace") for line in lines]
        self._put([self._item(text, "info", now_ns, self._metadata, "") for text in texts if text.strip()])

    def _long(self, line: bytes, left_out: int) -> None:
        self.flush()
        metadata = {**self._metadata, "truncated_bytes": len(line) + left_out}
        self._put(
            [self._item(_shown(line).decode("utf-8", "replace"), "info", time.time_ns(), metadata, "")]
        )

    def _reader(self) -> LineParser | None:
        """What knows levels, stack traces and JSON; None where only the log library is installed."""
        if self._parser is None and not self._plain:
            try:
                from hantu.formats.parser import LineParser
            except ImportError:
                self._plain = True
                return None
            self._parser = LineParser(source=SOURCE, source_id=self._job_name, metadata=self._metadata)
        return self._parser

    def _send(self, entries: list[LogEntry]) -> None:
        if entries:
            messages, metadatas = self._mask.mask_batch(
                [each.message for each in entries], [each.metadata for each in entries]
            )
            self._put(
                [
                    self._masked(
                        text,
                        each.level.label,
                        each.time_ns,
                        metadata or {},
                        each.event_id.hex() if each.event_id is not None else "",
                    )
                    for each, text, metadata in zip(entries, messages, metadatas, strict=True)
                ]
            )

    def _item(
        self, text: str, level: str, time_ns: int, metadata: dict[str, Any], event: str
    ) -> dict[str, Any]:
        return self._masked(self._mask.mask(text), level, time_ns, dict(metadata), event)

    def _masked(
        self, text: str, level: str, time_ns: int, metadata: dict[str, Any], event: str
    ) -> dict[str, Any]:
        return {
            "id": event or new_uuid(time_ns),
            "message": text,
            "level": level,
            "timestamp": time_ns,
            "source": SOURCE,
            "sourceId": self._job_name,
            "metadata": metadata,
        }


def _shown(line: bytes) -> bytes:
    # A progress bar writes over itself: what stood there last is what a terminal shows.
    return line.rstrip(b"\r").rpartition(b"\r")[2] if b"\r" in line else line


class Tail:
    """The last bytes of what was printed."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Take what was printed."""
        self._kept = (self._kept + data)[-self._most :]

    def text(self) -> str:
        """As text that begins with a whole line, if there is one."""
        kept = self._kept
        if len(kept) == self._most:
            kept = kept.partition(b"\n")[2] or kept
        return kept.decode("utf-8", "replace").replace("\0", "\ufffd").rstrip()


def host_name() -> str:
    """The name of this machine."""
    return os.uname().nodename
