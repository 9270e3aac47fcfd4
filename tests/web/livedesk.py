"""A service on a real threaded server with clients of its live tail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket

from hantu.service import Service
from tests.web.desk import app_of, running_service, served

Message = dict[str, Any]
CLOSE_FRAME = 0x8


class Desk:
    """A service on a real threaded server."""

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.sockets: list[WebSocket] = []

    def socket(self, *, origin: str | None = "own", **headers: str) -> WebSocket:
        """A connected client; origin "own" is the page's, None sends none."""
        client = WebSocket()
        client.settimeout(10)
        client.connect(
            f"ws://127.0.0.1:{self.port}/ws/logs",
            origin=self.url if origin == "own" else origin,
            suppress_origin=origin is None,
            header=headers,
        )
        self.sockets.append(client)
        return client

    def tail(self, **asked: Any) -> WebSocket:
        """A client that has subscribed and is being followed for."""
        client = self.socket()
        subscribe(client, **{"after": self.service.signal.cursor, **asked})
        return client

    def close(self) -> None:
        for client in self.sockets:
            client.shutdown()


def subscribe(client: WebSocket, **asked: Any) -> None:
    client.send(json.dumps({"type": "subscribe-logs", "timestamp": time.time_ns() // 10**6, **asked}))


def received(client: WebSocket) -> Message:
    message: Message = json.loads(client.recv())
    return message


def texts(client: WebSocket, count: int) -> list[str]:
    """The messages of the next `count` entries."""
    found: list[str] = []
    while len(found) < count:
        message = received(client)
        assert message["type"] == "logs", message
        found += [log["message"] for log in message["data"]]
    return found


@contextmanager
def desk_over(data_dir: Path, **settings: object) -> Iterator[Desk]:
    with running_service(data_dir, **settings) as service, served(app_of(service)) as port:
        desk = Desk(service, port)
        try:
            yield desk
        finally:
            service.begin_stop()
            desk.close()
