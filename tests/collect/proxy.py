"""A proxy before the engine's socket that cuts log streams wherever it likes."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CuttingProxy:
    """Passes everything on; a log stream it cuts after a random number of bytes up to most_bytes."""

    def __init__(self, path: Path, target: Path, *, most_bytes: int, seed: int) -> None:
        self.path = path
        self.cuts = 0
        self._target = target
        self._most_bytes = most_bytes
        self._random = random.Random(seed)
        self._open: set[socket.socket] = set()
        self._deaf: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(50)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self._target))
            request = near.recv(65536)
            far.sendall(request)
            follows = b"/logs?" in request and b"follow=1" in request
            with self._lock:
                left = self._random.randrange(self._most_bytes) if follows and self._most_bytes else None
                self._open |= {near, far}
                threads = [
                    threading.Thread(target=self._pass, args=(near, far, None), daemon=True),
                    threading.Thread(target=self._pass, args=(far, near, left), daemon=True),
                ]
                self._threads += threads
            for thread in threads:
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, left: int | None) -> None:
        try:
            while chunk := source.recv(65536):
                if source in self._deaf:
                    continue
                if left is not None and len(chunk) >= left:
                    sink.sendall(chunk[:left])
                    self.cuts += 1
                    break
                sink.sendall(chunk)
                left = None if left is None else left - len(chunk)
        except OSError:
            pass
        self._shut(source, sink)

    def _shut(self, *ends: socket.socket) -> None:
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def forget(self) -> None:
        """Pass nothing on any more over the connections that are open now, and leave them open."""
        with self._lock:
            self._deaf |= self._open

    def close(self) -> None:
        """End every connection and thread."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._shut(*self._open)
        for thread in self._threads:
            thread.join(5)
        for end in self._open:
            end.close()


@contextmanager
def cutting_proxy(folder: Path, target: Path, *, most_bytes: int, seed: int = 1) -> Iterator[CuttingProxy]:
    """A proxy that listens at folder/proxy.sock."""
    proxy = CuttingProxy(folder / "proxy.sock", target, most_bytes=most_bytes, seed=seed)
    try:
        yield proxy
    finally:
        proxy.close()
