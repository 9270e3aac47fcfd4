"""Where errors are delivered to, by DSN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from hantu.client.sink_error import SinkError

if TYPE_CHECKING:
    from hantu.errors import ErrorRecord

__all__ = ["ALLOWED", "Parcel", "Receipt", "Sink", "SinkError", "fingerprint_of", "open_sink"]

ALLOWED: Final = "http://TOKEN@HOST:PORT, https://TOKEN@HOST or sqlite:////PATH/hantu.db"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of records that were handed over.

    notifies: the receiver tells people of them itself. refused: why some of them, by position, were
    not taken and never will be."""

    notifies: bool = False
    refused: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record on its way. alerted: the library has told people of it already."""

    record: ErrorRecord
    alerted: bool


class Sink(Protocol):
    """Takes errors. Used by one thread at a time."""

    @property
    def place(self) -> str:
        """Where it leads, as it may be shown."""

    @property
    def may_notify(self) -> bool:
        """Whether the receiver may tell people itself, which its receipts then say."""

    def send(self, parcels: Sequence[Parcel]) -> Receipt:
        """Have these stored, each once however often it is sent. Raises SinkError."""

    def mark_resolved(self, error_id: str) -> bool:
        """Have the group of the error with this UUID resolved; False when it was. Raises SinkError."""

    def probe(self) -> None:
        """Look whether the receiver could take records now. Raises SinkError when it could not."""

    def cancel(self) -> None:
        """Let a call that is under way in another thread fail soon."""

    def close(self) -> None:
        """Let go of what is open; send() opens it again."""


def open_sink(dsn: str) -> Sink | None:
    """The sink that `dsn` names, nothing opened yet; None for an empty one.

    Raises ValueError with what is allowed; never with the DSN, which may hold a token."""
    if not dsn:
        return None
    try:
        parts = urlsplit(dsn)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"dsn is no address; allowed: {ALLOWED}") from None
    if parts.scheme in ("http", "https") and host:
        from hantu.client.sink_http import HttpSink

        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return HttpSink(address, token=unquote(parts.username or ""))
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        from hantu.client.sink_sqlite import SqliteSink

        # sqlite:///x is relative and sqlite:////x absolute, as elsewhere.
        return SqliteSink(unquote(parts.path[1:]))
    raise ValueError(f"dsn has a form that is not known; allowed: {ALLOWED}")


def fingerprint_of(record: ErrorRecord) -> str:
    """The record's fingerprint, made now when the record has none yet."""
    if record.fingerprint:
        return record.fingerprint
    from hantu.errors import fingerprint, place

    return fingerprint(record.error_type, place(record), record.message, record.stack_trace)
