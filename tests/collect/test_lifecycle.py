"""The life of a collector: one thread at a time, whatever is asked of it and whatever fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.lifecycle import MOVES, Absent, Lifecycle
from hantu.collect.meter import Meter
from hantu.model import LogEntry, LogLevel
from hantu.pipeline import PipelineStopped, Rewind
from hantu.threads import Backoff
from tests.waiting import wait_until

LONG = Backoff(first_s=600.0, most_s=600.0)
SHORT = Backoff(first_s=0.01, most_s=0.01)


class Broken(Exception):
    """The source is away. lasting: trying again cannot help."""

    def __init__(self, message: str, fix: str = "", *, lasting: bool = False) -> None:
        super().__init__(message)
        self.fix = fix
        self.lasting = lasting


class Source:
    """What a collector reads from, played by the test: each attempt takes the next of `plays`, and
    when there is none left, collects until it is stopped. `hold` keeps an attempt from ending."""

    def __init__(self, *plays: Callable[[], bool], **settings: Any) -> None:
        self.attempts = 0
        self.at_once = 0
        self.most_at_once = 0
        self.errors: list[Exception] = []
        self.hold = threading.Event()
        self.hold.set()
        self.plays = list(plays)
        self.waits = threading.Event()
        self.name = f"test-{next(_NUMBERS)}"
        settings = {"backoff": LONG, "on_error": self.errors.append, **settings}
        self.life = Lifecycle(
            self.name, self._body, what=lambda: f"reading {self.name}", foreseen=(Broken,), **settings
        )

    def _body(self, stop: threading.Event) -> bool:
        self.attempts += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.plays:
                return self.plays.pop(0)()
            self.waits.clear()
            self.life.attach(self.waits.set)
            self.life.collecting()
            assert self.waits.wait(60)
            self.life.attach(None)
            assert stop.is_set()
            return False
        finally:
            assert self.hold.wait(60)
            self.at_once -= 1

    @property
    def status(self) -> CollectorStatus:
        return self.life.status("key", "name", "docker", source_id="web", gaps=3, detail="image")

    @property
    def state(self) -> CollectorState:
        return self.status.state

    def wait(self, state: CollectorState) -> None:
        wait_until(lambda: self.state is state)

    def threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == f"hantu-{self.name}"]

    def wait_no_thread(self) -> None:
        wait_until(lambda: not self.threads())


_NUMBERS = count(1)


@pytest.fixture
def make() -> Iterator[Callable[..., Source]]:
    """Sources; none of them may leave a thread behind."""
    made: list[Source] = []

    def source(*plays: Callable[[], bool], **settings: Any) -> Source:
        made.append(Source(*plays, **settings))
        return made[-1]

    yield source
    for each in made:
        each.hold.set()
        each.life.stop()
        assert each.life.join(5)
        each.wait_no_thread()
        assert each.state is CollectorState.STOPPED
        assert each.most_at_once <= 1


Make = Callable[..., Source]


def fail(message: str = "away", fix: str = "", *, lasting: bool = False) -> Callable[[], bool]:
    def play() -> bool:
        raise Broken(message, fix, lasting=lasting)

    return play


def test_it_collects_until_it_is_stopped(make: Make) -> None:
    source = make()
    assert source.state is CollectorState.STOPPED
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert (source.status.key, source.status.source_id, source.status.gaps) == ("key", "web", 3)
    source.life.stop()
    assert source.state is CollectorState.STOPPED
    assert source.life.join(5)
    source.wait_no_thread()
    assert source.attempts == 1


def test_started_twice_it_runs_once(make: Make) -> None:
    source = make()
    source.life.start()
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    source.life.start()
    assert source.state is CollectorState.COLLECTING
    assert len(source.threads()) == 1


def test_stopped_before_it_was_started_it_can_be_started(make: Make) -> None:
    source = make()
    source.life.stop()
    source.life.stop()
    assert source.life.join(0)
    assert source.life.stopping()
    assert source.state is CollectorState.STOPPED
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert not source.life.stopping()


def test_started_while_the_old_thread_still_ends_it_begins_after_it(make: Make) -> None:
    source = make()
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    source.hold.clear()
    source.life.stop()
    source.life.start()
    source.life.start()
    assert source.state is CollectorState.STARTING
    assert source.life.stopping()
    assert source.attempts == 1
    source.hold.set()
    source.wait(CollectorState.COLLECTING)
    wait_until(lambda: len(source.threads()) == 1)
    assert source.attempts == 2


def test_stopped_again_before_the_old_thread_has_gone_it_stays_stopped(make: Make) -> None:
    source = make()
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    source.hold.clear()
    source.life.stop()
    source.life.start()
    source.life.stop()
    source.hold.set()
    source.wait_no_thread()
    assert source.state is CollectorState.STOPPED
    assert source.attempts == 1


def test_what_an_ending_thread_reports_is_not_believed(make: Make) -> None:
    source = make()

    def late() -> bool:
        source.life.stop()
        source.life.start()
        source.life.collecting()
        assert source.state is CollectorState.STARTING
        interrupted = threading.Event()
        source.life.attach(interrupted.set)
        assert interrupted.is_set()
        source.life.attach(None)
        raise Broken("too late")

    source.plays.append(late)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.errors == []
    assert source.attempts == 2


def test_a_failure_is_shown_and_tried_again(make: Make) -> None:
    source = make(fail("away", "mend it"), fail("away"), fail("gone"), backoff=SHORT)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 4
    assert [str(error) for error in source.errors] == ["away", "away", "gone"]
    assert (source.status.error, source.status.fix, source.status.retry_in_s) == ("", "", None)


def test_a_start_ends_the_wait_for_the_next_attempt(make: Make) -> None:
    source = make(fail("away", "mend it"))
    source.life.start()
    source.wait(CollectorState.RECONNECTING)
    assert (source.status.error, source.status.fix) == ("away", "mend it")
    assert 0.0 < (source.status.retry_in_s or 0.0) <= 600.0
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 2


def test_a_stop_ends_the_wait_for_the_next_attempt(make: Make) -> None:
    source = make(fail())
    source.life.start()
    source.wait(CollectorState.RECONNECTING)
    source.life.stop()
    assert source.life.join(5)
    assert (source.state, source.status.retry_in_s) == (CollectorState.STOPPED, None)
    assert source.attempts == 1


@pytest.mark.parametrize(
    ("lasting", "reconnect"), [(False, "manual"), (True, "auto"), (True, "manual")], ids=str
)
def test_a_failure_that_a_person_must_see_to_waits_for_that_person(
    make: Make, lasting: bool, reconnect: str
) -> None:
    source = make(fail("no permission", "usermod", lasting=lasting), backoff=SHORT, reconnect=reconnect)
    source.life.start()
    source.wait(CollectorState.FAILED)
    source.wait_no_thread()
    status = source.status
    assert (status.error, status.fix, status.retry_in_s) == ("no permission", "usermod", None)
    assert (source.attempts, len(source.errors)) == (1, 1)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.status.error == ""
    assert source.attempts == 2


def test_a_start_that_comes_while_it_fails_is_not_lost(make: Make) -> None:
    source = make(reconnect="manual")

    def start_and_fail() -> bool:
        source.life.start()
        raise Broken("away")

    source.plays.append(start_and_fail)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 2


def test_a_start_that_comes_as_soon_as_it_is_told_of_the_failure_is_not_lost(make: Make) -> None:
    def start(error: Exception) -> None:
        source.life.start()

    source = make(fail(), reconnect="manual", on_error=start)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 2


def test_the_same_failure_is_logged_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    plays = [fail("away", "mend it"), fail("away", "mend it"), fail("gone"), fail("away", "mend it")]
    source = make(*plays, backoff=SHORT)
    with caplog.at_level(logging.WARNING):
        source.life.start()
        source.wait(CollectorState.COLLECTING)
    said = f"reading {source.name} failed: "
    assert caplog.messages == [f"{said}away; mend it", f"{said}gone", f"{said}away; mend it"]


def test_what_the_attempts_share_is_released_when_the_thread_ends(make: Make) -> None:
    released: list[int] = []
    source = make(fail(), fail(), backoff=SHORT, release=lambda: released.append(1))
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert released == []
    source.life.stop()
    assert source.life.join(5)
    assert released == [1]


def test_what_nobody_foresaw_is_shown_and_tried_again(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    shown: list[CollectorStatus] = []
    source = make(backoff=SHORT)

    def divide() -> bool:
        return bool(1 // 0)

    def look() -> bool:
        shown.append(source.status)
        return True

    source.plays += [divide, look]
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert shown[0].state is CollectorState.RECONNECTING
    assert shown[0].error.startswith("ZeroDivisionError: ")
    assert source.errors == []
    assert "failed" in caplog.text


def test_at_rest_it_begins_again_when_started(make: Make) -> None:
    source = make()
    source.plays.append(lambda: not source.life.rest())
    source.life.start()
    source.wait(CollectorState.ENDED)
    source.wait_no_thread()
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 2


def test_started_just_before_its_rest_it_looks_once_more(make: Make) -> None:
    source = make()

    def start_and_rest() -> bool:
        source.life.start()
        return not source.life.rest()

    source.plays.append(start_and_rest)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert source.attempts == 2


def test_at_its_end_it_does_not_begin_again_by_what_was_asked_before(make: Make) -> None:
    source = make()

    def start_and_end() -> bool:
        source.life.start()
        source.life.end()
        return False

    source.plays.append(start_and_end)
    source.life.start()
    source.wait(CollectorState.ENDED)
    source.wait_no_thread()
    assert source.attempts == 1


def test_a_rewind_is_another_attempt_and_the_end_of_the_pipeline_is_its_end(make: Make) -> None:
    def rewind() -> bool:
        raise Rewind("the store failed")

    def stopped() -> bool:
        raise PipelineStopped("hantu is stopping")

    source = make(rewind, stopped)
    source.life.start()
    wait_until(lambda: source.attempts == 2)
    source.wait_no_thread()
    assert source.errors == []
    source.life.start()
    source.wait(CollectorState.COLLECTING)


def test_reading_a_line_begins_the_waiting_times_anew(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    asked: list[int] = []

    def no_wait(self: Backoff, failures: int) -> float:
        asked.append(failures)
        return 0.0

    def read_and_fail() -> bool:
        meter.add([LogEntry("docker", "web", LogLevel.INFO, "line", 1)], 1)
        raise Broken("away")

    monkeypatch.setattr(Backoff, "wait_s", no_wait)
    source = make(*[fail()] * 4, read_and_fail, meter=meter)
    source.life.start()
    source.wait(CollectorState.COLLECTING)
    assert asked == [1, 2, 3, 4, 1]
    assert (source.status.lines, source.status.last_ns) == (1, 1)


def test_each_state_can_be_left_and_stopped_only_to_begin() -> None:
    assert set(MOVES) == set(CollectorState)
    assert MOVES[CollectorState.STOPPED] == {CollectorState.STARTING}
    for state, following in MOVES.items():
        assert state not in following
        assert state is CollectorState.STOPPED or CollectorState.STOPPED in following
        assert state is CollectorState.STARTING or CollectorState.STARTING in following


def test_a_move_that_is_not_in_the_table_is_refused(make: Make) -> None:
    refused: list[str] = []

    def failed(error: Exception) -> None:
        with pytest.raises(RuntimeError, match="cannot go from failed to ended") as caught:
            source.life.end()
        refused.append(str(caught.value))

    source = make(fail(), reconnect="manual", on_error=failed)
    source.life.start()
    wait_until(lambda: refused)
    source.wait(CollectorState.FAILED)


def test_what_is_not_on_this_machine_is_no_failure_and_is_collected_once_it_comes(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hantu.collect.lifecycle._ABSENT_S", 0.01)
    come = threading.Event()
    met: list[tuple[CollectorState, str, str]] = []

    def absent() -> bool:
        met.append((source.state, source.status.detail, source.status.error))
        if not come.is_set():
            source.plays.append(absent)
            raise Absent("there is no engine here")
        return False

    source = make(absent, reconnect="manual")
    with caplog.at_level(logging.INFO):
        source.life.start()
        wait_until(lambda: len(met) > 3)
        come.set()
        wait_until(lambda: not source.plays)
        source.wait_no_thread()
        source.life.start()
        source.wait(CollectorState.COLLECTING)
    assert met[0][0] is CollectorState.STARTING
    assert set(met[1:]) == {(CollectorState.ENDED, "there is no engine here", "")}
    assert source.status.detail == "image"
    assert source.errors == []
    said = [record for record in caplog.records if "no engine here" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.INFO]
