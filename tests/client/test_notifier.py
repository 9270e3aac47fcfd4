"""People are told of errors once per cooldown, whatever Telegram does; a real server speaks its Bot API."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hantu.client.cooldown import Cooldown
from hantu.client.health import Fault, Health
from hantu.client.notifier import MESSAGES_MOST, Notifier
from hantu.client.outgoing import Patience
from hantu.client.telegram import Telegram
from tests.client.bot_api import BROKEN, CHAT, DROP, HANG, TOKEN, UNAUTHORIZED, BotApi, flood, refusal
from tests.client.records import a_record
from tests.waiting import wait_until

SOON = Patience((0.05,), tries_most=3)
LONG_S = 3_600.0


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


Make = Callable[..., Notifier]


@pytest.fixture
def make(api: BotApi, tmp_path: Path) -> Iterator[Make]:
    """Makes notifiers of one folder, ended at the end."""
    made: list[Notifier] = []

    def make_one(
        *,
        cooldown_s: float = LONG_S,
        patience: Patience = SOON,
        limit_s: float = 5.0,
        token: str = TOKEN,
        health: Health | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Notifier:
        channel = Telegram(token, CHAT, api.url, connect_limit_s=limit_s, answer_limit_s=limit_s)
        notifier = Notifier(
            channel,
            Cooldown(tmp_path, cooldown_s=cooldown_s, clock=clock),
            service="scheduler",
            patience=patience,
            health=health or Health(),
            clock=clock,
        )
        made.append(notifier)
        return notifier

    yield make_one
    api.forget()
    for notifier in made:
        notifier.stop(5)


class Later:
    """The real clock, which a test may put forward."""

    def __init__(self) -> None:
        self.more_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.more_s


@pytest.mark.promise("M71")
def test_five_hundred_equal_errors_are_one_message_and_one_count(api: BotApi, make: Make) -> None:
    clock = Later()
    notifier = make(cooldown_s=300, clock=clock)
    for number in range(500):
        notifier.tell(a_record(f"order {number} failed"))
    wait_until(lambda: len(api.texts) == 1 and notifier.counted == 499)
    assert "order 0 failed" in api.texts[0]
    clock.more_s = 301
    notifier.tell(a_record("something else"))
    wait_until(lambda: len(api.texts) == 3)
    assert sum("같은 에러가 499번 더 발생했습니다" in text for text in api.texts) == 1
    assert notifier.stop(5)
    assert len(api.texts) == 3


@pytest.mark.promise("M71")
def test_the_count_is_told_at_the_cooldowns_end_without_a_further_error(api: BotApi, make: Make) -> None:
    notifier = make(cooldown_s=0.4)
    for _ in range(20):
        notifier.tell(a_record())
    wait_until(lambda: len(api.texts) == 2)
    assert "같은 에러가 19번 더 발생했습니다" in api.texts[1]
    assert api.texts[1].startswith("🚨 [scheduler] 에러\n")


@pytest.mark.promise("M72")
def test_a_critical_error_does_not_wait_for_the_cooldown_of_an_error(api: BotApi, make: Make) -> None:
    notifier = make()
    notifier.tell(a_record())
    wait_until(lambda: len(api.texts) == 1)
    notifier.tell(a_record(level="CRITICAL"))
    wait_until(lambda: len(api.texts) == 2)
    notifier.tell(a_record(level="CRITICAL"))
    wait_until(lambda: notifier.counted == 1)
    assert notifier.stop(5)
    assert len(api.texts) == 2


@pytest.mark.promise("M61")
def test_a_message_that_hangs_holds_up_no_other(api: BotApi, make: Make) -> None:
    notifier = make(limit_s=30)
    api.answer_to("hangs", HANG)
    notifier.tell(a_record("this one hangs", error_type="Hanging"))
    wait_until(lambda: api.calls)
    began = time.monotonic()
    notifier.tell(a_record("a different error", error_type="Other"))
    wait_until(lambda: api.texts)
    assert time.monotonic() - began < 2
    assert "a different error" in api.texts[0]


@pytest.mark.promise("M61")
def test_messages_that_hang_for_ever_are_given_up_at_their_limit(api: BotApi, make: Make) -> None:
    health = Health()
    notifier = make(limit_s=0.2, health=health, patience=Patience((0.01,), tries_most=2))
    api.answer_to("hangs", HANG)
    for name in "abcdef":
        notifier.tell(a_record(f"{name} hangs", error_type=name))
    wait_until(lambda: notifier.failed == 6)
    assert "did not answer" in health.reason
    api.forget()
    notifier.tell(a_record("at last", error_type="Last"))
    wait_until(lambda: api.texts)
    assert health.state.value == "READY"


@pytest.mark.promise("M61")
def test_one_that_waits_for_its_next_try_holds_up_no_other(api: BotApi, make: Make) -> None:
    health = Health()
    notifier = make(patience=Patience((LONG_S,)), health=health)
    api.answer_to("fails", BROKEN)
    notifier.tell(a_record("it fails", error_type="Failing"))
    wait_until(lambda: health.standing(Fault.TELEGRAM))
    assert (health.state.value, health.reason) == ("Warning", "Telegram failed (502)")
    began = time.monotonic()
    notifier.tell(a_record("a different error", error_type="Other"))
    wait_until(lambda: api.texts)
    assert time.monotonic() - began < 2
    assert notifier.waiting == 1


@pytest.mark.promise("M61")
def test_429_is_waited_for_by_every_message_and_nothing_is_lost(api: BotApi, make: Make) -> None:
    notifier = make()
    api.answer(flood(1))
    notifier.tell(a_record("first", error_type="A"))
    wait_until(lambda: api.calls)
    for name in "BCD":
        notifier.tell(a_record(name, error_type=name))
    wait_until(lambda: len(api.texts) == 4)
    flooded_s = api.calls[0].at_s
    assert all(message.at_s - flooded_s >= 1 for message in api.messages)
    assert api.early == []


@pytest.mark.promise("M61")
def test_a_failure_is_tried_again_and_then_well(api: BotApi, make: Make) -> None:
    health = Health()
    notifier = make(health=health)
    api.answer(BROKEN, DROP)
    notifier.tell(a_record())
    wait_until(lambda: api.texts)
    wait_until(lambda: notifier.sent == 1)
    assert health.snapshot()["faults"]["telegram"]["count"] == 2
    assert health.state.value == "READY"


@pytest.mark.promise("M61")
def test_telegram_that_is_down_is_tried_until_it_is_up(api: BotApi, make: Make) -> None:
    health = Health()
    notifier = make(health=health, patience=Patience((0.02,), tries_most=10_000))
    api.down()
    notifier.tell(a_record())
    wait_until(lambda: health.standing(Fault.TELEGRAM))
    assert health.reason == "Telegram: Connection refused"
    api.up()
    wait_until(lambda: api.texts)
    wait_until(lambda: health.state.value == "READY")


@pytest.mark.promise("M61")
def test_401_stops_and_is_told(api: BotApi, make: Make) -> None:
    health = Health()
    notifier = make(health=health)
    api.answer(UNAUTHORIZED)
    notifier.tell(a_record("one", error_type="A"))
    wait_until(lambda: notifier.closed)
    for name in "BCD":
        notifier.tell(a_record(name, error_type=name))
    assert notifier.stop(5)
    assert len(api.calls) == 1
    assert health.snapshot()["faults"]["telegram"]["phase"] == "given up"
    assert health.reason == (
        "Telegram does not know the bot token (401); nothing is sent until the settings are changed"
    )
    assert notifier.snapshot()["stopped"] == "Telegram does not know the bot token (401)"


@pytest.mark.promise("M61")
def test_a_message_that_is_refused_does_not_stop_the_others(api: BotApi, make: Make) -> None:
    notifier = make()
    api.answer_to("odd", refusal(400, "Bad Request: something about this message"))
    notifier.tell(a_record("odd", error_type="Odd"))
    wait_until(lambda: notifier.failed == 1)
    notifier.tell(a_record("even", error_type="Even"))
    wait_until(lambda: len(api.texts) == 1)


def test_more_errors_than_messages_may_wait_are_told_as_a_number(api: BotApi, make: Make) -> None:
    notifier = make(patience=Patience((0.2,), tries_most=10_000))
    api.down()
    many = MESSAGES_MOST + 30
    for number in range(many):
        notifier.tell(
            a_record(f"e{number}", error_type=f"Error{chr(65 + number // 26)}{chr(65 + number % 26)}")
        )
    wait_until(lambda: notifier.waiting >= MESSAGES_MOST)
    api.up()
    wait_until(lambda: any("따로 알리지 못했습니다" in text for text in api.texts), 30)
    wait_until(lambda: notifier.waiting == 0, 30)
    (told,) = [text for text in api.texts if "따로 알리지 못했습니다" in text]
    count = int(told.partition("몰려 ")[2].partition("건")[0])
    assert len(api.texts) - 1 + count == many


@pytest.mark.promise("M60", "M62", "M65")
def test_what_happens_to_the_library_itself_is_told_once_per_cooldown(api: BotApi, make: Make) -> None:
    notifier = make()
    for _ in range(5):
        notifier.tell_fault("DB 연결 불가", "127.0.0.1:8514: Connection refused")
    wait_until(lambda: len(api.texts) == 1 and notifier.counted == 4)
    assert "타입: DB 연결 불가\n\n127.0.0.1:8514: Connection refused" in api.texts[0]


@pytest.mark.promise("M71")
def test_two_processes_tell_an_error_once(api: BotApi, make: Make) -> None:
    one, other = make(), make()
    one.tell(a_record())
    wait_until(lambda: api.texts)
    other.tell(a_record())
    wait_until(lambda: other.counted == 1)
    assert one.stop(5)
    assert other.stop(5)
    assert len(api.texts) == 1


@pytest.mark.promise("M71")
def test_repeats_of_a_process_that_has_ended_are_told_by_the_next(api: BotApi, make: Make) -> None:
    clock = Later()
    first = make(cooldown_s=300, clock=clock)
    first.tell(a_record())
    first.tell(a_record())
    assert first.stop(5)
    assert len(api.texts) == 1
    clock.more_s = 301
    make(cooldown_s=300, clock=clock).resume()
    wait_until(lambda: len(api.texts) == 2)
    assert "같은 에러가 1번 더 발생했습니다" in api.texts[1]


def test_a_process_without_errors_starts_no_thread(make: Make) -> None:
    notifier = make()
    notifier.resume()
    assert notifier.stop(0)


def test_what_waits_at_the_end_is_sent_within_the_limit(api: BotApi, make: Make) -> None:
    notifier = make()
    for name in "ABCDE":
        notifier.tell(a_record(name, error_type=name))
    assert notifier.stop(5)
    assert len(api.texts) == 5


def test_the_end_does_not_wait_for_a_telegram_that_hangs(api: BotApi, make: Make) -> None:
    notifier = make(limit_s=30)
    api.answer_to("", HANG)
    notifier.tell(a_record())
    began = time.monotonic()
    assert not notifier.stop(0.3)
    assert time.monotonic() - began < 2


def test_a_child_has_a_thread_and_a_queue_of_its_own(api: BotApi, make: Make) -> None:
    notifier = make(limit_s=30)
    api.answer_to("of the parent", HANG)
    notifier.tell(a_record("of the parent", error_type="Parent"))
    wait_until(lambda: api.calls)

    def child() -> None:
        waited = notifier.waiting
        notifier.tell(a_record("of the child", error_type="Child"))
        os._exit(0 if notifier.stop(10) and waited == 0 else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert len(api.texts) == 1
    assert "of the child" in api.texts[0]
    assert sum("of the parent" in text for text in api.texts) == 0
    assert notifier.waiting == 1
