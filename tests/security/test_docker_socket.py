"""hantu needs no more of Docker than reading (S18), through the socket of docs/security.md."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from tests.collect.desk import Desk
from tests.engine import PrivateEngine
from tests.engine import engine as whole_engine
from tests.security.nginx import RECIPES, running
from tests.waiting import wait_until

pytestmark = pytest.mark.docker
engine = whole_engine
SECRET = "swordfish-7731"


@pytest.fixture
def containers(engine: PrivateEngine) -> Iterator[PrivateEngine]:
    yield engine
    engine.remove_containers()


def ask(path: Path, method: str, target: str) -> int:
    """The status of a request to a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        return int(connection.recv(64).split()[1])


def test_a_socket_that_lets_only_reading_pass_is_enough(containers: PrivateEngine, tmp_path: Path) -> None:
    near = tmp_path / "read-only.sock"
    changes = {"/run/hantu-docker.sock": str(near), "/var/run/docker.sock": str(containers.socket)}
    with running(tmp_path, RECIPES[1], changes) as log:
        wait_until(near.exists)
        with Desk({"DOCKER_HOST": f"unix://{near}"}) as desk:
            desk.watching()
            containers.run(f"export WORD={SECRET}; seq 1 50; sleep 60", name="read")
            desk.wait_messages("read", 50)
            containers.run("seq 1 3", name="late")
            desk.wait_messages("late", 3)
            kept = repr(list(desk.store.export(LogQuery()))) + repr(desk.store.checkpoints(""))
        assert "PATH=" not in kept
        assert SECRET not in kept
        asked = {tuple(line.split()[:2]) for line in log.read_text().splitlines()}
        refused = [line for line in log.read_text().splitlines() if line.split()[2] == "403"]
        assert {method for method, _ in asked} == {"GET"}
        assert refused == [], "nothing else is asked for"
        for method, target in (
            ("POST", "/containers/read/stop"),
            ("POST", "/containers/create"),
            ("DELETE", "/containers/read"),
            ("POST", "/v1.41/containers/read/json"),
            ("GET", "/containers/read/archive?path=/"),
            ("GET", "/containers/../images/json"),
            ("POST", "/build"),
        ):
            assert ask(near, method, target) in (400, 403), (method, target)
