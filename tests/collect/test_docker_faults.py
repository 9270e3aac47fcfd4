"""What breaks while containers are collected, on a real engine: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hantu.collect.base import CollectorState
from hantu.model import LogEntry
from hantu.store import open_store
from hantu.store.base import StoreError, WriteResult
from hantu.store.memory import MemoryStore
from tests.collect.desk import Desk
from tests.collect.proxy import cutting_proxy
from tests.engine import PrivateEngine, private_engine
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.fault]

# Numbers on both streams, and now and then a line longer than a fragment.
BOTH = (
    "i=0; while [ $i -lt {count} ]; do echo out $i; echo err $i >&2; i=$((i+1)); "
    "[ $((i % {burst})) = 0 ] && usleep {pause_us}; "
    "[ $((i % 500)) = 0 ] && {{ head -c 20000 /dev/zero | tr '\\0' L; echo; }}; done; {end}"
)


@pytest.fixture
def own_engine() -> Iterator[PrivateEngine]:
    """An engine that a test may kill."""
    yield from private_engine()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="hantu-test-") as folder:
        yield Path(folder)


def script(count: int, *, burst: int = 20, pause_us: int = 10_000, end: str = "sleep 100") -> str:
    return BOTH.format(count=count, burst=burst, pause_us=pause_us, end=end)


def assert_exact(desk: Desk, name: str, count: int) -> None:
    """Every line once, in order within its stream."""
    out = [message for message in desk.messages(name, "stdout") if not message.startswith("L")]
    assert out == [f"out {number}" for number in range(count)]
    assert desk.messages(name, "stderr") == [f"err {number}" for number in range(count)]
    long = [message for message in desk.messages(name, "stdout") if message.startswith("L")]
    assert long == ["L" * 20_000] * (count // 500)


@pytest.mark.promise("M17", "M25")
def test_a_stream_cut_again_and_again_gives_every_line_once(
    containers: PrivateEngine, short_path: Path
) -> None:
    count = 3_000
    with (
        # More than what is read again after each cut, the last two seconds.
        cutting_proxy(short_path, containers.socket, most_bytes=250_000) as proxy,
        Desk({"DOCKER_HOST": f"unix://{proxy.path}"}) as desk,
    ):
        desk.watching()
        containers.run(script(count, burst=10, pause_us=20_000), name="cut")
        desk.wait_messages("cut", 2 * count + count // 500, 90)
        assert_exact(desk, "cut", count)
        assert proxy.cuts >= 3
        assert all(status.gaps == 0 for status in desk.manager.statuses())


@pytest.mark.promise("M17")
@pytest.mark.fault_row("R9")
def test_killed_at_random_times_it_goes_on_exactly_where_it_was(
    containers: PrivateEngine, tmp_path: Path
) -> None:
    count = 3_000
    database = tmp_path / "hantu.db"
    dice = random.Random(7)

    def run_and_kill(after_lines: int) -> None:
        command = [sys.executable, "-m", "tests.collect.killable", str(database), containers.host]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"watching\n"
            if not made:
                made.append(containers.run(script(count), name="killed"))
            reader = open_store(database, read_only=True)
            try:
                start = reader.cursor()
                wait_until(lambda: reader.cursor() >= start + after_lines, 30)
            finally:
                reader.close()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    made: list[str] = []
    for _ in range(5):
        run_and_kill(dice.randrange(50, 400))
    store = open_store(database)
    try:
        with Desk(containers.environment, store) as desk:
            desk.wait_messages("killed", 2 * count + count // 500, 60)
            assert_exact(desk, "killed", count)
            assert all(status.gaps == 0 for status in desk.manager.statuses())
    finally:
        store.close()


class FailingStore(MemoryStore):
    """Fails every third commit; every other one of those it reports as failed has persisted."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.failed = 0
        self._most = most
        self._commits = 0

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        self._commits += bool(entries)
        if not entries or self._commits % 3 or self.failed == self._most:
            return super().write_batch(entries, checkpoints, durable=durable)
        self.failed += 1
        if self.failed % 2:
            super().write_batch(entries, checkpoints, durable=durable)
        raise StoreError("the disk said no")


def test_a_store_that_fails_now_and_then_gets_every_line_once(containers: PrivateEngine) -> None:
    count = 3_000
    store = FailingStore(5)
    with Desk(containers.environment, store) as desk:
        desk.watching()
        containers.run(script(count, burst=10, pause_us=20_000), name="refused")
        desk.wait_messages("refused", 2 * count + count // 500, 90)
        assert_exact(desk, "refused", count)
        assert store.failed == 5


class FullStore(MemoryStore):
    """Refuses everything while it is full, checkpoints alone, too."""

    full = False
    refused = 0

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        if self.full:
            self.refused += 1
            raise StoreError("the disk is full")
        return super().write_batch(entries, checkpoints, durable=durable)


@pytest.mark.fault_row("R5")
def test_a_container_that_starts_while_the_disk_is_full_is_read_from_its_start(
    containers: PrivateEngine,
) -> None:
    store = FullStore()
    with Desk(containers.environment, store) as desk:
        desk.watching()
        store.full = True
        containers.run("i=1; while [ $i -le 500 ]; do echo $i; i=$((i+1)); done; sleep 100", name="fresh")
        wait_until(lambda: store.refused >= 3, 30)
        store.full = False
        desk.wait_messages("fresh", 500)
        assert desk.messages("fresh") == [str(number) for number in range(1, 501)]


@pytest.mark.promise("M25")
@pytest.mark.fault_row("R10")
def test_the_engine_dies_and_comes_back(own_engine: PrivateEngine) -> None:
    count = 2_500
    with Desk(own_engine.environment) as desk:
        desk.watching()
        container_id = own_engine.run(
            script(count, burst=2, pause_us=5_000, end="echo done; sleep 100"), name="lives"
        )
        desk.wait_messages("lives", 100)
        for number in (signal.SIGTERM, signal.SIGKILL):
            before = len(desk.messages("lives"))
            own_engine.kill(number)
            desk.wait_state("docker", CollectorState.RECONNECTING)
            desk.wait_state(container_id, CollectorState.RECONNECTING)
            status = desk.status("docker")
            assert status is not None
            assert "Docker engine" in status.error
            assert status.fix
            assert status.retry_in_s is not None
            own_engine.start()
            desk.wait_state("docker", CollectorState.COLLECTING, 60)
            desk.wait_state(container_id, CollectorState.COLLECTING, 60)
            desk.wait_messages("lives", before + 100, 60)
        wait_until(lambda: own_engine.docker("logs", "--tail", "1", container_id) == "done", 60)
        kept = own_engine.docker("logs", container_id).splitlines()
        expected = [line for line in kept if line.startswith("out")]
        wait_until(lambda: "done" in desk.messages("lives"), 60)
        out = [message for message in desk.messages("lives", "stdout") if message.startswith("out")]
        assert out == expected


@pytest.mark.promise("M25")
def test_an_engine_that_is_away_is_told_with_the_fix_and_found_when_it_comes(short_path: Path) -> None:
    with Desk({"DOCKER_HOST": f"unix://{short_path}/none.sock"}) as desk:
        desk.wait_state("docker", CollectorState.RECONNECTING)
        status = desk.status("docker")
        assert status is not None
        assert "there is no Docker engine" in status.error
        assert "systemctl start docker" in status.fix
        assert desk.errors


@pytest.mark.promise("M25")
def test_a_machine_without_an_engine_is_no_failure_until_it_had_one(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.collect.docker_engine.DEFAULT_SOCKET", f"{short_path}/none.sock")
    with Desk({}) as desk:
        desk.wait_state("docker", CollectorState.ENDED)
        status = desk.status("docker")
        assert status is not None
        assert (status.error, status.fix) == ("", "")
        assert status.detail == f"there is no Docker engine at unix://{short_path}/none.sock"
        assert desk.errors == []
        store = desk.store
    store.write_batch([], {"docker": b'{"until_ns":1}'})
    with Desk({}, store) as desk:
        desk.wait_state("docker", CollectorState.RECONNECTING)
        status = desk.status("docker")
        assert status is not None
        assert "systemctl start docker" in status.fix


@pytest.mark.promise("M25")
def test_with_manual_reconnect_a_failure_waits_for_a_person(
    containers: PrivateEngine, short_path: Path
) -> None:
    socket = short_path / "late.sock"
    with Desk({"DOCKER_HOST": f"unix://{socket}"}, reconnect="manual") as desk:
        desk.wait_state("docker", CollectorState.FAILED)
        socket.symlink_to(containers.socket)
        desk.manager.start_collector("docker")
        desk.watching()
        containers.run("echo hello; sleep 60", name="by-hand")
        desk.wait_messages("by-hand", 1)


@pytest.mark.promise("M19")
@pytest.mark.fault_row("R12")
def test_what_the_engine_repeats_when_it_rotates_is_stored_once(containers: PrivateEngine) -> None:
    count = 6_000
    options = ("--log-opt", "max-size=100k", "--log-opt", "max-file=4")
    with Desk(containers.environment) as desk:
        desk.watching()
        container_id = containers.run(
            script(count, burst=20, pause_us=4_000), name="turning", options=options
        )
        desk.wait_messages("turning", 2 * count + count // 500, 90)
        assert_exact(desk, "turning", count)
        status = desk.status(container_id)
        assert status is not None
        assert status.gaps == 0


@pytest.mark.promise("M17")
@pytest.mark.parametrize("driver", ["json-file", "local"])
@pytest.mark.fault_row("R11", "R12")
def test_a_container_at_full_speed_loses_nothing_while_its_files_turn(
    containers: PrivateEngine, driver: str
) -> None:
    # Followed alone, engine 20.10 skips whole files here.
    count, name = 40_000, f"fast-{driver}"
    options = ("--log-driver", driver, "--log-opt", "max-size=500k", "--log-opt", "max-file=60")
    write = f"awk 'BEGIN {{ for (i = 0; i < {count}; i++) print \"INFO line \" i }}'; sleep 60"
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run(write, name=name, options=options)
        wait_until(lambda: desk.pipeline.written_total >= count, 90, 0.2)
        numbers = [int(message.split()[-1]) for message in desk.messages(name)]
        assert numbers == list(range(count))
        assert all(status.gaps == 0 for status in desk.manager.statuses())


@pytest.mark.fault_row("R12")
def test_a_log_that_outruns_its_files_leaves_a_gap_that_is_told(containers: PrivateEngine) -> None:
    options = ("--log-opt", "max-size=20k", "--log-opt", "max-file=2")
    with Desk(containers.environment) as desk:
        desk.watching()
        go = "echo first; while [ ! -e /go ]; do usleep 20000; done; seq 1 3000; echo last; sleep 60"
        container_id = containers.run(go, name="outrun", options=options)
        desk.wait_messages("outrun", 1)
    containers.docker("exec", container_id, "sh", "-c", "echo > /go")
    wait_until(lambda: containers.docker("logs", "--tail", "1", container_id) == "last")
    with Desk(containers.environment, desk.store) as again:
        wait_until(lambda: "last" in again.messages("outrun"))
        messages = again.messages("outrun")
        gaps = [entry for entry in again.entries("outrun") if "gap" in (entry.metadata or {})]
        assert len(gaps) == 1
        assert messages[:2] == ["first", gaps[0].message]
        told = (gaps[0].metadata or {})["gap"]
        assert told["from_ns"] < told["to_ns"]
        numbers = [int(message) for message in messages[2:-1]]
        assert numbers == list(range(numbers[0], 3001))
        status = again.status(container_id)
        assert status is not None
        assert status.gaps == 1
