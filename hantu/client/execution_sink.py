"""Reports of runs to the running service: /api/executions and, for their lines, /api/ingest."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from hantu.client.address import address_of
from hantu.client.sink_error import SinkError

if TYPE_CHECKING:
    from hantu.client.execution_spool import Report
    from hantu.client.http_call import Answer, Caller

PATH: Final = "/api/executions"
INGEST_PATH: Final = "/api/ingest"
CONNECT_LIMIT_S: Final = 3.0
ANSWER_LIMIT_S: Final = 15.0
_SAID_CHARS_MOST: Final = 200
_REFUSED_NOW: Final = 409
_JSON: Final = {"Content-Type": "application/json"}
_BROUGHT: Final = (
    *("output", "tokensUsed", "inputTokens", "outputTokens", "estimatedCost"),
    *("exitCode", "peakMemoryBytes", "cpuMs"),
)


class ExecutionSink:
    """The service at `address`, which asks for `token`. Each report may be sent again and counts once.

    Its text forms never show the token."""

    def __init__(self, address: str, *, token: str) -> None:
        self._address = address
        self._token = token
        self._opened: Caller | None = None

    def __repr__(self) -> str:
        return f"ExecutionSink({self.place!r})"

    @property
    def place(self) -> str:
        """Host and port of the service."""
        return address_of(self._address).place

    def send(self, report: Report) -> None:
        """Have one report stored. Raises SinkError."""
        if report.kind == "run":
            self._run(report)
        elif report.kind == "artifact":
            self._artifact(report)

    def send_entries(self, entries: Sequence[dict[str, Any]]) -> None:
        """Have lines stored; what is too large at once goes in parts. Raises SinkError."""
        body = "\n".join(json.dumps(each, ensure_ascii=False) for each in entries)
        answer = self._answer(
            "POST", INGEST_PATH, body.encode("utf-8", "replace"), {"Content-Type": "application/x-ndjson"}
        )
        if answer.status == 413 and len(entries) > 1:
            half = len(entries) // 2
            self.send_entries(entries[:half])
            self.send_entries(entries[half:])
            return
        if answer.status != 422:
            self._done(answer)

    def heartbeat(self, run: str, interval_ms: int) -> str:
        """Give a sign of life; the run's status, by which it is seen that somebody cancelled it.

        Raises SinkError."""
        answer = self._done(self._call("POST", f"{_of(run)}/heartbeat", {"intervalMs": interval_ms}))
        return str(_object(answer.body).get("status", ""))

    def cancel(self) -> None:
        """Let a call that is under way in another thread fail now."""
        if self._opened is not None:
            self._opened.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._opened is not None:
            self._opened.close()

    def _run(self, report: Report) -> None:
        """Tell how a run stands. One that has ended otherwise by now, cancelled or given up as lost, stays
        so; what else is known of it is added."""
        body = report.body
        answer = self._call("POST", PATH, body)
        if answer.status != _REFUSED_NOW:
            said = _object(self._done(answer).body)
            if body["status"] == "RUNNING" or _is_ours(said, body):
                return
        elif body["status"] == "RUNNING":
            self._done(answer)
        brought: dict[str, Any] = {name: body[name] for name in _BROUGHT if name in body}
        if brought:
            self._done(self._call("PATCH", _of(report.run), brought))

    def _artifact(self, report: Report) -> None:
        """Announce a file and send its content; one that is gone by now is told as such."""
        body = dict(report.body)
        path = Path(body.pop("path"))
        body.pop("copied", None)
        artifact = str(body["id"])
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(fd, "rb") as file:
                found = os.fstat(fd)
                if not stat.S_ISREG(found.st_mode):
                    raise SinkError(f"the artifact {path.name} is no file", permanent=True)
                size = found.st_size
                answer = self._call("POST", f"{_of(report.run)}/artifacts", {**body, "fileSize": size})
                if answer.status != _REFUSED_NOW:
                    self._done(answer)
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
                answer = self._answer("PUT", f"/api/artifacts/{quote(artifact)}/content", file, headers)
        except OSError as error:
            raise SinkError(
                f"the artifact {path.name} cannot be read: {error.strerror}", permanent=True
            ) from error
        if answer.status != _REFUSED_NOW:
            self._done(answer)

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        return self._answer(method, path, json.dumps(body).encode(), _JSON)

    def _answer(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        # http.client takes longer to load than all of the library: not before there is something to send.
        from hantu.client.http_call import Caller, CallError

        if self._opened is None:
            self._opened = Caller(
                self._address, connect_limit_s=CONNECT_LIMIT_S, answer_limit_s=ANSWER_LIMIT_S
            )
        token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        failed = ""
        try:
            return self._opened.send(method, path, body, {**headers, **token})
        except CallError as error:
            failed = str(error)
        raise SinkError(f"{self.place}: {failed}")

    def _done(self, answer: Answer) -> Answer:
        """The answer when it says that it was done. Raises SinkError with what the refusal means."""
        status = answer.status
        if status in (200, 201, 204):
            return answer
        if status == 429:
            raise SinkError(
                f"{self.place} asks to wait (429)", busy=True, retry_after_s=answer.retry_after_s or 1.0
            )
        if status in (401, 403):
            # Not for ever: the token can be mended, and what waits is still true then.
            raise SinkError(
                f"{self.place} refused the token ({status}); make one with "
                "`hantu token create NAME --scope ingest`"
            )
        error = _object(answer.body).get("error")
        words = str(error.get("message", ""))[:_SAID_CHARS_MOST] if isinstance(error, dict) else ""
        reason = f"{self.place} answered {status}{f': {words}' if words else ''}"
        raise SinkError(
            reason.replace(self._token or "\0", "***"),
            permanent=400 <= status < 500 and status != 408,
            retry_after_s=answer.retry_after_s,
        )


def sink_of(dsn: str) -> ExecutionSink | None:
    """The service that a dsn names; None for one that names none."""
    try:
        parts = urlsplit(dsn)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return ExecutionSink(address, token=unquote(parts.username or ""))


def _is_ours(said: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether the end that the service knows is the one that was told, not an earlier one."""
    took_ms = (body["completedAt"] - body["startedAt"]) // 1_000_000
    return said.get("durationMs") == took_ms and said.get("errorCode") == body.get("errorCode")


def _of(run: str) -> str:
    return f"{PATH}/{quote(run)}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
