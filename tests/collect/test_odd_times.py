"""The hour that comes twice, the one that does not come, and the second between two days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hantu.collect.files.rounds import Rounds
from hantu.formats.parser import LineParser
from tests.collect.filedesk import FileDesk, write

LINES = (
    # 25 October 2026, 3:00 in Berlin: the clock goes back to 2:00. A time without a zone is either of two.
    ("2026-10-25T02:30:00+02:00 one", "2026-10-25T00:30:00"),
    ("2026-10-25T02:30:00+01:00 two", "2026-10-25T01:30:00"),
    ("2026-10-25 01:59:59 INFO three", "2026-10-24T23:59:59"),
    ("2026-10-25 02:30:00 INFO four", "2026-10-25T00:30:00 or 2026-10-25T01:30:00"),
    ("2026-10-25 03:00:00 INFO five", "2026-10-25T02:00:00"),
    ("Oct 25 02:30:00 shop app[1]: six", "2026-10-25T00:30:00 or 2026-10-25T01:30:00"),
    # 29 March: no clock there shows 2:30.
    ("2026-03-29 02:30:00 INFO seven", "2026-03-29T01:30:00"),
    ("2026-03-29 03:00:00 INFO eight", "2026-03-29T01:00:00"),
    # 31 December 2016 had one second more.
    ("2016-12-31T23:59:60Z nine", "2017-01-01T00:00:00"),
    ('{"time":"2016-12-31T23:59:60Z","level":"info","msg":"ten"}', "2017-01-01T00:00:00"),
    ('192.0.2.1 - - [31/Dec/2016:23:59:60 +0000] "GET /eleven HTTP/1.1" 200 1', "2017-01-01T00:00:00"),
)
NOW = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.promise("M33")
@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("line", "utc"), LINES)
def test_a_time_that_is_odd_is_read(line: str, utc: str) -> None:
    parser = LineParser(source="app", source_id="app.log")
    now_ns = int(NOW.timestamp()) * 10**9
    (entry,) = parser.feed([line.encode()], None, now_ns) + parser.flush(now_ns)
    found = datetime.fromtimestamp(entry.time_ns // 10**9, UTC).replace(tzinfo=None)
    assert found.isoformat() in utc.split(" or ")


@pytest.mark.fault
@pytest.mark.fault_row("R8")
@pytest.mark.usefixtures("berlin")
def test_no_line_is_lost_in_an_hour_that_comes_twice(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    desk = RealDesk(tmp_path)
    desk.settle()
    written = []
    for hour in (1, 2, 2, 3):
        for minute in range(60):
            written.append(f"line {len(written)}")
            write(path, f"2026-10-25 {hour:02}:{minute:02}:00 INFO {written[-1]}")
        desk.settle()
    assert desk.messages() == written
    desk.rounds.close()


class RealDesk(FileDesk):
    """Reads lines as the product does."""

    def start(self) -> None:
        super().start()
        self.rounds.close()
        self.rounds = Rounds(self.pipeline, self.store, clock_s=lambda: self.now_s)  # type: ignore[arg-type]  # as in FileDesk
        self.rounds.load(self.never)
