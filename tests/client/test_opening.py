"""The settings make the delivery side, and other settings later make another."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hantu import get_logger, status
from tests.client.bot_api import CHAT, UNAUTHORIZED, BotApi
from tests.client.bot_api import TOKEN as BOT_TOKEN
from tests.client.conftest import Configure
from tests.client.ingest_api import IngestApi
from tests.waiting import wait_until


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi() as server:
        yield server


@pytest.fixture
def bot() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


def telegram(bot: BotApi) -> dict[str, object]:
    return {"telegram_token": BOT_TOKEN, "telegram_chat_id": CHAT, "telegram_api": bot.url}


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"hantu-delivery", "hantu-alerts"}


def test_settings_reach_the_parts(library: Configure, api: IngestApi) -> None:
    library(dsn=api.dsn, batch_errors=3, batch_s=3_600, queue_errors=7)
    assert status()["delivery"]["room"] == 7
    log = get_logger("app")
    for number in range(3):
        log.error("error %d", number)
    wait_until(lambda: [len(batch) for batch in api.batches] == [3])


def test_without_errors_no_thread_runs(library: Configure, api: IngestApi, bot: BotApi) -> None:
    library(dsn=api.dsn, **telegram(bot))
    get_logger("app").warning("no error")
    assert threads() == set()


def test_faults_of_settings_before_do_not_stand(library: Configure, api: IngestApi, bot: BotApi) -> None:
    api.down()
    bot.answer_to("", UNAUTHORIZED)
    library(dsn=api.dsn, batch_s=0.05, exit_flush_s=1, **telegram(bot))
    get_logger("app").error("it fails")
    wait_until(lambda: {"database", "telegram"} <= status()["faults"].keys())
    bot.forget()
    api.up()
    library(dsn=api.dsn, batch_s=0.05, **telegram(bot))
    assert status()["state"] == "READY"
    get_logger("app").critical("it works")
    wait_until(lambda: len(bot.texts) == 1)
    assert "it works" in [item["message"] for item in api.items.values()]
    assert status()["delivery"]["alerts"]["stopped"] == ""


@pytest.mark.promise("M73")
def test_the_cooldown_is_a_setting(library: Configure, bot: BotApi) -> None:
    library(cooldown_s=0, **telegram(bot))
    for told in (1, 2, 3):
        get_logger("app").error("again and again")
        wait_until(lambda expected=told: len(bot.texts) == expected)


@pytest.mark.promise("M68", "M69", "M70")
def test_lines_below_error_reach_nobody(library: Configure, api: IngestApi, bot: BotApi) -> None:
    library(dsn=api.dsn, batch_s=0.05, **telegram(bot))
    log = get_logger("app")
    for write in (log.debug, log.info, log.success, log.warning):
        write("nothing to tell")
    log.error("this one")
    wait_until(lambda: bot.texts)
    assert [item["message"] for item in api.items.values()] == ["this one"]
    assert len(bot.texts) == 1
