"""A run of a job as it is told of: bodies of /api/executions within their limits, whatever was given."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from hantu.client.execution_spool import Report

if TYPE_CHECKING:
    from decimal import Decimal

JOB_NAME_MOST: Final = 255
MODEL_MOST: Final = 100
CODE_MOST: Final = 100
FILE_NAME_MOST: Final = 255
TEXT_BYTES_MOST: Final = 1 << 20
ERROR_BYTES_MOST: Final = 64 << 10
JSON_BYTES_MOST: Final = 60 << 10
STACK_CHARS_MOST: Final = 32 << 10
TIMEOUT_MS_MOST: Final = 365 * 86_400_000
"""At most what hantu.executions.limits allows, which takes longer to load than a short run may wait."""

_TYPES: Final = {
    "CODE": (".py", ".js", ".ts", ".sh", ".sql", ".java", ".go", ".rs", ".c", ".h", ".patch", ".diff"),
    "DOCUMENT": (".md", ".pdf", ".txt", ".html", ".docx", ".rst"),
    "IMAGE": (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"),
    "DATA": (".csv", ".json", ".jsonl", ".parquet", ".xlsx", ".db", ".xml", ".gz", ".zip"),
    "LOG": (".log", ".out", ".err"),
}


class Mask(Protocol):
    """Takes secrets out."""

    def mask(self, text: str) -> str:
        """A text without secrets."""

    def mask_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Values without secrets."""


def new_uuid(now_ns: int) -> str:
    """A UUID that sorts by time. Source of the layout: RFC 9562, section 5.7 "UUID Version 7"."""
    bits = int.from_bytes(os.urandom(10), "big") & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62
    text = f"{(now_ns // 1_000_000 & ((1 << 48) - 1)) << 80 | bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class RunReport:
    """What is known of one run, and the reports of it. Times are nanoseconds since the epoch."""

    def __init__(
        self,
        job_name: object,
        prompt: object = "",
        *,
        mask: Mask,
        model: object = "",
        max_tokens: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        callback_url: str = "",
        pod_name: str = "",
        is_permanent: bool = False,
    ) -> None:
        now_ns = time.time_ns()
        self.id = new_uuid(now_ns)
        # Longer than those of lines: a run whose trace id another one has is refused.
        self.trace_id = os.urandom(8).hex()
        self._mask = mask
        self._began = time.monotonic_ns()
        self._took_ns = -1
        self._output = ""
        self._tokens = [0, 0]
        self._cost: Decimal | None = None
        self._failed: dict[str, Any] | None = None
        name = head(mask.mask(str(job_name)).strip()[:JOB_NAME_MOST], TEXT_BYTES_MOST) or "job"
        self.body: dict[str, Any] = {
            "id": self.id,
            "traceId": self.trace_id,
            "jobName": name,
            "prompt": head(mask.mask(str(prompt)), TEXT_BYTES_MOST) or name,
            "status": "RUNNING",
            "createdAt": now_ns,
            "startedAt": now_ns,
        }
        asked = {
            "model": str(model)[:MODEL_MOST],
            "maxTokens": max_tokens,
            "metadata": self._json(metadata),
            "resources": self._json(resources),
            "timeout": None if timeout_s is None else min(max(1, round(timeout_s * 1000)), TIMEOUT_MS_MOST),
            "callbackUrl": callback_url,
            "podName": pod_name[:JOB_NAME_MOST],
            "isPermanent": is_permanent,
        }
        self.body.update({key: value for key, value in asked.items() if value})

    def began(self) -> Report:
        """That it runs."""
        return Report("run", self.id, dict(self.body))

    def add_tokens(self, used: int, made: int, cost: Decimal | float | str | None) -> None:
        """Add tokens and their cost. Raises ValueError for what is no number."""
        used, made = int(used), int(made)
        if used < 0 or made < 0:
            raise ValueError("tokens are counted from 0")
        if cost is not None:
            from decimal import Decimal, InvalidOperation

            try:
                added = Decimal(str(cost))
            except InvalidOperation:
                added = Decimal("NaN")
            if not added.is_finite() or added < 0:
                raise ValueError(f"cost is {cost!r}; allowed: a number from 0")
            self._cost = (self._cost or Decimal(0)) + added
        self._tokens = [self._tokens[0] + used, self._tokens[1] + made]

    def add_output(self, text: str) -> None:
        """Add to its output, of which the end is kept."""
        joined = f"{self._output}\n{text}" if self._output else text
        self._output = joined[-TEXT_BYTES_MOST:]

    def artifact(
        self,
        path: Path,
        *,
        name: str = "",
        kind: str = "",
        tags: Mapping[str, str] | None = None,
        retention_days: float | None = None,
    ) -> Report:
        """That it left a file. Raises OSError when there is none, ValueError for a wrong type."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file")
        if kind and kind.upper() not in (*_TYPES, "OTHER"):
            raise ValueError(f"type is {kind!r}; allowed: {', '.join(_TYPES)} or OTHER")
        body = {
            "id": new_uuid(time.time_ns()),
            "fileName": (name or path.name)[-FILE_NAME_MOST:],
            "path": os.path.realpath(path),
            "type": kind.upper() or _type_of(path),
            "tags": {str(key): str(value) for key, value in (tags or {}).items()},
            "retentionDays": retention_days,
        }
        return Report("artifact", self.id, {key: value for key, value in body.items() if value})

    def fail(self, message: str, *, code: str, details: Any = None) -> None:
        """Have it end as FAILED."""
        masked = head(self._mask.mask(message), ERROR_BYTES_MOST)
        self._failed = {"errorCode": code[:CODE_MOST] or "FAILED", "errorMessage": masked}
        found = None if details is None else self._json({"value": details})
        if found:
            self._failed["errorDetails"] = found["value"]

    def fail_by(self, error: BaseException) -> None:
        """Have it end as FAILED by an exception."""
        import traceback

        try:
            said = str(error)
        except Exception:  # an exception of the application, whose text fails
            said = ""
        stack = self._mask.mask("".join(traceback.format_exception(error)))[-STACK_CHARS_MOST:]
        code = type(error).__name__
        self.fail(said or code, code=code, details={"stackTrace": stack})

    def over(self) -> None:
        """It ends now, whatever is still to be told."""
        if self._took_ns < 0:
            self._took_ns = time.monotonic_ns() - self._began

    def ended(self, *, cancelled: str = "", **more: Any) -> Report:
        """How it ended, with all that is known. cancelled: why it was stopped, if it was.

        more: further fields of the body, such as exitCode."""
        self.over()
        body = {
            **self.body,
            "completedAt": self.body["startedAt"] + self._took_ns,
            "status": "FAILED" if self._failed else "COMPLETED",
            **(self._failed or {}),
            **more,
        }
        if cancelled:
            body.update(status="CANCELLED", reason=cancelled)
        if any(self._tokens):
            body.update(inputTokens=self._tokens[0], outputTokens=self._tokens[1])
            body["tokensUsed"] = sum(self._tokens)
        if self._cost is not None:
            body["estimatedCost"] = str(self._cost)
        if self._output:
            body["output"] = tail(self._mask.mask(self._output), TEXT_BYTES_MOST)
        return Report("run", self.id, body)

    def _json(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        """The values as plain JSON without secrets; what is too large is left out and said to be."""
        if not values:
            return {}
        import json

        try:
            found = json.loads(json.dumps(values, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            from hantu.client.record import Plain

            found = Plain().dict_of(values)
        plain = self._mask.mask_metadata(found)
        size = len(json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace"))
        return plain if size <= JSON_BYTES_MOST else {"leftOut": f"{size} bytes"}


def head(text: str, most_bytes: int) -> str:
    """The beginning of a text that fits."""
    encoded = text.encode("utf-8", "replace")
    return encoded[:most_bytes].decode("utf-8", "ignore")


def tail(text: str, most_bytes: int) -> str:
    """The end of a text that fits."""
    encoded = text.encode("utf-8", "replace")
    return encoded[-most_bytes:].decode("utf-8", "ignore")


def is_stop(error: BaseException) -> bool:
    """Whether an exception says that somebody stopped the work, which is no failure."""
    asyncio = sys.modules.get("asyncio")
    kinds = (KeyboardInterrupt, GeneratorExit, *((asyncio.CancelledError,) if asyncio else ()))
    return isinstance(error, kinds)


def _type_of(path: Path) -> str:
    suffix = path.suffix.lower()
    return next((kind for kind, suffixes in _TYPES.items() if suffix in suffixes), "OTHER")
