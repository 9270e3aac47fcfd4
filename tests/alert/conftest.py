"""What the tests of alerts share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alert.desk import Desk
from tests.client.bot_api import BotApi


@pytest.fixture(autouse=True)
def seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time of the texts."""
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def api() -> Iterator[BotApi]:
    """A server that speaks the Bot API."""
    with BotApi() as server:
        yield server


@pytest.fixture
def desk(api: BotApi, tmp_path: Path) -> Iterator[Desk]:
    """A store, a pipeline and an engine."""
    desk = Desk(tmp_path, api)
    yield desk
    desk.close()
