"""People are told what happens to the service itself: a real service, a real full disk."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
from collections.abc import Iterator

import pytest

from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.fault.disks import Mount, fill
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

pytestmark = pytest.mark.fault


@pytest.fixture
def bot() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


def push(service: RunningService, message: str) -> None:
    """Have an error stored; a service that cannot says so."""
    item = {
        "message": message,
        "level": "error",
        "metadata": {"service": "shop", "function": "order", "error_type": "OrderError"},
    }
    with contextlib.suppress(urllib.error.HTTPError):
        service.call("POST", "/api/ingest", json.dumps([item]).encode())


@pytest.mark.promise("M62", "M66")
@pytest.mark.fault_row("R5")
def test_m62_a_full_disk_of_the_service_is_told_and_so_is_its_end(mount: Mount, bot: BotApi) -> None:
    disk = mount("16m")
    settings = NOTHING | {
        "HANTU_TELEGRAM_TOKEN": TOKEN,
        "HANTU_TELEGRAM_CHAT_ID": CHAT,
        "HANTU_TELEGRAM_API": bot.url,
    }
    service = RunningService(disk / "data", settings)
    # The log beside it lies on the same disk, and is not what is tested.
    service.log = service.log.with_name("null")
    service.log.symlink_to(os.devnull)
    try:
        service.start()
        push(service, "먼저")
        wait_until(lambda: len(bot.texts) == 1)
        ballast = fill(disk)
        for number in range(40):
            push(service, f"꽉 찬 디스크 {number} " + os.urandom(40_000).hex())
        wait_until(lambda: any("디스크 부족" in text for text in bot.texts), 20)
        (told,) = [text for text in bot.texts if "디스크 부족" in text]
        assert told.startswith("🚨 [hantu] 에러\n")
        assert "디스크가 가득 차 " in told
        assert "디스크를 직접 정리해야 합니다." in told
        ballast.unlink()
        wait_until(lambda: any(text.startswith("✅ [hantu] 성공\n") for text in bot.texts), 30)
        push(service, "나중")
        wait_until(lambda: any("나중" in text for text in bot.texts))
    finally:
        service.close()
