"""What stands behind the engine's address: refusals, nonsense, silence."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hantu.collect.docker_engine import Engine, own_container
from hantu.collect.docker_stream import Address, ContainerGone, EngineError, EngineStream

Serve = Callable[[bytes], Address]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A socket that answers every request with the given bytes and closes."""
    with tempfile.TemporaryDirectory(prefix="hantu-test-") as folder:
        path = Path(folder) / "s"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(5)
        threads: list[threading.Thread] = []

        def answer(data: bytes) -> None:
            near, _ = server.accept()
            with near:
                near.recv(65536)
                near.sendall(data)

        def begin(data: bytes) -> Address:
            threads.append(threading.Thread(target=answer, args=(data,)))
            threads[-1].start()
            return Address(path=str(path))

        yield begin
        for thread in threads:
            thread.join(5)
        server.close()


def read_all(address: Address) -> bytes:
    stream = EngineStream(address, "/containers/x/logs", {"follow": "1"})
    found = b""
    try:
        while (chunk := stream.read(5)) != b"":
            found += chunk or b""
    finally:
        stream.close()
    return found


def refusal(status: str, message: str) -> bytes:
    return (
        f'HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n{{"message":"{message}"}}\n'.encode()
    )


def test_the_body_comes_as_it_is(serve: Serve) -> None:
    assert read_all(serve(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nmore")) == b"body\r\n\r\nmore"


@pytest.mark.promise("M25")
@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal("404 Not Found", "No such container: x"), ContainerGone, "No such container"),
        (
            refusal("409 Conflict", "can not get logs from container which is dead or marked for removal"),
            ContainerGone,
            "dead",
        ),
        (
            refusal("501 Not Implemented", "configured logging driver does not support reading"),
            EngineError,
            "log driver",
        ),
        (refusal("403 Forbidden", "no"), EngineError, "proxy"),
        (refusal("500 Internal Server Error", "boom"), EngineError, "boom"),
        (b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>", EngineError, "<html>"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", EngineError, "does not speak HTTP"),
        (b"x" * 70_000, EngineError, "does not speak HTTP"),
        (b"", EngineError, "without an answer"),
    ],
)
def test_a_refusal_says_why(serve: Serve, answer: bytes, error: type[EngineError], says: str) -> None:
    with pytest.raises(error, match=says):
        read_all(serve(answer))


@pytest.mark.promise("M26")
def test_a_read_ends_at_once_when_cancelled_from_another_thread() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="hantu-test-") as folder,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.bind(f"{folder}/s")
        server.listen(1)
        stream = EngineStream(Address(path=f"{folder}/s"), "/events", {})
        assert stream.read(0.01) is None
        got: list[bytes | None] = []
        thread = threading.Thread(target=lambda: got.append(stream.read(60)))
        thread.start()
        stream.cancel()
        thread.join(5)
        assert got == [b""]
        stream.cancel()
        stream.close()
        stream.cancel()


@pytest.mark.promise("M18", "M25")
@pytest.mark.parametrize(
    ("host", "says", "fix"),
    [
        ("unix:///nowhere/docker.sock", "there is no Docker engine", "systemctl start docker"),
        ("tcp://127.0.0.1:9", "does not answer", "systemctl start docker"),
        ("ssh://desk", "no address hantu can use", "unix:///path"),
        ("nonsense://x", "no address hantu can use", "unix:///path"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_told_with_the_fix(host: str, says: str, fix: str) -> None:
    engine = Engine({"DOCKER_HOST": host})
    assert engine.host == host
    for act in (engine.containers, lambda: engine.logs("x", {}), lambda: engine.events(None)):
        with pytest.raises(EngineError, match=says) as caught:
            act()
        assert fix in caught.value.fix


@pytest.mark.promise("M18", "M25")
def test_a_permission_denied_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Address) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Address, "connect", refuse)  # root may open everything
    with pytest.raises(EngineError, match="permission denied") as caught:
        Engine({}).containers()
    assert caught.value.fix.startswith("usermod -aG docker hantu")


@pytest.mark.promise("M18")
def test_without_docker_host_the_usual_socket_is_used() -> None:
    assert Engine({}).address() == Address(path="/var/run/docker.sock")
    assert Engine({"DOCKER_HOST": "unix:///x/y.sock"}).address() == Address(path="/x/y.sock")
    assert Engine({"DOCKER_HOST": "tcp://10.0.0.1:2375"}).address() == Address(host="10.0.0.1", port=2375)
    assert Engine({}).local
    assert not Engine({"DOCKER_HOST": "tcp://10.0.0.1:2375"}).local


def test_the_own_container_is_known_by_its_mounts_and_its_host_name(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    own = "ab" * 32
    mounts.write_text(
        f"612 606 8:1 /var/lib/docker/containers/{own}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
        f"613 606 8:1 /x /var/lib/docker/containers/{'cd' * 32}/mounts/shm rw - tmpfs shm rw\n"
    )
    assert own_container("server", mounts) == (own,)
    assert own_container("0123456789ab", tmp_path / "none") == ("0123456789ab",)
    assert own_container("server", tmp_path / "none") == ()
