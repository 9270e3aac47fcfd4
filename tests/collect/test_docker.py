"""Collecting from a real engine."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.docker import key_of
from hantu.model import LogLevel
from tests.collect.desk import Desk
from tests.engine import PrivateEngine
from tests.waiting import wait_until

pytestmark = pytest.mark.docker


@pytest.mark.promise("M17", "M19", "M20", "M21", "M22")
def test_both_streams_are_kept_apart_with_their_nanoseconds(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        container_id = containers.run(
            "echo one; echo two >&2; echo 'ERROR three' >&2; sleep 60", name="both"
        )
        desk.wait_messages("both", 3)
        assert desk.messages("both", "stdout") == ["one"]
        assert desk.messages("both", "stderr") == ["two", "ERROR three"]
        expected = containers.docker("logs", "-t", container_id).split()[0]
        first = next(entry for entry in desk.entries("both") if entry.message == "one")
        assert expected.endswith(f".{first.time_ns % 10**9:09d}Z")
        assert abs(first.time_ns - time.time_ns()) < 600 * 10**9
        levels = {entry.message: entry.level for entry in desk.entries("both")}
        assert levels == {"one": LogLevel.INFO, "two": LogLevel.INFO, "ERROR three": LogLevel.ERROR}
        assert first.source == "docker"
        assert first.metadata is not None
        assert first.metadata["container_id"] == container_id[:12]
        assert first.metadata["image"] == "busybox:local"
        assert len(desk.logged) == 3


@pytest.mark.promise("M19", "M20")
@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.fault_row("R21")
def test_long_lines_are_whole_with_and_without_a_tty(containers: PrivateEngine, tty: bool) -> None:
    name = f"long-{tty}"
    script = (
        "echo begin; for n in 16383 16384 16385 40000 1000000; do "
        "head -c $n /dev/zero | tr '\\0' x; echo; done; echo; echo end; sleep 60"
    )
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run(script, name=name, tty=tty)
        desk.wait_messages(name, 7)
        entries = desk.entries(name)
        limit = 256 * 1024
        lengths = [len(entry.message) for entry in entries]
        assert lengths == [5, 16383, 16384, 16385, 40000, limit, 3]
        cut = entries[5].metadata or {}
        # A TTY's carriage return is part of the line's length.
        assert cut["truncated_bytes"] == 1_000_000 + tty
        assert all(
            "truncated_bytes" not in (entry.metadata or {}) for entry in entries if entry is not entries[5]
        )
        assert {(entry.metadata or {})["stream"] for entry in entries} == {"tty" if tty else "stdout"}


@pytest.mark.promise("M20")
@pytest.mark.fault_row("R21")
def test_a_tty_with_odd_bytes_keeps_every_line(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run("printf 'a\\rb\\n\\377\\0z\\n한국어\\nlast'", name="odd", tty=True)
        desk.wait_messages("odd", 4)
        messages = desk.messages("odd")
        assert messages[2:] == ["한국어", "last"]
        assert "b" in messages[0]
        assert messages[1].endswith("z")


@pytest.mark.promise("M17")
def test_a_container_met_for_the_first_time_gives_its_last_hundred_lines(containers: PrivateEngine) -> None:
    container_id = containers.run("seq 1 500; sleep 60", name="old")
    wait_until(lambda: containers.docker("logs", container_id).endswith("500"))
    with Desk(containers.environment) as desk:
        desk.wait_messages("old", 100)
        desk.wait_state(container_id, CollectorState.COLLECTING)
        assert desk.messages("old") == [str(number) for number in range(401, 501)]


@pytest.mark.promise("M24")
def test_a_container_that_lives_for_a_moment_is_read_from_its_start(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        ids = [containers.run("seq 1 300", name=f"brief{number}") for number in range(3)]
        for number, container_id in enumerate(ids):
            desk.wait_messages(f"brief{number}", 300)
            desk.wait_state(container_id, CollectorState.ENDED)
            assert desk.messages(f"brief{number}") == [str(line) for line in range(1, 301)]


@pytest.mark.promise("M24")
def test_what_ran_while_hantu_was_down_is_read_from_its_start(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        kept = containers.run("echo first; sleep 2; seq 1 300; sleep 60", name="kept")
        desk.wait_messages("kept", 1)
    containers.run("seq 1 300", name="gone-by")
    still = containers.run("seq 1 300; sleep 60", name="still")
    wait_until(lambda: containers.docker("logs", kept).endswith("300"))
    wait_until(lambda: containers.docker("logs", still).endswith("300"))
    with Desk(containers.environment, desk.store) as again:
        numbers = [str(line) for line in range(1, 301)]
        again.wait_messages("kept", 301)
        again.wait_messages("gone-by", 300)
        again.wait_messages("still", 300)
        assert again.messages("kept") == ["first", *numbers]
        assert again.messages("gone-by") == numbers
        assert again.messages("still") == numbers


@pytest.mark.promise("M26a")
def test_a_renamed_container_goes_on_under_its_new_name(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        script = "echo before; while [ ! -e /go ]; do usleep 20000; done; echo after; sleep 60"
        container_id = containers.run(script, name="name-a")
        desk.wait_messages("name-a", 1)
        containers.docker("rename", container_id, "name-b")
        wait_until(lambda: (status := desk.status(container_id)) is not None and status.name == "name-b")
        containers.docker("exec", container_id, "sh", "-c", "echo > /go")
        desk.wait_messages("name-b", 1)
        assert desk.messages("name-a") == ["before"]
        assert desk.messages("name-b") == ["after"]


@pytest.mark.promise("M26a")
def test_a_service_is_one_timeline_when_it_is_built_anew(containers: PrivateEngine) -> None:
    label = ("--label", "com.docker.compose.service=api")
    with Desk(containers.environment) as desk:
        desk.watching()
        old = containers.run("echo v1; sleep 60", name="api-1", options=label)
        desk.wait_messages("api-1", 1)
        containers.docker("rm", "-f", old)
        containers.run("echo v2; sleep 60", name="api-1", options=label)
        desk.wait_messages("api-1", 2)
        wait_until(lambda: desk.status(old) is None)
        assert desk.messages("api-1") == ["v1", "v2"]
        assert {(entry.metadata or {})["service"] for entry in desk.entries("api-1")} == {"api"}
        wait_until(lambda: desk.store.checkpoint(key_of(old)) is None)


@pytest.mark.promise("M26", "M17")
def test_a_container_that_exits_and_starts_again_keeps_its_place(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        container_id = containers.run("echo run; printf 'no end'", name="again")
        desk.wait_messages("again", 2)
        desk.wait_state(container_id, CollectorState.ENDED)
        for count in (4, 6):
            containers.docker("start", container_id)
            desk.wait_messages("again", count)
            desk.wait_state(container_id, CollectorState.ENDED)
        assert desk.messages("again") == ["run", "no end"] * 3
    with Desk(containers.environment, desk.store) as later:
        later.wait_state(container_id, CollectorState.ENDED)
        assert len(later.messages("again")) == 6


@pytest.mark.promise("M23", "M24")
def test_a_person_stops_and_starts_one_container(containers: PrivateEngine) -> None:
    script = "i=0; while true; do echo $i; i=$((i+1)); usleep 20000; done"
    with Desk(containers.environment) as desk:
        desk.watching()
        quiet = containers.run(script, name="quiet")
        other = containers.run(script, name="other")
        desk.wait_messages("quiet", 5)
        desk.wait_messages("other", 5)
        assert desk.manager.active_collectors() == ["docker", key_of(other), key_of(quiet)]
        desk.manager.stop_collector(key_of(quiet))
        desk.wait_state(quiet, CollectorState.STOPPED)
        assert desk.manager.active_collectors() == ["docker", key_of(other)]
        count = len(desk.messages("quiet"))
        desk.wait_messages("other", len(desk.messages("other")) + 20)
        assert len(desk.messages("quiet")) <= count + 5  # what was queued
    with Desk(containers.environment, desk.store) as again:
        again.wait_messages("other", 60)
        assert again.state(quiet) is CollectorState.STOPPED
        again.manager.start_collector(f"docker:{quiet[:12]}")
        again.wait_messages("quiet", count + 40)
        numbers = [int(message) for message in again.messages("quiet")]
        assert numbers == list(range(len(numbers)))
        with pytest.raises(KeyError):
            again.manager.stop_collector("docker:ffffffffffff")


@pytest.mark.promise("M24")
def test_a_stopped_container_stays_stopped_when_it_is_built_anew(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        old = containers.run("echo one; sleep 60", name="muted")
        desk.wait_messages("muted", 1)
        desk.manager.stop_collector(key_of(old))
        containers.docker("rm", "-f", old)
        new = containers.run("echo two; sleep 60", name="muted")
        desk.wait_state(new, CollectorState.STOPPED)
        wait_until(lambda: desk.status(old) is None)
        desk.manager.start_collector(key_of(new))
        desk.wait_messages("muted", 2)
        assert desk.messages("muted") == ["one", "two"]


@pytest.mark.promise("M23", "M24")
def test_excluded_containers_are_found_and_can_be_started_by_hand(containers: PrivateEngine) -> None:
    early = containers.run("echo hello; sleep 60", name="noise-1")
    with Desk(containers.environment, exclude=("noise-*",)) as desk:
        desk.watching()
        late = containers.run("echo hello; sleep 60", name="noise-2")
        containers.run("echo hello; sleep 60", name="signal")
        desk.wait_messages("signal", 1)
        wait_until(lambda: len(desk.manager.found()) == 2)
        assert [found.name for found in desk.manager.found()] == ["noise-1", "noise-2"]
        first = desk.manager.found()[0]
        assert first.image == "busybox:local"
        assert abs(first.up_since_ns - time.time_ns()) < 600 * 10**9
        assert desk.manager.start_docker_collector(early, "noise-1") == key_of(early)
        desk.manager.start_collector(key_of(late))
        desk.wait_messages("noise-1", 1)
        desk.wait_messages("noise-2", 1)
        assert desk.manager.found() == []


def test_the_container_that_hantu_runs_in_is_not_collected(containers: PrivateEngine) -> None:
    own = containers.run("while true; do echo me; usleep 20000; done", name="hantu-itself")
    with Desk(containers.environment, own=(own[:12],)) as desk:
        desk.watching()
        containers.run("echo hello; sleep 60", name="other-one")
        desk.wait_messages("other-one", 1)
        assert desk.status(own) is None
        assert desk.manager.found() == []
        assert desk.messages("hantu-itself") == []


@pytest.mark.promise("M25")
def test_a_log_driver_that_cannot_be_read_is_told_with_the_fix(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        mute = containers.run("echo x; sleep 60", name="mute", options=("--log-driver", "none"))
        desk.wait_state(mute, CollectorState.FAILED)
        status = desk.status(mute)
        assert status is not None
        assert "log driver" in status.error
        assert "json-file" in status.fix
        containers.run("echo hello; sleep 60", name="fine")
        desk.wait_messages("fine", 1)
        assert any("log driver" in str(error) for error in desk.errors)


@pytest.mark.promise("M19", "M21")
def test_the_local_log_driver_is_read_like_json_files(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        script = "seq 1 50; head -c 40000 /dev/zero | tr '\\0' y; echo; sleep 60"
        containers.run(script, name="local", options=("--log-driver", "local"))
        desk.wait_messages("local", 51)
        assert desk.messages("local") == [*[str(line) for line in range(1, 51)], "y" * 40_000]


@pytest.mark.promise("M33")
def test_a_stack_trace_is_one_entry_and_comes_when_the_stream_is_idle(containers: PrivateEngine) -> None:
    trace = (
        'Traceback (most recent call last):\\n  File "a.py", line 1, in f\\n    g()\\nValueError: bad\\n'
    )
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run(f"printf '{trace}' >&2; sleep 60", name="trace")
        desk.wait_messages("trace", 1)
        (message,) = desk.messages("trace")
        assert message.startswith("Traceback")
        assert message.endswith("ValueError: bad")


def test_the_environment_of_a_container_is_never_stored(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        containers.run("echo hello; sleep 60", name="secret", options=("-e", "PASSWORD=hunter2-xyzzy"))
        desk.wait_messages("secret", 1)
        stored = repr([entry.metadata for entry in desk.entries()]) + repr(desk.store.checkpoints(""))
        assert "hunter2" not in stored + repr(desk.manager.statuses())


@pytest.mark.promise("M26")
def test_no_thread_and_no_descriptor_is_left_behind(containers: PrivateEngine) -> None:
    def descriptors() -> list[str]:
        found = []
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/self/fd/{name}"))
        return sorted(found)

    def docker_threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("hantu-docker")]

    script = "while true; do echo x; usleep 50000; done"
    with Desk(containers.environment) as desk:
        desk.watching()
        # Containers of the test before may still be seen to be gone.
        wait_until(lambda: docker_threads() == ["hantu-docker"])
        before, threads_before = descriptors(), 1
        ids = [containers.run(script, name=f"leak{number}") for number in range(4)]
        for number in range(4):
            desk.wait_messages(f"leak{number}", 3)
        assert len(docker_threads()) == threads_before + 4
        for container_id in ids[:2]:
            for _ in range(5):
                desk.manager.stop_collector(key_of(container_id))
                desk.manager.start_collector(key_of(container_id))
            desk.wait_state(container_id, CollectorState.COLLECTING)
        desk.manager.stop_collector(key_of(ids[0]))
        containers.docker("kill", ids[1])
        containers.docker("rm", "-f", ids[2], ids[3])
        desk.wait_state(ids[1], CollectorState.ENDED)
        wait_until(lambda: len(docker_threads()) == threads_before)
        wait_until(lambda: len(descriptors()) <= len(before))
    assert docker_threads() == []
