"""A container that was removed before its log was read leaves a gap; one that was read does not."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.docker import key_of
from hantu.collect.docker_engine import Event
from hantu.collect.docker_missed import REMOVED, Missed, missed
from hantu.collect.docker_place import FROM_START, Kept, Place
from hantu.model import LogLevel
from hantu.store.base import LogStorage
from hantu.store.gap_base import Gap
from tests.collect.desk import Desk
from tests.engine import PrivateEngine, private_engine
from tests.waiting import wait_until

LINES = "echo one; echo two; sleep 100"


@pytest.fixture
def own_engine() -> Iterator[PrivateEngine]:
    """An engine that a test may stop, and its containers with it."""
    yield from private_engine(live_restore=False)


def told(store: LogStorage) -> dict[str, Gap]:
    """The gaps of the ledger by container."""
    found = store.gaps(sources=("docker",))
    assert len({gap.source_id for gap in found}) == len(found), "one gap for each container"
    return {gap.source_id: gap for gap in found}


def read_to_its_end(store: LogStorage, container_id: str) -> bool:
    """Whether it is stored that the container has exited and nothing follows."""
    stored = store.checkpoint(key_of(container_id))
    return stored is not None and Kept.decode(stored).place.finished != ""


@pytest.mark.docker
@pytest.mark.fault
def test_containers_that_went_while_hantu_was_down(containers: PrivateEngine) -> None:
    with Desk(containers.environment) as desk:
        desk.watching()
        ids = {
            name: containers.run(script, name=name)
            for name, script in (
                ("running", LINES),
                ("ended", "echo one; echo two"),
                ("restarted", "echo one; echo two"),
                ("muted", LINES),
                ("stays", LINES),
            )
        }
        silent = containers.run(LINES, name="mute", options=("--log-driver", "none"))
        for name in ids:
            desk.wait_messages(name, 2)
        desk.manager.stop_collector(key_of(ids["muted"]))
        for name in ("ended", "restarted"):
            wait_until(partial(read_to_its_end, desk.store, ids[name]))
        desk.wait_state(silent, CollectorState.FAILED)
        last_ns = desk.entries("running")[-1].time_ns
    containers.docker("start", ids["restarted"])
    containers.run("echo nobody has seen this", name="passing")
    wait_until(lambda: containers.docker("logs", "passing") != "")
    before_ns = time.time_ns()
    containers.docker("rm", "-f", "running", "ended", "restarted", "muted", "passing", "mute")
    after_ns = time.time_ns()
    with Desk(containers.environment, desk.store) as again:
        again.watching()
        wait_until(lambda: len(told(again.store)) >= 3)
        again.wait_messages("stays", 2)
        gaps = told(again.store)
        assert sorted(gaps) == ["passing", "restarted", "running"]
        assert gaps["running"].from_ns == last_ns
        assert before_ns < gaps["running"].to_ns < after_ns, "the engine remembers when it ended"
        assert gaps["passing"].from_ns <= gaps["passing"].to_ns < after_ns
        assert {gap.reason for gap in gaps.values()} == {REMOVED}
        (entry,) = [entry for entry in again.entries("running") if "gap" in (entry.metadata or {})]
        assert gaps["running"].entry_id == entry.id
        assert (entry.level, entry.message) == (LogLevel.WARN, REMOVED)
        assert again.store.checkpoint(key_of(ids["running"])) is None
    with Desk(containers.environment, desk.store) as third:
        third.watching()
        third.wait_messages("stays", 2)
        assert len(told(third.store)) == 3, "told once"


@pytest.mark.docker
@pytest.mark.fault
def test_a_container_that_went_with_its_engine(own_engine: PrivateEngine) -> None:
    with Desk(own_engine.environment) as desk:
        desk.watching()
        lost = own_engine.run(LINES, name="lost", options=("--rm", "--stop-timeout", "1"))
        own_engine.run(LINES, name="kept", options=("--stop-timeout", "1"))
        removed = own_engine.run(LINES, name="removed")
        for name in ("lost", "kept", "removed"):
            desk.wait_messages(name, 2)
        own_engine.docker("rm", "-f", removed)
        wait_until(lambda: desk.status(removed) is None)
        assert told(desk.store) == {}, "its log was followed to its end"
        own_engine.kill(signal.SIGTERM)
        desk.wait_state("docker", CollectorState.RECONNECTING)
        own_engine.start()
        desk.watching()
        wait_until(lambda: desk.status(lost) is None)
        wait_until(lambda: desk.store.checkpoint(key_of(lost)) is None)
        gaps = told(desk.store)
        assert set(gaps) <= {"lost"}, "the engine may have let hantu read all of it, and then told so"
        assert "lost" in gaps or desk.messages("lost") == ["one", "two"]


S = 10**9


def event(action: str, container_id: str, at_s: int) -> Event:
    return Event(action, container_id, f"name-{container_id}", at_s * S, "image:1")


def found(gone: dict[str, Kept], *events: Event) -> list[tuple[str, int, int]]:
    said = missed(
        gone,
        {"there"},
        events,
        watched_ns=100 * S,
        now_ns=200 * S,
        wants=lambda _id, name: name != "name-unwanted",
    )
    return [(each.name, each.from_ns // S, each.to_ns // S) for each in said]


def kept(name: str, from_s: int, finished: str = "") -> dict[str, Kept]:
    return {name: Kept(Place(from_s * S, {}, finished), f"name-{name}", "image:1")}


def test_a_gap_ends_with_the_container_when_that_is_known() -> None:
    gone = kept("a", 90)
    assert found(gone) == [("name-a", 90, 200)]
    assert found(gone, event("destroy", "a", 150)) == [("name-a", 90, 150)]
    assert found(gone, event("die", "a", 120), event("destroy", "a", 150)) == [("name-a", 90, 120)]
    restarts = [event(action, "a", at) for action, at in (("die", 110), ("start", 111), ("die", 130))]
    assert found(gone, *restarts, event("destroy", "a", 150)) == [("name-a", 90, 130)]


def test_one_that_never_wrote_is_missed_since_hantu_watched() -> None:
    assert found({"a": Kept(FROM_START, "", "")}) == [("a", 100, 200)]


def test_what_was_read_to_its_end_is_missed_only_when_it_was_started_again() -> None:
    gone = kept("a", 90, "2026-11-20T00:00:00Z")
    assert found(gone, event("destroy", "a", 150)) == []
    assert found(gone, event("start", "a", 120), event("die", "a", 130)) == [("name-a", 90, 130)]


def test_who_came_and_went_unseen_is_missed_from_its_start() -> None:
    lived = [event("start", "b", 110), event("die", "b", 120), event("destroy", "b", 121)]
    assert found({}, *lived) == [("name-b", 110, 120)]
    assert found({}, *[event(each.action, "unwanted", each.time_ns // S) for each in lived]) == []
    assert found({}, *[event(each.action, "there", each.time_ns // S) for each in lived]) == []
    assert found({}, event("start", "c", 100), event("destroy", "c", 101)) == [], "that start was seen"
    assert found(kept("unwanted", 90)) == []


def test_the_entry_tells_of_the_gap() -> None:
    entry = Missed("0123456789abcdef", "shop", "image:1", 5, 9).entry()
    assert (entry.source_id, entry.time_ns) == ("shop", 9)
    assert entry.metadata == {
        "container_id": "0123456789ab",
        "image": "image:1",
        "gap": {"from_ns": 5, "to_ns": 9, "reason": REMOVED, "lines": None},
    }
