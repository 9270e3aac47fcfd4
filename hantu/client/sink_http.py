"""Errors to the running service: POST /api/ingest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hantu.client.address import address_of
from hantu.client.record import Plain
from hantu.client.sink import Parcel, Receipt, SinkError

if TYPE_CHECKING:
    from hantu.client.http_call import Answer, Caller

PATH: Final = "/api/ingest"
HEALTH_PATH: Final = "/healthz"
CONNECT_LIMIT_S: Final = 3.0
ANSWER_LIMIT_S: Final = 10.0
_SAID_CHARS_MOST: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HttpSink:
    """The service at `address`, which asks for `token`. Its text forms never show the token."""

    may_notify: Final = True

    def __init__(
        self,
        address: str,
        *,
        token: str,
        connect_limit_s: float = CONNECT_LIMIT_S,
        answer_limit_s: float = ANSWER_LIMIT_S,
    ) -> None:
        self._url = address
        self._limits_s = (connect_limit_s, answer_limit_s)
        self._opened: Caller | None = None
        self._token = token

    def __repr__(self) -> str:
        return f"HttpSink({self.place!r})"

    @property
    def place(self) -> str:
        """Host and port of the service."""
        return address_of(self._url).place

    def send(self, parcels: Sequence[Parcel]) -> Receipt:
        """Have these stored; answered after the commit. What is too large at once goes in parts."""
        body = "\n".join(_line(parcel) for parcel in parcels).encode("utf-8", "replace")
        answer = self._post(PATH, body, "application/x-ndjson")
        if answer.status == 413 and len(parcels) > 1:
            half = len(parcels) // 2
            first, second = self.send(parcels[:half]), self.send(parcels[half:])
            later = {half + place: reason for place, reason in second.refused.items()}
            return Receipt(first.notifies and second.notifies, {**first.refused, **later})
        said = _object(answer.body)
        if answer.status not in (200, 422):
            raise self._refusal(answer, said)
        if "accepted" not in said:
            # A gate of the network's may answer 200 to anything.
            raise SinkError(f"{self.place} answered, but not as the service does")
        return Receipt(said.get("alerts") is True, _rejected(said, len(parcels)))

    def mark_resolved(self, error_id: str) -> bool:
        """Have the group of this error resolved; False when it was. Raises SinkError."""
        answer = self._post(f"/api/errors/{error_id}/resolve", b"{}", "application/json")
        if answer.status == 404:
            raise SinkError(f"{self.place} knows no error {error_id}", permanent=True)
        if answer.status in (401, 403):
            raise SinkError(
                f"{self.place} lets only a token with scope admin resolve errors ({answer.status})",
                permanent=True,
            )
        if answer.status not in (200, 409):
            raise self._refusal(answer, _object(answer.body))
        return answer.status == 200

    def probe(self) -> None:
        """Look whether the service is there and well."""
        answer = self._get(HEALTH_PATH)
        if answer.status != 200:
            raise self._refusal(answer, _object(answer.body))

    def cancel(self) -> None:
        """Let a call that is under way in another thread fail now."""
        if self._opened is not None:
            self._opened.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._opened is not None:
            self._opened.close()

    def _caller(self) -> Caller:
        # http.client takes longer to load than all of the library: not before there is something to send.
        from hantu.client.http_call import Caller

        if self._opened is None:
            connect_s, answer_s = self._limits_s
            self._opened = Caller(self._url, connect_limit_s=connect_s, answer_limit_s=answer_s)
        return self._opened

    def _post(self, path: str, body: bytes, content_type: str) -> Answer:
        headers = {"Content-Type": content_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        from hantu.client.http_call import CallError

        failed = ""
        try:
            return self._caller().post(path, body, headers)
        except CallError as error:
            failed = str(error)
        raise SinkError(f"{self.place}: {failed}")

    def _get(self, path: str) -> Answer:
        from hantu.client.http_call import CallError

        failed = ""
        try:
            return self._caller().get(path)
        except CallError as error:
            failed = str(error)
        raise SinkError(f"{self.place}: {failed}")

    def _refusal(self, answer: Answer, said: Mapping[str, Any]) -> SinkError:
        """What the service's refusal means for the records."""
        status = answer.status
        if status in (401, 403):
            return SinkError(
                f"{self.place} refused the token of the DSN ({status}); make one with "
                "`hantu token create NAME --scope ingest`",
                permanent=True,
            )
        if status == 429:
            return SinkError(
                f"{self.place} asks to wait (429)", busy=True, retry_after_s=answer.retry_after_s or 1.0
            )
        error = said.get("error")
        words = str(error.get("message", ""))[:_SAID_CHARS_MOST] if isinstance(error, dict) else ""
        reason = f"{self.place} answered {status}{f': {words}' if words else ''}".replace(
            self._token or "\0", "***"
        )
        permanent = 300 <= status < 500 and status != 408
        return SinkError(reason, permanent=permanent, retry_after_s=answer.retry_after_s)


def _line(parcel: Parcel) -> str:
    """One record as /api/ingest reads it."""
    record = parcel.record
    # By service, function and error_type, empty or not, the store knows a record of the library.
    metadata: dict[str, Any] = {
        "service": record.service,
        "module": record.module,
        "function": record.function,
        "error_type": record.error_type,
    }
    more = {
        "stack_trace": record.stack_trace,
        "context": record.context,
        "trace_id": record.trace_id,
        "logger": record.module,
        "alerted": parcel.alerted,
    }
    metadata.update({key: value for key, value in more.items() if value})
    item = {
        "id": record.id,
        "message": record.message,
        "level": record.level,
        "timestamp": _iso(record.time_ns),
        "source": "app",
        "sourceId": record.service,
        "metadata": metadata,
    }
    return dumped(item)


def dumped(item: dict[str, Any]) -> str:
    """`item` as one line of strict JSON; what JSON has no form for is shown as its repr()."""
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(Plain().dict_of(item), ensure_ascii=False)


def _iso(time_ns: int) -> str:
    """The time as ISO 8601 in UTC, nanoseconds kept."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:09d}Z"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _rejected(said: Mapping[str, Any], sent: int) -> dict[int, str]:
    """Why lines were rejected, by position from 0."""
    found: dict[int, str] = {}
    rejected = said.get("rejected")
    for each in rejected if isinstance(rejected, list) else []:
        line = each.get("line") if isinstance(each, dict) else None
        if isinstance(line, int) and 1 <= line <= sent:
            found[line - 1] = str(each.get("message", ""))[:_SAID_CHARS_MOST]
    return found
