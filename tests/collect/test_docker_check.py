"""A stream that died without a sign is noticed by the newest line that the engine has, and made anew."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.docker import DockerLogCollector, key_of
from hantu.service.canary import Sung, Way
from hantu.service.canary_engine import EngineCanary
from tests.collect.desk import Desk
from tests.collect.proxy import cutting_proxy
from tests.engine import PrivateEngine
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.fault]

NEVER = threading.Event()
WAITS = "echo first; while [ ! -e /go ]; do usleep 20000; done; echo second; sleep 100"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="hantu-test-") as folder:
        yield Path(folder)


def looked(canary: EngineCanary) -> Sung:
    canary.look(NEVER)
    assert canary.last is not None
    return canary.last


def test_dead_streams_are_noticed_and_made_anew(containers: PrivateEngine, short_path: Path) -> None:
    with (
        cutting_proxy(short_path, containers.socket, most_bytes=0) as proxy,
        Desk({"DOCKER_HOST": f"unix://{proxy.path}"}) as desk,
    ):
        desk.watching()
        speaks = containers.run(WAITS, name="speaks")
        containers.run("echo one; sleep 100", name="quiet", tty=True)
        over = containers.run("true", name="over")
        mute = containers.run("echo x; sleep 100", name="mute", options=("--log-driver", "none"))
        desk.wait_messages("speaks", 1)
        desk.wait_messages("quiet", 1)
        desk.wait_state(mute, CollectorState.FAILED)
        desk.wait_state(over, CollectorState.ENDED)
        well = looked(EngineCanary(desk.manager))
        assert (well.way, well.missed, well.looked_at) == (Way.DOCKER, False, 2)
        assert well.delay_s is not None

        proxy.forget()
        containers.docker("exec", speaks, "sh", "-c", "echo > /go")
        wait_until(lambda: containers.docker("logs", "--tail", "1", speaks) == "second")
        new = containers.run("echo new; sleep 100", name="new")
        assert desk.messages("speaks") == ["first"]
        assert desk.state(speaks) is CollectorState.COLLECTING, "nothing tells of it"
        missed = looked(EngineCanary(desk.manager, missed_s=0.5))
        assert (missed.missed, missed.names, missed.delay_s) == (True, ("new", "speaks"), None)

        desk.wait_messages("speaks", 2)
        desk.wait_messages("new", 1)
        assert desk.state(new) is not None
        desk.watching()
        again = looked(EngineCanary(desk.manager))
        assert (again.missed, again.looked_at) == (False, 3)
        assert desk.messages("speaks") == ["first", "second"]
        assert desk.messages("quiet") == ["one"]
        own = ("speaks", "quiet", "new", "over", "mute")
        assert [gap for gap in desk.store.gaps() if gap.source_id in own] == []


def test_an_unfinished_line_is_not_waited_for(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        # The engine hands on what has no end yet only once it has 16 KiB of it.
        open_line = "echo whole; head -c 40000 /dev/zero | tr '\\0' o; sleep 100"
        container_id = containers.run(open_line, name="open")
        desk.wait_messages("open", 1)
        wait_until(lambda: len(containers.docker("logs", container_id)) > 30_000)
        assert not looked(EngineCanary(desk.manager, missed_s=0.5)).missed
        collector = desk.manager.get(key_of(container_id))
        assert isinstance(collector, DockerLogCollector)
        assert collector.newest_ns() is None


def test_without_an_engine_there_is_nothing_to_look_at(short_path: Path) -> None:
    with Desk({"DOCKER_HOST": f"unix://{short_path}/none.sock"}) as desk:
        desk.wait_state("docker", CollectorState.RECONNECTING)
        canary = EngineCanary(desk.manager)
        canary.look(NEVER)
        assert canary.last is None


def test_an_engine_that_answers_no_more_is_told(containers: PrivateEngine, short_path: Path) -> None:
    link = short_path / "engine.sock"
    link.symlink_to(containers.socket)
    with Desk({"DOCKER_HOST": f"unix://{link}"}) as desk:
        desk.watching()
        containers.run("echo one; sleep 100", name="one")
        desk.wait_messages("one", 1)
        link.unlink()
        found = looked(EngineCanary(desk.manager))
        assert found.missed
        assert "there is no Docker engine" in found.error
