"""Dated files: switched at local midnight, deleted after their days (M46, M47, M50)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hantu import get_logger, shutdown
from hantu.client import desk as desk_module
from hantu.client.files import DatedFile, WriteError, day_of, note_sent, prune
from hantu.client.textlog import TextLog
from tests.client.ingest_api import IngestApi
from tests.client.logs import Logs
from tests.waiting import wait_until

TODAY = date(2026, 2, 4)


class Time:
    """Stands for the time module in the desk: a clock that the test sets."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def time(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return int(self.now_s * 1e9)

    def strftime(self, form: str, at: time.struct_time) -> str:
        return time.strftime(form, at)

    def localtime(self, second: float) -> time.struct_time:
        return time.localtime(second)


@pytest.fixture
def zone() -> Iterator[Callable[[str], ZoneInfo]]:
    """Sets the system's time zone."""
    before = os.environ.get("TZ")

    def put(name: str) -> ZoneInfo:
        os.environ["TZ"] = name
        time.tzset()
        return ZoneInfo(name)

    yield put
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.promise("M46", "M47")
@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("Asia/Seoul", [(2026, 2, 1, 23, 59, 59), (2026, 2, 2, 0, 0, 0)]),
        # An hour is left out, and one comes twice, both at midnight.
        ("America/Havana", [(2026, 3, 7, 23, 59, 59), (2026, 3, 8, 1, 0, 0)]),
        ("America/Havana", [(2026, 10, 31, 23, 59, 59), (2026, 11, 1, 0, 30, 0), (2026, 11, 1, 1, 0, 0)]),
        # The clock is set back a day, and put right again.
        ("UTC", [(2026, 2, 2, 0, 0, 1), (2026, 2, 1, 12, 0, 0), (2026, 2, 2, 0, 0, 5)]),
    ],
)
def test_each_line_is_in_the_file_of_its_local_day(
    library: Callable[..., Logs],
    zone: Callable[[str], ZoneInfo],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    times: list[tuple[int, ...]],
) -> None:
    tz = zone(name)
    clock = Time(0)
    monkeypatch.setattr(desk_module, "time", clock)
    logs = library(stdout=False, retention_days=3650)
    for at in times:
        clock.now_s = datetime(*at, tzinfo=tz).timestamp()
        get_logger("shop").info("at %s", at)
        get_logger("shop").error("at %s", at)
    assert logs.lines
    expected: dict[str, int] = {}
    for at in times:
        day = f"{at[0]:04d}{at[1]:02d}{at[2]:02d}"
        expected[day] = expected.get(day, 0) + 1
    for day, count in expected.items():
        text = (logs.folder / "info" / f"info_{day}.log").read_text("utf-8")
        assert text.count("\n") == 2 * count
        assert all(line.startswith(f"{day[:4]}-{day[4:6]}-{day[6:]} ") for line in text.splitlines())
        errors = (logs.folder / "errors" / f"error_{day}.json").read_text("utf-8")
        assert errors.count("\n") == count


def test_lines_that_waited_over_midnight_are_in_the_file_of_their_day(tmp_path: Path) -> None:
    file = DatedFile(tmp_path, "info", ".log")
    text = TextLog(file, flush_ms=60_000, on_failure=_fail)
    now_s = time.time()
    for line in (b"2026-02-01 23:59:59 a\n", b"2026-02-01 23:59:59 b\n", b"2026-02-02 00:00:00 c\n"):
        text.add(line, now_s)
    text.end()
    assert file.path_of("20260201").read_bytes().count(b"\n") == 2
    assert file.path_of("20260202").read_bytes() == b"2026-02-02 00:00:00 c\n"


def _fail(error: WriteError, day: str) -> None:
    raise AssertionError((error, day))


def test_a_file_that_was_renamed_away_is_made_again(tmp_path: Path) -> None:
    file = DatedFile(tmp_path, "info", ".log")
    file.append("20260201", b"one\n")
    file.path_of("20260201").rename(tmp_path / "moved")

    def made_again() -> bool:
        file.append("20260201", b"line\n")
        return file.path_of("20260201").exists()

    wait_until(made_again)
    file.close()
    assert (tmp_path / "moved").read_bytes().startswith(b"one\n")


def test_a_line_that_is_cut_off_is_written_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = DatedFile(tmp_path, "info", ".log")
    real, calls = os.write, []

    def write(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) == 1:
            return real(fd, data[:7])
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(WriteError) as raised:
        file.append("20260201", b"one\ntwo\nthree\n")
    assert raised.value.rest == b"two\nthree\n"
    file.append("20260201", raised.value.rest)
    file.close()
    assert file.path_of("20260201").read_bytes() == b"one\ntwo\ntwo\nthree\n"


def make(folder: Path, name: str, data: bytes = b"x\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.promise("M46", "M47", "M50")
def test_files_older_than_three_days_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    old = [make(tmp_path, name) for name in ("info/info_20260201.log", "errors/error_20260201.json")]
    kept = [
        make(tmp_path, name)
        for name in (
            *("info/info_20260202.log", "info/info_20260204.log", "errors/error_20260202.json"),
            *(
                "info/info_20261301.log",
                "info/info_2026020.log",
                "info/notes.txt",
                "info/info_20200101.log.gz",
            ),
            *("errors/my_error_20200101.json", "info_20200101.log", "hantu.db"),
        )
    ]
    assert sorted(prune(tmp_path, keep_days=3, today=TODAY, spare_unsent=False)) == sorted(old)
    assert [path for path in old if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


@pytest.mark.promise("M47", "M50")
def test_errors_that_have_not_arrived_anywhere_are_spared(tmp_path: Path) -> None:
    unsent = make(tmp_path, "errors/error_20260130.json", b"{}\n{}\n")
    sent = make(tmp_path, "errors/error_20260129.json", b"{}\n{}\n")
    forgotten = make(tmp_path, "errors/error_20251201.json", b"{}\n")
    note_sent(tmp_path / "errors", ["20260130", "20260129"])
    note_sent(tmp_path / "errors", ["20260129"])
    prune(tmp_path, keep_days=3, today=TODAY, spare_unsent=True)
    assert [unsent.exists(), sent.exists(), forgotten.exists()] == [True, False, False]
    note_sent(tmp_path / "errors", ["20260130"])
    prune(tmp_path, keep_days=3, today=TODAY, spare_unsent=True)
    assert list((tmp_path / "errors").iterdir()) == []


@pytest.mark.promise("M50")
def test_old_files_go_when_the_first_line_is_written(library: Callable[..., Logs], tmp_path: Path) -> None:
    today = datetime.now().astimezone().date()
    old = make(tmp_path, f"logs/info/info_{today - timedelta(days=3):%Y%m%d}.log")
    young = make(tmp_path, f"logs/info/info_{today - timedelta(days=2):%Y%m%d}.log")
    library()
    get_logger("shop").info("x")
    wait_until(lambda: not old.exists())
    assert young.exists()


def test_a_day_is_the_local_date(zone: Callable[[str], ZoneInfo]) -> None:
    zone("Asia/Seoul")
    assert (
        day_of(int(datetime.fromisoformat("2026-02-01T15:00:00+00:00").timestamp()) * 10**9) == "20260202"
    )
    assert (
        day_of(int(datetime.fromisoformat("2026-02-01T14:59:59+00:00").timestamp()) * 10**9) == "20260201"
    )


@pytest.mark.promise("M47")
def test_what_arrived_is_noted_beside_the_errors(library: Callable[..., Logs]) -> None:
    with IngestApi() as api:
        logs = library(dsn=api.dsn, batch_s=0.05)
        for number in range(25):
            get_logger("shop").error("failed %d", number)

        def noted() -> int:
            return sum(path.stat().st_size for path in logs.folder.glob("errors/*.sent"))

        wait_until(lambda: noted() == 25)
        assert {error["id"] for error in logs.errors} == set(api.items)
        item = api.items[logs.errors[0]["id"]]
        shutdown()
    assert item["message"] == "failed 0"
    assert item["metadata"]["trace_id"] == logs.errors[0]["trace_id"]
    tomorrow = date.today() + timedelta(days=3)  # noqa: DTZ011  the library's days are local
    prune(logs.folder, keep_days=3, today=tomorrow, spare_unsent=True)
    assert list(logs.folder.rglob("*_20*")) == []
