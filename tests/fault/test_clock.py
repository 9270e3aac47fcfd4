"""The clock of the real service is set back by a day while it runs, and forth again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store import open_store
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.fault import tally
from tests.parts import require
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.e2e]

SOURCE = Path(__file__).with_name("clock.c")
DAY_S = 86_400
LINES = 200


class Clock:
    """What the service takes for the time: the real one, moved."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        require("a C compiler", compiler is not None, "apt-get install gcc")
        library = folder / "clock.so"
        command = [str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True)
        self._file = folder / "moved"
        self.move(0)
        self.settings = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(self._file)}

    def move(self, seconds: int) -> None:
        """Move it, counted from the real time."""
        # In one piece: a file that is empty for a moment would be the real time.
        self._file.write_text(f"{seconds:<12}")


@pytest.fixture
def bot() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


def push(service: RunningService, first: int, last: int) -> None:
    lines = [{"message": f"line {number}", "sourceId": "shop"} for number in range(first, last)]
    assert service.call("POST", "/api/ingest", json.dumps(lines).encode())["accepted"] == last - first


def fail(service: RunningService, what: str) -> None:
    item = {
        "message": what,
        "level": "error",
        "metadata": {"service": "shop", "function": what, "error_type": "OrderError"},
    }
    service.call("POST", "/api/ingest", json.dumps([item]).encode())


def told_of(bot: BotApi, what: str) -> int:
    """How many alerts tell of it; the summary of a day is none."""
    return sum(text.startswith("🚨") and what in text for text in bot.texts)


@pytest.mark.fault_row("R8")
@pytest.mark.promise("M73")
def test_a_clock_set_back_by_a_day_loses_nothing_and_repeats_no_alert(tmp_path: Path, bot: BotApi) -> None:
    clock = Clock(tmp_path)
    source = tmp_path / "app.log"
    source.touch()
    telegram = {
        "HANTU_TELEGRAM_TOKEN": TOKEN,
        "HANTU_TELEGRAM_CHAT_ID": CHAT,
        "HANTU_TELEGRAM_API": bot.url,
        "HANTU_FILES": str(source),
    }
    service = RunningService(tmp_path / "data", NOTHING | telegram | clock.settings)
    try:
        service.start()
        # Read from its end on: what is written before the first look is not asked for.
        wait_until(lambda: service.get("/api/collectors")["collectors"][0]["state"] == "collecting")
        push(service, 0, LINES)
        fail(service, "first")
        wait_until(lambda: len(bot.texts) == 1)
        clock.move(-DAY_S)
        push(service, LINES, 2 * LINES)
        with source.open("a") as file:
            file.writelines(f"file {number}\n" for number in range(LINES))
        wait_until(lambda: service.get("/api/logs?q=file&limit=1")["total"] == LINES)
        fail(service, "first")
        fail(service, "second")
        # The second kind is told; the first one was, and its cooldown lasts by the clock that counts.
        wait_until(lambda: told_of(bot, "second"))
        assert told_of(bot, "first") == 1
        assert service.call("POST", "/api/cleanup", b'{"retentionDays": 0.5}')["deleted"] == 0
        # And forth beyond the time: a cooldown that went by the time of day would be over.
        clock.move(DAY_S)
        fail(service, "first")
        fail(service, "third")
        wait_until(lambda: told_of(bot, "third"))
        assert told_of(bot, "first") == 1
        clock.move(0)
        push(service, 2 * LINES, 3 * LINES)
        assert service.stop() == 0
    finally:
        service.close()
    store = open_store(tmp_path / "data" / "hantu.db", read_only=True)
    try:
        entries = sorted(store.export(LogQuery()), key=lambda entry: entry.key)
    finally:
        store.close()
    lines = [entry for entry in entries if entry.message.startswith("line ")]
    numbers = [int(entry.message.split()[1]) for entry in lines]
    assert tally.account(numbers, range(3 * LINES)) == (0, 0)
    assert numbers == sorted(numbers), "keys go on in the order of arrival"
    day_ns = DAY_S * 10**9
    assert lines[LINES].time_ns < lines[0].time_ns - day_ns // 2
    assert lines[-1].time_ns > lines[0].time_ns
