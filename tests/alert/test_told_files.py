"""What the log library tells people of is not told by the service as well."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from msgspec.structs import replace

from hantu.alert.told_files import ToldFiles
from hantu.client.cooldown import Cooldown
from hantu.client.files import day_of, note_told
from hantu.client.health import Health
from hantu.client.notifier import Notifier
from hantu.client.telegram import Telegram
from tests.alert.desk import Desk
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.client.records import a_record


def test_ids_are_found_as_they_are_noted(tmp_path: Path) -> None:
    told, record = ToldFiles(tmp_path), a_record()
    assert not told.has(record)
    note_told(tmp_path / "errors", day_of(record.time_ns), record.id)
    assert told.has(record)
    other = record._replace(id=str(uuid.uuid4()))
    assert not told.has(other)
    path = tmp_path / "errors" / f"error_{day_of(record.time_ns)}.told"
    with path.open("a") as file:
        file.write(other.id)
    assert not told.has(other)
    with path.open("a") as file:
        file.write("\n")
    assert told.has(other)
    assert told.has(record)
    path.unlink()
    assert not told.has(record._replace(id=""))


@pytest.mark.promise("M71")
def test_an_error_that_its_program_told_of_is_left_to_it(desk: Desk, api: BotApi, tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    desk.start(log_dir=log_dir)
    record = a_record(time_ns=desk.clock.now_ns())
    library = Notifier(
        Telegram(TOKEN, CHAT, api.url),
        Cooldown(tmp_path, cooldown_s=300),
        service="scheduler",
        errors_dir=log_dir / "errors",
        health=Health(),
    )
    library.tell(record)
    assert library.stop(5)
    assert len(api.texts) == 1
    desk.push(replace(desk.entry(), event_id=uuid.UUID(record.id).bytes))
    desk.error("주문 취소 실패", kind="OrderClosed")
    assert len(desk.settle()) == 2
    assert "OrderClosed" in api.texts[1]
