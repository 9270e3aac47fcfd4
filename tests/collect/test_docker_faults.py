"""What breaks while containers are collected, on a real engine: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hantu.collect.base import CollectorState
from hantu.model import LogEntry
from hantu.query.logquery import LogQuery
from hantu.store import open_store
from hantu.store.base import StoreError, WriteResult
from hantu.store.memory import MemoryStore
from tests.collect.desk import Desk
from tests.collect.proxy import cutting_proxy
from tests.engine import PrivateEngine, private_engine
from tests.fault import tally
from tests.fault.length import pick
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
    for stream, word in (("stdout", "out "), ("stderr", "err ")):
        found = [message for message in desk.messages(name, stream) if not message.startswith("L")]
        assert {message[:4] for message in found} == {word}
        numbers = [int(message[4:]) for message in found]
        assert tally.account(numbers, range(count), runs=stream == "stdout") == (0, 0), stream
        assert numbers == list(range(count)), stream
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
@pytest.mark.timeout(pick(120, 900))
def test_killed_at_random_times_it_goes_on_exactly_where_it_was(
    containers: PrivateEngine, tmp_path: Path
) -> None:
    kills, count = pick((5, 3_000), (30, 60_000))
    database = tmp_path / "hantu.db"
    dice = random.Random(7)

    def run_and_kill(after_lines: int) -> None:
        command = [sys.executable, "-m", "tests.collect.killable", str(database), containers.host]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"watching\n"
            if not made:
                # At length it writes on for as long as it is read and killed.
                pause_us = pick(10_000, 30_000)
                made.append(containers.run(script(count, pause_us=pause_us), name="killed"))
            reader = open_store(database, read_only=True)
            try:
                start = reader.cursor()
                wait_until(lambda: reader.cursor() >= start + after_lines, 60)
            finally:
                reader.close()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    made: list[str] = []
    for _ in range(kills):
        run_and_kill(dice.randrange(50, pick(400, 3_000)))
    store = open_store(database)
    try:
        with Desk(containers.environment, store) as desk:
            wait_until(lambda: store.stats().entries >= 2 * count + count // 500, pick(60, 240), 0.2)
            tally.note(runs=kills - 1)
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
@pytest.mark.timeout(pick(120, 900))
def test_the_engine_dies_and_comes_back(own_engine: PrivateEngine) -> None:
    deaths, count, pause_us = pick((2, 2_500, 5_000), (10, 20_000, 15_000))
    with Desk(own_engine.environment) as desk:
        desk.watching()
        container_id = own_engine.run(
            script(count, burst=2, pause_us=pause_us, end="echo done; sleep 600"), name="lives"
        )
        desk.wait_messages("lives", 100)
        for turn in range(deaths):
            before = desk.pipeline.written_total
            own_engine.kill(signal.SIGKILL if turn % 2 else signal.SIGTERM)
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
            more = min(before + 100, 2 * count)
            wait_until(lambda more=more: desk.pipeline.written_total >= more, 60)
        wait_until(lambda: own_engine.docker("logs", "--tail", "1", container_id) == "done", 240, 0.2)
        wait_until(lambda: "done" in desk.messages("lives"), 60, 0.2)
        for stream, word, kept in (
            ("stdout", "out", own_engine.docker("logs", container_id)),
            ("stderr", "err", own_engine.stderr_of(container_id)),
        ):
            expected = [line for line in kept.splitlines() if line.startswith(word)]
            found = [line for line in desk.messages("lives", stream) if line.startswith(word)]
            numbers, wanted = ([int(line[4:]) for line in lines] for lines in (found, expected))
            runs = deaths if stream == "stdout" else 0
            assert tally.account(numbers, wanted, runs=runs) == (0, 0), stream
            assert found == expected, stream


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
@pytest.mark.timeout(pick(120, 600))
def test_what_the_engine_repeats_when_it_rotates_is_stored_once(containers: PrivateEngine) -> None:
    # At length as a server has it: some ten files of 5 MB, three of which are there at a time.
    count, size, files = pick((6_000, "100k", 4), (250_000, "5m", 3))
    options = ("--log-opt", f"max-size={size}", "--log-opt", f"max-file={files}")
    with Desk(containers.environment) as desk:
        desk.watching()
        container_id = containers.run(
            script(count, burst=pick(20, 100), pause_us=pick(4_000, 15_000)),
            name="turning",
            options=options,
        )
        own, lines = LogQuery(source_id="turning"), 2 * count + count // 500

        def all_there_or_outrun() -> bool:
            outrun = any(status.gaps for status in desk.manager.statuses())
            return outrun or desk.pipeline.written_total >= lines

        wait_until(all_there_or_outrun, pick(90, 400), 0.2)
        status = desk.status(container_id)
        assert status is not None
        assert status.gaps == 0, f"outrun after {desk.store.count(own, cap=10**7).count} of {lines} lines"
        assert_exact(desk, "turning", count)


@pytest.mark.promise("M17")
@pytest.mark.parametrize("driver", ["json-file", "local"])
@pytest.mark.timeout(pick(120, 600))
@pytest.mark.fault_row("R11", "R12")
def test_a_container_at_full_speed_loses_nothing_while_its_files_turn(
    containers: PrivateEngine, driver: str
) -> None:
    # Followed alone, engine 20.10 skips whole files here.
    count, size = pick((40_000, "500k"), (1_000_000, "10m"))
    name = f"fast-{driver}"
    options = ("--log-driver", driver, "--log-opt", f"max-size={size}", "--log-opt", "max-file=60")
    write = f"awk 'BEGIN {{ for (i = 0; i < {count}; i++) print \"INFO line \" i }}'; sleep 60"
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run(write, name=name, options=options)
        wait_until(lambda: desk.pipeline.written_total >= count, pick(90, 400), 0.2)
        numbers = [int(message.split()[-1]) for message in desk.messages(name)]
        assert tally.account(numbers, range(count)) == (0, 0)
        assert numbers == list(range(count))
        assert all(status.gaps == 0 for status in desk.manager.statuses())


class HeldStore(MemoryStore):
    """Takes its time: a commit waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        assert self.may_go_on.wait(100)
        return super().write_batch(entries, checkpoints, durable=durable)


@pytest.mark.promise("M17")
@pytest.mark.fault_row("R11", "R12")
@pytest.mark.timeout(300)
def test_a_reader_that_is_held_up_for_many_files_loses_nothing(containers: PrivateEngine) -> None:
    # Followed alone, engine 20.10 skips whole files here.
    count = pick(60_000, 400_000)
    options = ("--log-opt", "max-size=500k", "--log-opt", "max-file=200")
    go = "echo INFO line 0; while [ ! -e /go ]; do usleep 20000; done; "
    go += f"awk 'BEGIN {{ for (i = 1; i < {count}; i++) print \"INFO line \" i }}'; echo end; sleep 600"
    store = HeldStore()
    with Desk(containers.environment, store) as desk:
        desk.watching()
        container_id = containers.run(go, name="held", options=options)
        desk.wait_messages("held", 1)
        store.may_go_on.clear()
        try:
            containers.docker("exec", container_id, "sh", "-c", "echo > /go")
            wait_until(lambda: containers.docker("logs", "--tail", "1", container_id) == "end", 90, 1.0)
        finally:
            store.may_go_on.set()
        wait_until(lambda: desk.pipeline.written_total > count, 120, 0.2)
        numbers = [int(message.split()[-1]) for message in desk.messages("held") if message != "end"]
        assert tally.account(numbers, range(count)) == (0, 0)
        assert numbers == list(range(count))
        # Containers of other tests go while this one looks.
        assert [gap for gap in desk.store.gaps() if gap.source_id == "held"] == []


@pytest.mark.fault_row("R12")
@pytest.mark.promise("M17")
@pytest.mark.parametrize("packing", [("local",), ("json-file", "compress=true")], ids="-".join)
def test_files_that_the_engine_packed_meanwhile_are_read(
    containers: PrivateEngine, packing: tuple[str, ...]
) -> None:
    count, name = pick(6_000, 40_000), f"packed-{packing[0]}"
    driver, *more = packing
    options = ["--log-driver", driver]
    for option in ("max-size=40k", "max-file=100", *more):
        options += ["--log-opt", option]
    with Desk(containers.environment) as desk:
        desk.watching()
        # The oldest packed file ends long before the last line that was read.
        go = (
            f"seq 0 1999; sleep 3; seq 2000 2009; while [ ! -e /go ]; do usleep 20000; done; "
            f"seq 2010 {count - 1}; echo end; sleep 600"
        )
        container_id = containers.run(go, name=name, options=tuple(options))
        desk.wait_messages(name, 2_010)
    containers.docker("exec", container_id, "sh", "-c", "echo > /go")
    wait_until(lambda: containers.docker("logs", "--tail", "1", container_id) == "end", 120, 0.2)
    with Desk(containers.environment, desk.store) as first:
        wait_until(lambda: "end" in first.messages(name), 60, 0.1)
        numbers = [int(message) for message in first.messages(name) if message != "end"]
        assert tally.account(numbers, range(count)) == (0, 0)
        assert numbers == list(range(count))
        assert [gap for gap in first.store.gaps() if gap.source_id == name] == []


@pytest.mark.fault_row("R12")
@pytest.mark.timeout(pick(120, 600))
@pytest.mark.parametrize("turn", range(pick(1, 6)))
def test_a_log_that_outruns_its_files_leaves_a_gap_that_is_told(
    containers: PrivateEngine, turn: int
) -> None:
    options = ("--log-opt", "max-size=20k", "--log-opt", "max-file=2")
    # Up to some thousand rotations past what was read.
    last, name = 3_000 * 4**turn, f"outrun-{turn}"
    with Desk(containers.environment) as desk:
        desk.watching()
        go = f"echo first; while [ ! -e /go ]; do usleep 20000; done; seq 1 {last}; echo last; sleep 600"
        container_id = containers.run(go, name=name, options=options)
        desk.wait_messages(name, 1)
    containers.docker("exec", container_id, "sh", "-c", "echo > /go")
    wait_until(lambda: containers.docker("logs", "--tail", "1", container_id) == "last", 120, 0.1)
    with Desk(containers.environment, desk.store) as again:
        wait_until(lambda: "last" in again.messages(name), 60)
        messages = again.messages(name)
        gaps = [entry for entry in again.entries(name) if "gap" in (entry.metadata or {})]
        assert len(gaps) == 1
        assert messages[:2] == ["first", gaps[0].message]
        told = (gaps[0].metadata or {})["gap"]
        assert told["from_ns"] < told["to_ns"]
        numbers = [int(message) for message in messages[2:-1]]
        kept = [int(line) for line in containers.docker("logs", container_id).splitlines()[:-1]]
        assert numbers[-len(kept) :] == kept, "all that the engine has is stored"
        assert numbers == list(range(numbers[0], last + 1))
        tally.note(runs=1, lines=last, lost=0, doubled=0, gaps=numbers[0] - 1)
        status = again.status(container_id)
        assert status is not None
        assert status.gaps == 1
