"""`python -m tests.fault.tail_clients URL CLIENTS MESSAGES`: so many live tails in one process.

Prints "ready", then as JSON when each numbered message reached each client."""

from __future__ import annotations

import json
import re
import selectors
import socket
import struct
import sys
import time

_NUMBERED = re.compile(rb'"message": ?"tick (\d+)')
_SHAKE = (
    "GET /ws/logs HTTP/1.1\r\nHost: {host}\r\nOrigin: {url}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_GRACE_S = 20.0


class Client:
    """One live tail."""

    def __init__(self, url: str) -> None:
        host = url.removeprefix("http://")
        name, port = host.split(":")
        self.socket = socket.create_connection((name, int(port)), timeout=30)
        self.socket.sendall(_SHAKE.format(host=host, url=url).encode())
        self.held = b""
        while b"\r\n\r\n" not in self.held:
            self.held += self.socket.recv(4096)
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise SystemExit(head.decode())
        asked = json.dumps({"type": "subscribe-logs", "query": "tick"}).encode()
        # Masked with zeros: RFC 6455 asks for a mask, not for which.
        self.socket.sendall(bytes((0x81, 0x80 | len(asked))) + bytes(4) + asked)
        self.seen: list[int] = []

    def read(self) -> bool:
        """Take what came; False when the connection has ended."""
        data = self.socket.recv(1 << 16)
        self.held += data
        while len(self.held) >= 2:
            length, at = self.held[1] & 0x7F, 2
            if length == 126 and len(self.held) >= 4:
                (length,), at = struct.unpack(">H", self.held[2:4]), 4
            elif length == 127 and len(self.held) >= 10:
                (length,), at = struct.unpack(">Q", self.held[2:10]), 10
            elif length > 125:
                break
            if len(self.held) < at + length:
                break
            body, self.held = self.held[at : at + length], self.held[at + length :]
            self.seen += [int(number) for number in _NUMBERED.findall(body)]
        return bool(data)


def main() -> None:
    """Connect, read until all have all messages, tell."""
    url, clients, messages = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        client = Client(url)
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ, client)
    print("ready", flush=True)
    arrived: list[tuple[int, int]] = []
    missing = clients * messages
    quiet_since = time.monotonic()
    while missing and time.monotonic() - quiet_since < _GRACE_S:
        for key, _ in selector.select(1.0):
            client = key.data
            if not client.read():
                selector.unregister(client.socket)
            now_ns = time.monotonic_ns()
            if client.seen:
                quiet_since = time.monotonic()
            arrived += [(number, now_ns) for number in client.seen]
            missing -= len(client.seen)
            client.seen = []
    print(json.dumps(arrived))


if __name__ == "__main__":
    main()
