"""A server on the loopback that answers as the service's POST /api/ingest does."""

from __future__ import annotations

import email.message
import json
from typing import Any

from tests.client.stand_in import Answer, StandIn

TOKEN = "hantu_ingest_5f0e1d2c3b4a59687786"


def refusal(status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
    """A refusal in the service's form."""
    headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return Answer(status, {"error": {"code": "error", "message": message}}, headers)


class IngestApi(StandIn):
    """The server. items: what was stored, by id; sent: how often each id came. alerts: whether it tells
    people itself. most_bytes: a larger body is answered with 413; refuses: messages with these words
    are rejected."""

    def __init__(self, *, alerts: bool = False, most_bytes: int = 10 << 20) -> None:
        super().__init__()
        self.alerts = alerts
        self.most_bytes = most_bytes
        self.refuses = "\0"
        self.well = True
        self.items: dict[str, dict[str, Any]] = {}
        self.batches: list[list[str]] = []

    @property
    def dsn(self) -> str:
        """What HANTU_DSN is set to."""
        return f"http://{TOKEN}@127.0.0.1:{self.port}"

    @property
    def sent(self) -> list[str]:
        """Every id that came, as often as it came."""
        return [each for batch in self.batches for each in batch]

    def allowed(self, path: str, headers: email.message.Message) -> Answer | None:
        """The token is looked at first; anybody may ask for the health."""
        if path != "/healthz" and headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, "this token is unknown or was revoked")
        return None

    def reply(self, path: str, headers: email.message.Message, body: bytes) -> Answer:
        """/healthz and /api/ingest."""
        if path == "/healthz":
            return Answer(200 if self.well else 503, {"status": "ok" if self.well else "degraded"})
        if len(body) > self.most_bytes:
            return refusal(413, "the body expands to too much; send less at once")
        items = [json.loads(line) for line in body.decode().split("\n")]
        self.batches.append([item["id"] for item in items])
        rejected = [
            {"line": number, "message": "this one is refused"}
            for number, item in enumerate(items, 1)
            if self.refuses in item["message"]
        ]
        taken = [item for item in items if self.refuses not in item["message"]]
        new = [item for item in taken if item["id"] not in self.items]
        self.items.update({item["id"]: item for item in new})
        said = {
            "accepted": len(new),
            "duplicates": len(taken) - len(new),
            "rejected": rejected,
            "rejectedCount": len(rejected),
            "alerts": self.alerts,
        }
        return Answer(200 if taken else 422, said)
