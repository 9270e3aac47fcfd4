"""Errors reach the store in batches, wait out its failures, and nothing that fails reaches the caller."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hantu.client.cooldown import Cooldown
from hantu.client.delivery import Delivery
from hantu.client.health import Fault, Health
from hantu.client.notifier import Notifier
from hantu.client.outbox import Pace
from hantu.client.room import Room
from hantu.client.sink import Sink
from hantu.client.sink_http import HttpSink
from hantu.client.telegram import Telegram
from hantu.errors import ErrorRecord
from tests.client.bot_api import CHAT, BotApi
from tests.client.bot_api import TOKEN as BOT_TOKEN
from tests.client.ingest_api import TOKEN, IngestApi, refusal
from tests.client.records import a_record
from tests.client.stand_in import HANG
from tests.waiting import wait_until

NEVER_S = 3_600.0
AT_ONCE = Pace(1, 0.01, 0.05, 3)
RETRY_LATER = Pace(1, 0.01, NEVER_S, 3)


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi() as server:
        yield server


@pytest.fixture
def bot() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


@pytest.fixture
def notifier(bot: BotApi, tmp_path: Path) -> Notifier:
    channel = Telegram(BOT_TOKEN, CHAT, bot.url)
    return Notifier(channel, Cooldown(tmp_path, cooldown_s=NEVER_S), service="scheduler", health=Health())


Make = Callable[..., Delivery]


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def make(api: IngestApi, health: Health) -> Iterator[Make]:
    """Makes deliveries, ended at the end."""
    made: list[Delivery] = []

    def make_one(
        pace: Pace = AT_ONCE,
        *,
        notifier: Notifier | None = None,
        room: Room | None = None,
        limit_s: float = 5.0,
        token: str = TOKEN,
        sink: Sink | None = None,
        on_stored: Callable[[Sequence[ErrorRecord]], None] | None = None,
    ) -> Delivery:
        used = sink or HttpSink(api.url, token=token, connect_limit_s=limit_s, answer_limit_s=limit_s)
        delivery = Delivery(used, notifier, pace=pace, room=room, health=health, on_stored=on_stored)
        made.append(delivery)
        return delivery

    yield make_one
    for delivery in made:
        delivery.stop(0.1)
    api.release()
    for delivery in made:
        delivery.stop(10)


@pytest.mark.promise("M49")
def test_ten_errors_are_sent_together(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(10, NEVER_S, NEVER_S, 3))
    records = [a_record(str(number)) for number in range(10)]
    for record in records[:9]:
        delivery.submit(record)
    wait_until(lambda: delivery.snapshot()["waiting"] == 9)
    assert api.batches == []
    delivery.submit(records[9])
    wait_until(lambda: delivery.stored == 10)
    assert api.batches == [[record.id for record in records]]


@pytest.mark.promise("M49")
def test_fewer_are_sent_after_their_time(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(10, 0.2, NEVER_S, 3))
    began = time.monotonic()
    delivery.submit(a_record())
    wait_until(lambda: api.batches)
    assert time.monotonic() - began >= 0.2


@pytest.mark.promise("M49", "M72")
def test_a_critical_error_takes_all_along_at_once(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(10, NEVER_S, NEVER_S, 3))
    delivery.submit(a_record("one"))
    delivery.submit(a_record("two", level="CRITICAL"))
    wait_until(lambda: delivery.stored == 2)
    assert len(api.items) == 2


@pytest.mark.promise("M59", "M65")
def test_a_store_that_is_down_for_a_while_gets_everything_once(
    api: IngestApi, make: Make, health: Health
) -> None:
    delivery = make(Pace(10, 0.01, 0.05, 10_000))
    api.down()
    for number in range(25):
        delivery.submit(a_record(str(number)))
    wait_until(lambda: health.standing(Fault.DATABASE))
    assert health.state.value == "Partial"
    assert health.reason == f"127.0.0.1:{api.port}: Connection refused"
    api.up()
    wait_until(lambda: delivery.stored == 25)
    assert len(api.items) == 25
    assert health.state.value == "READY"


@pytest.mark.promise("M65")
def test_after_three_retries_people_are_told_and_the_file_alone_has_it(
    api: IngestApi, bot: BotApi, make: Make, health: Health, notifier: Notifier
) -> None:
    delivery = make(Pace(10, 0.01, 0.05, 3), notifier=notifier)
    api.answer(*[refusal(503, "the store does not answer")] * 4)
    for number in range(3):
        delivery.submit(a_record(f"order {number}"))
    wait_until(lambda: delivery.given_up == 3)
    assert [call.status for call in api.calls] == [503] * 4
    assert delivery.waiting == 0
    assert health.snapshot()["faults"]["database"]["phase"] == "given up"
    wait_until(lambda: len(bot.texts) == 2)
    (told,) = [text for text in bot.texts if "DB 연결 불가" in text]
    assert told.startswith("🚨 [scheduler] 에러\n")
    assert "타입: DB 연결 불가\n\n에러 3건을 저장하지 못해 로컬 JSON 파일에만 남겼습니다." in told
    assert "answered 503: the store does not answer" in told
    # The store is looked at until it is well again, without an error to send.
    wait_until(lambda: health.state.value == "READY")
    assert api.calls[-1].path == "/healthz"


@pytest.mark.promise("M65")
def test_an_outage_is_told_once_however_long_it_lasts(
    api: IngestApi, bot: BotApi, make: Make, notifier: Notifier
) -> None:
    delivery = make(Pace(1, 0.01, 0.01, 1), notifier=notifier)
    api.down()
    for given_up in range(1, 6):
        delivery.submit(a_record())
        wait_until(lambda expected=given_up: delivery.given_up == expected)
    assert notifier.stop(5)
    assert len([text for text in bot.texts if "DB 연결 불가" in text]) == 1
    assert notifier.counted == 4


@pytest.mark.promise("M59")
def test_a_token_that_is_refused_is_told_and_not_tried_again_with_the_same_records(
    api: IngestApi, bot: BotApi, make: Make, health: Health, notifier: Notifier
) -> None:
    delivery = make(notifier=notifier, token="revoked")
    delivery.submit(a_record())
    wait_until(lambda: delivery.given_up == 1)
    assert "refused the token of the DSN (401)" in health.reason
    assert health.state.value == "Partial"
    wait_until(lambda: any("DB 연결 불가" in text for text in bot.texts))
    assert len(api.calls) == 1


def test_a_busy_store_is_waited_for_and_that_is_no_failure(
    api: IngestApi, make: Make, health: Health
) -> None:
    delivery = make(RETRY_LATER)
    api.answer(*[refusal(429, "too fast", retry_after_s=1)])
    delivery.submit(a_record())
    wait_until(lambda: delivery.stored == 1)
    assert api.calls[1].at_s - api.calls[0].at_s >= 1
    assert health.snapshot()["faults"] == {}


@pytest.mark.promise("M71")
def test_people_are_told_by_the_service_when_it_does(
    api: IngestApi, bot: BotApi, make: Make, notifier: Notifier
) -> None:
    api.alerts = True
    delivery = make(notifier=notifier)
    delivery.submit(a_record())
    wait_until(lambda: delivery.stored == 1)
    assert delivery.stop(5)
    assert bot.texts == []


@pytest.mark.promise("M71")
def test_people_are_told_by_the_library_when_the_service_does_not(
    bot: BotApi, make: Make, notifier: Notifier
) -> None:
    delivery = make(notifier=notifier)
    delivery.submit(a_record())
    wait_until(lambda: len(bot.texts) == 1)


@pytest.mark.promise("M59", "M71")
def test_people_are_told_at_once_when_the_service_is_down_and_once_only(
    api: IngestApi, bot: BotApi, make: Make, notifier: Notifier
) -> None:
    api.alerts = True
    delivery = make(Pace(1, 0.01, 0.2, 10_000), notifier=notifier)
    api.down()
    delivery.submit(a_record("one", error_type="One"))
    wait_until(lambda: len(bot.texts) == 1)
    delivery.submit(a_record("two", error_type="Two"))
    wait_until(lambda: len(bot.texts) == 2)
    api.up()
    wait_until(lambda: delivery.stored == 2)
    assert [item["metadata"].get("alerted") for item in api.items.values()] == [True, True]
    assert delivery.stop(5)
    assert len(bot.texts) == 2


def test_without_a_store_people_are_told(bot: BotApi, notifier: Notifier) -> None:
    delivery = Delivery(None, notifier, health=Health())
    delivery.submit(a_record())
    wait_until(lambda: bot.texts)
    assert delivery.stop(5)


def test_what_is_stored_is_said(api: IngestApi, make: Make) -> None:
    said: list[str] = []
    api.refuses = "refuse"
    delivery = make(
        Pace(3, NEVER_S, NEVER_S, 3),
        on_stored=lambda records: said.extend(each.message for each in records),
    )
    for message in ("one", "refuse me", "three"):
        delivery.submit(a_record(message))
    wait_until(lambda: said)
    assert said == ["one", "three"]
    assert delivery.snapshot()["last_refusal"] == "this one is refused"
    assert (delivery.stored, delivery.refused) == (2, 1)


@pytest.mark.promise("M58")
def test_a_part_that_raises_what_it_should_not_stops_nothing(
    api: IngestApi, make: Make, health: Health
) -> None:
    def broken(records: Sequence[ErrorRecord]) -> None:
        raise RuntimeError("a bug")

    delivery = make(on_stored=broken)
    delivery.submit(a_record())
    wait_until(lambda: health.standing(Fault.HANDLER))
    delivery.submit(a_record())
    wait_until(lambda: delivery.stored == 2)
    assert health.state.value == "Degraded"


@pytest.mark.promise("M58")
def test_what_is_no_record_at_all_never_raises(make: Make, health: Health) -> None:
    delivery = make()
    delivery.submit(None)  # type: ignore[arg-type]  that is the point
    assert health.state.value == "Degraded"


@pytest.mark.promise("M64")
def test_a_full_queue_is_flushed_at_once_and_grows(api: IngestApi, make: Make, health: Health) -> None:
    delivery = make(Pace(1_000, NEVER_S, NEVER_S, 3), room=Room(20, 80))
    for number in range(20):
        delivery.submit(a_record(str(number)))
    wait_until(lambda: delivery.waiting == 20)
    assert api.batches == []
    assert health.snapshot()["faults"] == {}
    delivery.submit(a_record("one more"))
    assert health.snapshot()["faults"]["queue"]["reason"] == (
        "20 errors wait to be stored; the queue is flushed and has room for 40"
    )
    wait_until(lambda: delivery.stored == 21)
    wait_until(lambda: health.state.value == "READY")
    assert delivery.snapshot()["room"] == 20


@pytest.mark.promise("M64")
def test_a_queue_that_cannot_be_flushed_is_bounded_and_counts_what_it_drops(
    api: IngestApi, make: Make, health: Health
) -> None:
    delivery = make(RETRY_LATER, room=Room(20, 80))
    api.down()
    for number in range(200):
        delivery.submit(a_record(str(number)))
    assert delivery.waiting <= 80
    assert delivery.dropped == 120
    assert health.state.value in ("Warning", "Partial")
    assert health.snapshot()["faults"]["queue"]["reason"] == (
        "the queue is full; 120 errors are in the local file only so far"
    )


@pytest.mark.promise("M64")
def test_a_queue_is_bounded_by_its_bytes_too(api: IngestApi, make: Make) -> None:
    delivery = make(RETRY_LATER, room=Room(10, 100_000, bytes_most=1 << 20))
    api.down()
    for _ in range(30):
        delivery.submit(a_record(stack_trace="x" * 100_000))
        wait_until(lambda: delivery.taken_in)
    assert delivery.dropped >= 20


def test_submitting_takes_no_time_while_the_store_hangs(api: IngestApi, make: Make) -> None:
    delivery = make(limit_s=30)
    api.answer(HANG)
    delivery.submit(a_record())
    wait_until(lambda: api.calls)
    began = time.monotonic()
    for _ in range(900):
        delivery.submit(a_record())
    assert time.monotonic() - began < 1
    assert delivery.waiting == 901


def test_what_waits_at_the_end_is_sent(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(1_000, NEVER_S, NEVER_S, 3))
    for number in range(450):
        delivery.submit(a_record(str(number)))
    assert delivery.stop(10)
    assert len(api.items) == 450


def test_what_was_to_be_tried_later_is_tried_once_more_at_the_end(api: IngestApi, make: Make) -> None:
    delivery = make(RETRY_LATER)
    api.answer(refusal(503, "not now"))
    delivery.submit(a_record())
    wait_until(lambda: api.calls)
    assert delivery.stop(10)
    assert len(api.items) == 1


def test_the_end_takes_no_longer_than_its_limit_and_people_are_told(
    api: IngestApi, bot: BotApi, make: Make, notifier: Notifier
) -> None:
    delivery = make(limit_s=30, notifier=notifier)
    api.answer_to("", HANG)
    delivery.submit(a_record(level="CRITICAL"))
    wait_until(lambda: api.calls)
    began = time.monotonic()
    assert not delivery.stop(5)
    assert time.monotonic() - began < 8
    assert len(bot.texts) == 1


def test_an_error_after_the_end_is_left_to_the_file(api: IngestApi, make: Make) -> None:
    delivery = make()
    assert delivery.stop(1)
    delivery.submit(a_record())
    assert delivery.dropped == 1
    assert api.items == {}


def test_many_threads_may_submit_at_once(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(10, 0.01, NEVER_S, 3), room=Room(10_000))
    records = [[a_record(f"{thread} {number}") for number in range(100)] for thread in range(8)]

    def submit(mine: list[ErrorRecord]) -> None:
        for record in mine:
            delivery.submit(record)

    threads = [threading.Thread(target=submit, args=(mine,)) for mine in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: delivery.stored == 800)
    assert sorted(api.items) == sorted(api.sent) == sorted(each.id for mine in records for each in mine)


def test_a_child_sends_its_own_errors_and_none_of_its_parent(api: IngestApi, make: Make) -> None:
    delivery = make(Pace(10, NEVER_S, NEVER_S, 3))
    delivery.submit(a_record("of the parent"))
    wait_until(lambda: delivery.taken_in)

    def child() -> None:
        waited = delivery.waiting
        for _ in range(3):
            delivery.submit(a_record("of the child"))
        os._exit(0 if delivery.stop(10) and waited == 0 else 1)

    processes = [multiprocessing.get_context("fork").Process(target=child) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sorted(item["message"] for item in api.items.values()) == ["of the child"] * 6
    assert delivery.stop(5)
    assert len(api.sent) == len(set(api.sent)) == 7
