"""What the log library writes, read as a service reads it: each error comes to the inbox once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path

import pytest

from hantu.errors import of_json, place
from hantu.formats.parser import LineParser
from hantu.model import LogEntry
from hantu.store.base import LogStorage
from tests.contract.error_samples import arrived, groups

PROGRAM = """
import sys
from hantu import configure, get_logger, shutdown

configure(service="scheduler", log_dir=sys.argv[1])
log = get_logger("core.engine")


def execute_order(number):
    try:
        {}["잔고"]
    except KeyError:
        log.error("주문 %s 실패", number, exc_info=True, context={"계좌수": number})


for number in range(3):
    execute_order(number)
log.critical("체결 중단")
log.warning("주문이 느림")
shutdown()
"""


def entries_of(lines: bytes, path: str) -> list[LogEntry]:
    parser = LineParser(source="app", source_id=path, tz=UTC)
    now_ns = time.time_ns()
    return [*parser.feed(lines.splitlines(), None, now_ns), *parser.flush(now_ns)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, bytes]:
    """The JSON file, the text file and stderr of a program."""
    folder = tmp_path_factory.mktemp("logs")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    (errors,) = (folder / "errors").glob("*.json")
    (text,) = (folder / "info").glob("*.log")
    return errors.read_bytes(), text.read_bytes(), ran.stderr


@pytest.mark.promise("M45", "M47", "M52")
def test_each_error_of_a_program_is_in_the_inbox_once(
    store: LogStorage, written: tuple[bytes, bytes, bytes]
) -> None:
    errors, text, stderr = written
    for lines, path in ((stderr, "scheduler"), (errors, "/logs/e.json"), (text, "/logs/i.log")):
        assert store.write_batch(entries_of(lines, path)).accepted >= 4
    # Read from its start again, as after a rotation that was not seen.
    assert store.write_batch(entries_of(errors, "/logs/e.json")).accepted == 0
    records = [of_json(json.loads(line)) for line in errors.splitlines()]
    found = [each.record for each in arrived(store)]
    assert [record._replace(source_id="") for record in found] == records
    assert [(group.count, group.message, group.place) for group in groups(store)] == [
        (1, "체결 중단", "core.engine.<module>"),
        (3, "주문 2 실패", "core.engine.execute_order"),
    ]
    assert [place(record) for record in records[:1]] == ["core.engine.execute_order"]
    assert found[0].context == {"계좌수": 0}
