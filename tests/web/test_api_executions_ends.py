"""Ends that hantu itself brings about or tells of: timeouts, lost runners, callbacks."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from hantu.alert.channels.callback import CallbackError, is_allowed, post_callback
from hantu.config import Config
from hantu.executions import Change, Execution, ExecutionStatus, NewExecution
from hantu.service import Service
from hantu.service.executions import AGAIN_S, GRACE_S, Executions
from tests.waiting import wait_until
from tests.web.desk import NOW_NS
from tests.web.rundesk import RUNS, Runner, receiving, runner

SECOND_NS = 10**9
NEVER = threading.Event()


class Desk:
    """A service that does nothing by itself, a clock, and what ends and tells by that clock."""

    def __init__(self, service: Service) -> None:
        self.now_ns = NOW_NS
        self.store = service.store
        self.executions = Executions(
            service.config, service.store, service.pipeline, now_ns=lambda: self.now_ns
        )

    def run(self, **parts: Any) -> str:
        """The id of a new run that is RUNNING."""
        new = NewExecution(job_name="report", prompt="요약", **parts)
        made = self.store.add_execution(new, at_ns=self.now_ns).execution
        self.store.change_execution(made.id, Change(status=ExecutionStatus.RUNNING), at_ns=self.now_ns)
        return made.id

    def ended(self, url: str) -> str:
        """The id of a new run that is COMPLETED and should be told there."""
        run = self.run(callback_url=url)
        self.store.change_execution(
            run, Change(status=ExecutionStatus.COMPLETED, output="끝"), at_ns=self.now_ns
        )
        return run

    def beat(self, run: str, interval_ms: int = 1_000) -> None:
        """A sign of life."""
        self.store.heartbeat(run, at_ns=self.now_ns, interval_ms=interval_ms)

    def look(self, seconds: float, every_s: float = 1.0) -> int:
        """Look every second for so long; how many runs were ended."""
        ended, until_ns = 0, self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            self.now_ns = min(until_ns, self.now_ns + int(every_s * SECOND_NS))
            ended += self.executions.end_overdue()
        return ended

    def tell(self) -> int:
        """Try all callbacks that are due."""
        return self.executions.tell(NEVER)

    def of(self, run: str) -> Execution:
        """The run as it is."""
        return self.store.execution(run)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from desk_of(tmp_path)


def desk_of(folder: Path, **settings: Any) -> Iterator[Desk]:
    service = Service(Config(data_dir=folder / "data", docker="off", journal="off", **settings))
    try:
        yield Desk(service)
    finally:
        service.stop()


def test_run_past_its_timeout_fails_with_timeout(desk: Desk) -> None:
    run, other = desk.run(timeout_ms=60_000), desk.run()
    assert desk.look(59) == 0
    assert desk.look(1 + GRACE_S) == 1
    found = desk.of(run)
    assert (found.status, found.error_code) == (ExecutionStatus.FAILED, "TIMEOUT")
    assert found.error_message == "it ran longer than its timeout of 60 s"
    assert desk.store.transitions(run)[-1].reason == found.error_message
    assert desk.of(other).status is ExecutionStatus.RUNNING


def test_runner_has_a_moment_to_report_the_timeout_itself(desk: Desk) -> None:
    run = desk.run(timeout_ms=60_000)
    desk.look(60)
    failed = Change(status=ExecutionStatus.FAILED, error_code="KILLED", exit_code=137)
    desk.store.change_execution(run, failed, at_ns=desk.now_ns)
    assert desk.look(60) == 0
    assert desk.of(run).error_code == "KILLED"


def test_run_that_waits_has_no_timeout(desk: Desk) -> None:
    new = NewExecution(job_name="report", prompt="요약", timeout_ms=1_000)
    made = desk.store.add_execution(new, at_ns=desk.now_ns).execution
    assert desk.look(60) == 0
    assert desk.of(made.id).status is ExecutionStatus.PENDING


def test_runner_that_falls_silent_for_three_intervals_is_lost(desk: Desk) -> None:
    silent, alive, never = desk.run(), desk.run(), desk.run()
    desk.beat(silent, 5_000)
    for _ in range(4):
        desk.beat(alive, 5_000)
        assert desk.look(4) == 0
    desk.beat(alive, 5_000)
    assert desk.look(1 + GRACE_S) == 1
    found = desk.of(silent)
    assert (found.status, found.error_code) == (ExecutionStatus.FAILED, "LOST")
    assert found.error_message == "its runner sent no sign of life for 3 intervals of 5 s"
    assert desk.of(alive).status is ExecutionStatus.RUNNING
    assert desk.of(never).status is ExecutionStatus.RUNNING


def test_runner_is_not_lost_because_nobody_listened(desk: Desk) -> None:
    run = desk.run()
    desk.beat(run, 5_000)
    # The machine sleeps, or hantu is away: heartbeats of an hour cannot have come.
    desk.now_ns += 3_600 * SECOND_NS
    assert desk.look(14) == 0
    desk.beat(run, 5_000)
    assert desk.look(14) == 0
    assert desk.look(1 + GRACE_S) == 1


def test_clock_that_is_set_back_ends_nothing(desk: Desk) -> None:
    run = desk.run(timeout_ms=60_000)
    desk.look(30)
    desk.now_ns -= 3_600 * SECOND_NS
    assert desk.look(600) == 0
    assert desk.of(run).status is ExecutionStatus.RUNNING


def test_end_is_told_with_the_execution_and_a_signature(tmp_path: Path) -> None:
    for desk in desk_of(tmp_path, callback_secret="비밀"):
        with receiving() as receiver:
            run = desk.ended(f"{receiver.url}/done?a=1")
            assert desk.tell() == 1
        (call,) = receiver.calls
        told = json.loads(call.body)
        assert (call.path, told["event"]) == ("/done?a=1", "execution.ended")
        assert (told["execution"]["id"], told["execution"]["output"]) == (run, "끝")
        assert call.headers["Content-Type"] == "application/json"
        signed = call.headers["X-Hantu-Timestamp"].encode() + b"." + call.body
        expected = hmac.new("비밀".encode(), signed, hashlib.sha256).hexdigest()
        assert call.headers["X-Hantu-Signature"] == f"sha256={expected}"
        assert call.headers["X-Hantu-Timestamp"] == str(NOW_NS // SECOND_NS)
        assert (desk.of(run).callback_due_ns, desk.of(run).callback_attempts) == (None, 1)
        assert desk.tell() == 0


def test_without_a_secret_nothing_is_signed(desk: Desk) -> None:
    with receiving() as receiver:
        desk.ended(receiver.url)
        desk.tell()
    assert "X-Hantu-Signature" not in receiver.calls[0].headers


def test_receiver_that_fails_is_tried_again_later_and_later_and_given_up(desk: Desk) -> None:
    with receiving(500) as receiver:
        run = desk.ended(receiver.url)
        for attempt, wait_s in enumerate(AGAIN_S, start=1):
            assert desk.tell() == 1
            assert desk.of(run).callback_attempts == attempt
            assert desk.of(run).callback_due_ns == desk.now_ns + wait_s * SECOND_NS
            desk.now_ns += wait_s * SECOND_NS - 1
            assert desk.tell() == 0
            desk.now_ns += 1
        assert desk.tell() == 1
        assert desk.of(run).callback_due_ns is None
        desk.now_ns += 86_400 * SECOND_NS
        assert desk.tell() == 0
    assert len(receiver.calls) == len(AGAIN_S) + 1


def test_receiver_that_mends_is_told_once(desk: Desk) -> None:
    with receiving(503, 200) as receiver:
        run = desk.ended(receiver.url)
        desk.tell()
        desk.now_ns += AGAIN_S[0] * SECOND_NS
        desk.tell()
        assert desk.of(run).callback_due_ns is None
    assert len(receiver.calls) == 2


def test_redirect_is_not_followed(desk: Desk) -> None:
    with receiving(302) as receiver:
        run = desk.ended(receiver.url)
        desk.tell()
        assert [call.path for call in receiver.calls] == ["/"]
        assert desk.of(run).callback_due_ns is not None


def test_one_receiver_that_is_silent_holds_up_no_other(desk: Desk) -> None:
    with receiving(0) as silent, receiving() as well:
        late = [desk.ended(f"{silent.url}/{at}") for at in range(5)]
        told = [desk.ended(f"{well.url}/{at}") for at in range(5)]
        teller = threading.Thread(target=desk.tell)
        teller.start()
        wait_until(lambda: len(well.calls) == 5, timeout_s=4)
        silent.gone.set()
        teller.join()
        assert len(silent.calls) == 1, "its others wait without being tried"
    assert {desk.of(run).callback_due_ns for run in told} == {None}
    assert None not in {desk.of(run).callback_due_ns for run in late}


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.7", True),
        ("172.17.0.1", True),
        ("192.168.1.9", True),
        ("fd12::1", True),
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("2002:a9fe:a9fe::1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_addresses_that_only_machines_know_are_not_called(address: str, allowed: bool) -> None:
    assert is_allowed(address) is allowed


def call_back(url: str, hosts: tuple[str, ...] = ("*",), limit_s: float = 3.0) -> None:
    post_callback(url, b"{}", secret="", hosts=hosts, agent="hantu", now_s=0, limit_s=limit_s)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://0/", "http://0xa9fea9fe/"]
)
def test_link_local_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(CallbackError, match="none that may be called"):
        call_back(url)


def test_name_is_judged_by_the_address_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(CallbackError, match="none that may be called"):
        call_back("http://metadata.example/")
    assert asked == ["metadata.example"]


def test_hosts_may_be_narrowed() -> None:
    with receiving() as receiver:
        call_back(receiver.url, ("10.*", "127.0.0.1"))
        with pytest.raises(CallbackError, match="callback_hosts"):
            call_back(receiver.url, ("*.example",))
    assert len(receiver.calls) == 1


def test_failure_says_why_and_never_where() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CallbackError, match="nothing listens there") as refused:
        call_back(f"http://127.0.0.1:{port}/hook?key=geheim")
    assert "geheim" not in str(refused.value)
    with receiving(0) as silent, pytest.raises(CallbackError, match="did not answer within 0"):
        call_back(silent.url, limit_s=0.2)
    with receiving(404) as receiver, pytest.raises(CallbackError, match="it answered 404"):
        call_back(receiver.url)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with receiving() as receiver:
        call_back(receiver.url)
    assert len(receiver.calls) == 1


@pytest.fixture
def admin(app: flask.Flask, service: Service) -> Runner:
    return runner(app, service)


def test_running_service_tells_at_once(admin: Runner) -> None:
    with receiving() as receiver:
        made = admin.run(callbackUrl=f"{receiver.url}/ended")
        admin.patch(made, status="FAILED", errorCode="X")
        wait_until(lambda: receiver.calls, timeout_s=3)
        assert json.loads(receiver.calls[0].body)["execution"]["errorCode"] == "X"
        wait_until(lambda: admin.get(f"{RUNS}/{made['id']}")["callbackAt"] is None)


def test_running_service_ends_what_is_overdue_and_tells_it(admin: Runner) -> None:
    with receiving() as receiver:
        late = admin.run(timeout=100, callbackUrl=receiver.url)
        lost = admin.run()
        admin.ask("POST", f"{RUNS}/{lost['id']}/heartbeat", json={"intervalMs": 100})
        wait_until(lambda: admin.status(late) == admin.status(lost) == "FAILED")
        wait_until(lambda: receiver.calls)
    codes = [admin.get(f"{RUNS}/{run['id']}")["errorCode"] for run in (late, lost)]
    assert codes == ["TIMEOUT", "LOST"]
    assert admin.patch(late, status="COMPLETED").status_code == 409
