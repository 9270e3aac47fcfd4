"""A page of the database is overwritten: noticed at the next start, moved aside, what can be read is saved,
people are told. Any page may be hit."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.service.opening import UNTOLD
from hantu.store import open_store
from hantu.store.base import Token
from hantu.store.sqlite.rescue import look, rescue
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.fault import tally
from tests.fault.killed_writer import numbers, pushed
from tests.fault.length import pick
from tests.running import NOTHING, RunningService
from tests.store.made import asked, many, opened
from tests.waiting import wait_until

pytestmark = pytest.mark.fault

PAGE = 4096
LINES = 3_000
ALL = LINES + LINES // 250 + 1
"""With what was pushed, and one error."""
TRIES = pick(7, 100)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with segments, hot lines, pushes, errors and a token."""
    path = tmp_path_factory.mktemp("sound") / "hantu.db"
    with opened(path, seal_entries=500, background=False) as store:
        for at in range(0, LINES, 250):
            store.write_batch(many(250, first=at, step_s=0.01), {"reader": b"%d" % (at + 250)})
            store.write_batch([pushed(at)])
        failed = {"service": "shop", "function": "order", "error_type": "OrderError"}
        store.write_batch([LogEntry("app", "shop", LogLevel.ERROR, "order 7", 1, failed)])
        store.add_token(Token("shop", "ingest", b"x" * 32, 1))
    # As the service opens it.
    open_store(path).close()
    return path


def place(sound: Path, folder: Path) -> Path:
    """A copy of the sound file, with what lies beside it."""
    for old in folder.glob("hantu.db*"):
        old.unlink()
    for ending in ("", ".rescue"):
        shutil.copy(f"{sound}{ending}", folder / f"hantu.db{ending}")
    return folder / "hantu.db"


def pages_of(path: Path, *tables: str) -> list[int]:
    """Where these tables are, but for the first page: another file's first bytes are left alone."""
    with closing(apsw.Connection(str(path))) as connection:
        return [
            page
            for table in tables
            for (page,) in connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pageno > 1", (table,)
            )
        ]


def overwrite(path: Path, page: int, chance: random.Random) -> None:
    """Put garbage in the place of a page; the first is number 1."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(chance.randbytes(PAGE))


@pytest.mark.fault_row("R7")
@pytest.mark.timeout(pick(120, 1800))
def test_whatever_page_is_hit_the_rest_is_saved(tmp_path: Path, sound: Path) -> None:
    chance = random.Random(20261121)
    pages = sound.stat().st_size // PAGE
    noticed = 0
    first = [pages_of(sound, table)[0] for table in ("sqlite_schema", "segment", "shape_lot", "stream")]
    # The lines themselves: six segments so small that one page leads to them all.
    lines = set(pages_of(sound, "segment_column"))
    # Each page once before any twice; within `make test`, too, those by which all else is read.
    hits = chance.sample(range(2, pages + 1), pages - 1)
    for hit in [*first, *hits * (TRIES // len(hits) + 1)][:TRIES]:
        copy = place(sound, tmp_path)
        overwrite(copy, hit, chance)
        before = copy.read_bytes()
        problems = look(copy, limit_s=None)
        rescued = rescue(copy)
        assert (rescued is not None) == bool(problems), f"page {hit}"
        if rescued is None:
            # Within a blob: its own checksum tells.
            continue
        noticed += 1
        assert rescued.aside.read_bytes() == before
        with opened(copy, background=False) as store:
            found = numbers(store, "docker")
            assert len(found) == len(set(found)), f"page {hit}"
            assert set(found) <= set(range(LINES))
            missing = LINES - len(found)
            assert not missing or rescued.gaps, f"page {hit}: no gap tells of {missing} lines"
            if hit not in lines:
                assert missing <= LINES // 6, f"page {hit}"
            told = sum(gap.lines or 0 for gap in rescued.gaps)
            assert told == ALL - rescued.entries or any(gap.lines is None for gap in rescued.gaps)
            assert store.count(LogQuery(), cap=10**6).count == rescued.entries
            assert store.count(asked("line"), cap=10**6).count >= len(found)
            store.write_batch(many(3, first=LINES))
            assert numbers(store, "docker")[-3:] == [LINES, LINES + 1, LINES + 2]
            store.seal()
            assert store.maintain(100_000, now_ns=0, pause=lambda: False).problems == ()
            tally.note(
                runs=1, lines=LINES, lost=0, doubled=0, gaps=sum(gap.lines or 0 for gap in rescued.gaps)
            )
        assert look(copy, limit_s=None) == ()
    assert noticed


@pytest.mark.fault_row("R7")
def test_a_sound_file_is_left_as_it_is(tmp_path: Path, sound: Path) -> None:
    copy = tmp_path / "hantu.db"
    shutil.copy(sound, copy)
    assert rescue(copy) is None
    assert copy.read_bytes() == sound.read_bytes()
    other = tmp_path / "other.db"
    other.write_text("no database\n" * 100)
    assert rescue(other) is None
    assert rescue(tmp_path / "none.db") is None
    left = {
        path.name
        for path in tmp_path.iterdir()
        if not path.name.endswith(("-wal", "-shm", ".lock", ".rescue"))
    }
    assert left == {"hantu.db", "other.db"}


@pytest.fixture
def bot() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


@pytest.mark.e2e
@pytest.mark.fault_row("R7")
def test_the_service_starts_over_a_damaged_file_and_people_are_told(tmp_path: Path, bot: BotApi) -> None:
    telegram = {
        "HANTU_TELEGRAM_TOKEN": TOKEN,
        "HANTU_TELEGRAM_CHAT_ID": CHAT,
        "HANTU_TELEGRAM_API": bot.url,
    }
    service = RunningService(tmp_path / "data", NOTHING | telegram)
    database = tmp_path / "data" / "hantu.db"
    try:
        service.start()
        lines = [
            {"message": f"line {number} {number * 7919}", "sourceId": "shop"} for number in range(5_000)
        ]
        service.call("POST", "/api/ingest", json.dumps(lines).encode())
        assert service.stop() == 0
        connection = apsw.Connection(str(database))
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'checkpoint'").get
        connection.close()
        overwrite(database, root, random.Random(1))
        service.start()
        wait_until(lambda: any("데이터베이스가 손상되어" in text for text in bot.texts), 20)
        (told,) = [text for text in bot.texts if "데이터베이스가 손상되어" in text]
        aside = re.search(r"\S+hantu\.db\.damaged-\d{8}-\d{6}", told)
        assert aside is not None
        assert Path(aside.group()).is_file()
        assert service.get("/api/logs?q=line&limit=1")["total"] == 5_000
        assert "데이터베이스가 손상되어" in service.text("/errors")
        service.call("POST", "/api/ingest", b'{"message": "after"}')
        assert service.stop() == 0
    finally:
        service.close()
    with opened(database) as store:
        assert store.checkpoint(UNTOLD) is None, "they are told once"
