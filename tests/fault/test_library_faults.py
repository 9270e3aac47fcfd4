"""Each row of CONTRACT F and G by breaking the real thing: what happens, how it shows, that it mends.

A real program logs; full disks are real file systems, the store and Telegram real servers."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.client.bot_api import CHAT, HANG, UNAUTHORIZED, BotApi, flood
from tests.client.bot_api import TOKEN as BOT_TOKEN
from tests.client.ingest_api import IngestApi
from tests.fault.disks import Mount, fill
from tests.fault.programs import Program
from tests.waiting import wait_until

pytestmark = pytest.mark.fault

MIB = 1 << 20
RAISE = """
def order(message):
    try:
        raise ValueError(message)
    except ValueError:
        log.error("order failed: %s", message, exc_info=True)
order({message!r})
"""


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


def fault(status: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = status["faults"][kind]
    return found


@pytest.mark.promise("M58")
def test_m58_a_stdout_that_fails_degrades_and_the_application_goes_on(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.do("import os, sys; r, w = os.pipe(); os.close(r); sys.stdout = os.fdopen(w, 'w')")
        program.do("log.info('into a pipe that nobody reads')")
        status = program.status()
        assert status["state"] == "Degraded"
        assert "Broken pipe" in fault(status, "handler")["reason"]
        program.do(RAISE.format(message="still working"))
        assert "still working" in program.stderr.read_text()
        program.do("sys.stdout = sys.__stdout__; log.info('all is well')")
        assert program.wait_for("READY")["faults"]["handler"]["phase"] == "clear"
        wait_until(lambda: "into a pipe that nobody reads" in program.info())
        assert "all is well" in program.stdout.read_text()


@pytest.mark.promise("M58")
def test_m58_a_handler_that_raises_says_so_on_stderr(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.do("""
import logging
from hantu import HantuHandler
other = logging.getLogger("other")
other.propagate = False
other.addHandler(HantuHandler())
class Rude:
    def __int__(self): raise RuntimeError("a bug of the application")
record = other.makeRecord("other", logging.ERROR, "shop.py", 3, "a record that is lost", (), None)
record.created = Rude()
other.handle(record)
log.info("the application goes on")
""")
        status = program.status()
        assert status["state"] == "Degraded"
        assert status["reason"] == "a record of other could not be written (shop.py:3)"
        assert "hantu: a record of other could not be written (shop.py:3)\n" in program.stderr.read_text()
        assert program.stdout.read_text().count("\n") == 1
        program.do("other.error('a record that arrives')")
        assert program.status()["state"] == "READY"
        assert [record["message"] for record in program.errors()] == ["a record that arrives"]


@pytest.mark.promise("M59", "M65")
def test_m59_m65_a_store_that_is_down(tmp_path: Path, api: IngestApi, bot: BotApi) -> None:
    api.down()
    pace = {"batch_s": 0.05, "retry_s": 0.1, "retries": 3}
    with Program(tmp_path, dsn=api.dsn, **pace, **telegram(bot)) as program:
        program.do(RAISE.format(message="while it is down"))
        status = program.wait_for("Partial")
        assert fault(status, "database")["reason"] == f"127.0.0.1:{api.port}: Connection refused"
        assert [record["message"] for record in program.errors()] == ["order failed: while it is down"]
        wait_until(lambda: program.status()["delivery"]["given_up"] == 1)
        assert program.status()["delivery"]["waiting"] == 0
        wait_until(lambda: len(bot.texts) == 2)
        assert "타입: ValueError\n\norder failed: while it is down" in bot.texts[0]
        assert "타입: DB 연결 불가\n" in bot.texts[1]
        api.up()
        program.wait_for("READY")
        program.do(RAISE.format(message="when it is up"))
        wait_until(
            lambda: [item["message"] for item in api.items.values()] == ["order failed: when it is up"]
        )


@pytest.mark.promise("M59", "M65")
def test_m65_a_store_that_comes_back_in_time_gets_each_error_once(
    tmp_path: Path, api: IngestApi, bot: BotApi
) -> None:
    api.down()
    with Program(tmp_path, dsn=api.dsn, batch_s=0.05, retry_s=0.1, retries=100, **telegram(bot)) as program:
        for number in range(30):
            program.do(RAISE.format(message=f"number {number}"))
        program.wait_for("Partial")
        api.up()
        program.wait_for("READY")
        wait_until(lambda: len(api.items) == 30)
        assert sorted(api.items) == sorted(record["id"] for record in program.errors())
        assert not any("DB 연결 불가" in text for text in bot.texts)


@pytest.mark.promise("M59")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("missing", "is not there; the service makes it when it starts"),
        ("empty", "is no SQLite file; it was not touched"),
        ("garbage", "is no SQLite file; it was not touched"),
        ("folder", "cannot be read: Is a directory"),
    ],
)
def test_m59_a_database_file_that_cannot_be_used_is_left_alone(
    tmp_path: Path, bot: BotApi, damage: str, reason: str
) -> None:
    database = tmp_path / "hantu.db"
    if damage == "folder":
        database.mkdir()
    elif damage != "missing":
        database.write_bytes(b"" if damage == "empty" else b"\x00garbage" * 100)
    before = database.read_bytes() if database.is_file() else None
    with Program(tmp_path, dsn=f"sqlite:///{database}", batch_s=0.05, **telegram(bot)) as program:
        program.do(RAISE.format(message="no database"))
        status = program.wait_for("Partial")
        assert fault(status, "database")["reason"] == f"{database} {reason}"
        assert len(program.errors()) == 1
        wait_until(lambda: bot.texts)
    assert (database.read_bytes() if database.is_file() else None) == before
    assert not (tmp_path / "hantu.db-wal").exists()


@pytest.mark.promise("M60")
def test_m60_a_folder_that_cannot_be_written(tmp_path: Path, bot: BotApi) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with Program(tmp_path, **telegram(bot)) as program:
        program.do(RAISE.format(message="nowhere to write"))
        status = program.wait_for("Critical")
        assert fault(status, "file")["reason"].endswith("Not a directory")
        assert "nowhere to write" in program.stderr.read_text()
        wait_until(lambda: len(bot.texts) == 2)
        (told,) = [text for text in bot.texts if "타입: 로그 파일 쓰기 실패" in text]
        assert "로그 파일에 쓸 수 없어 stderr로만 출력합니다." in told
        program.do(RAISE.format(message="again"))
        (tmp_path / "logs").unlink()
        program.do(RAISE.format(message="now there is"))
        program.wait_for("READY")
        assert [record["message"] for record in program.errors()] == ["order failed: now there is"]


@pytest.mark.promise("M60")
@pytest.mark.fault_row("R6")
def test_m60_a_read_only_file_system(tmp_path: Path, mount: Mount, bot: BotApi) -> None:
    disk = mount("4m")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Program(tmp_path, log_dir=disk / "logs", **telegram(bot)) as program:
        program.do(RAISE.format(message="one"))
        status = program.wait_for("Critical")
        assert fault(status, "file")["reason"].endswith("Read-only file system")
        assert "order failed: one" in program.stderr.read_text()
        wait_until(lambda: any("로그 파일 쓰기 실패" in text for text in bot.texts))
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        program.do(RAISE.format(message="two"))
        program.wait_for("READY")
        assert [record["message"] for record in program.errors()] == ["order failed: two"]


@pytest.mark.promise("M61")
@pytest.mark.fault_row("R22")
def test_m61_telegram_that_asks_to_wait(tmp_path: Path, bot: BotApi) -> None:
    bot.answer(flood(1))
    with Program(tmp_path, **telegram(bot)) as program:
        program.do(RAISE.format(message="flooded"))
        assert fault(program.wait_for("Warning"), "telegram")["reason"] == "Telegram asks to wait (429)"
        wait_until(lambda: bot.texts)
        program.wait_for("READY")
        assert bot.messages[0].at_s - bot.calls[0].at_s >= 1
        assert bot.early == []


@pytest.mark.promise("M61")
@pytest.mark.fault_row("R22")
def test_m61_telegram_that_refuses_the_token(tmp_path: Path, bot: BotApi) -> None:
    bot.answer_to("", UNAUTHORIZED)
    with Program(tmp_path, **telegram(bot)) as program:
        program.do(RAISE.format(message="an error"))
        status = program.wait_for("Warning")
        assert fault(status, "telegram")["phase"] == "given up"
        assert "401" in status["delivery"]["alerts"]["stopped"]
        for number in range(3):
            program.do(RAISE.format(message=f"error {chr(97 + number)}"))
        assert program.end() == 0
        assert len(bot.calls) == 1
    secret = BOT_TOKEN.partition(":")[2]
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert secret not in path.read_text(errors="replace"), path


@pytest.mark.promise("M61")
@pytest.mark.parametrize("trouble", ["hang", "down"])
@pytest.mark.fault_row("R22")
def test_m61_telegram_that_does_not_answer_stops_nothing(tmp_path: Path, bot: BotApi, trouble: str) -> None:
    if trouble == "hang":
        bot.answer_to("", HANG)
    else:
        bot.down()
    with Program(tmp_path, exit_flush_s=1, **telegram(bot)) as program:
        began = time.monotonic()
        for number in range(50):
            program.do(RAISE.format(message=f"error {number}"))
        assert len(program.errors()) == 50
        assert time.monotonic() - began < 5
        began = time.monotonic()
        assert program.end() == 0
        assert time.monotonic() - began < 4
    secret = BOT_TOKEN.partition(":")[2]
    assert secret not in program.stderr.read_text()


SECRETS = ("sk-live-51Hq8ZkLmNoPqRsTuVwXyZ012345", "hunter2-and-more", "AKIAIOSFODNN7EXAMPLE")


@pytest.mark.promise("M56")
def test_a_secret_reaches_neither_people_nor_store_nor_any_file(
    tmp_path: Path, api: IngestApi, bot: BotApi
) -> None:
    with Program(tmp_path, dsn=api.dsn, batch_s=0.05, **telegram(bot)) as program:
        program.do(f"""
def pay():
    api_key = {SECRETS[0]!r}
    try:
        raise RuntimeError("login failed: password={SECRETS[1]}")
    except RuntimeError:
        key = {{"aws_key": {SECRETS[2]!r}}}
        log.error("payment with api_key=%s failed", api_key, exc_info=True, context=key)
pay(); pay()
""")
        wait_until(lambda: bot.texts and len(api.items) == 2)
        status = json.dumps(program.status())
        assert program.end() == 0
    assert "payment with api_key=" in bot.texts[0]
    seen = [status, *(message.html for message in bot.messages), json.dumps(list(api.items.values()))]
    seen += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(seen) >= 7
    for secret in (*SECRETS, BOT_TOKEN.partition(":")[2], api.dsn.partition("@")[0].partition("//")[2]):
        assert not any(secret in text for text in seen), secret


def old_files(log_dir: Path, size_bytes: int) -> list[Path]:
    """Local logs of six days, oldest first."""
    made = []
    for days in range(6, 0, -1):
        day = (datetime.now().astimezone() - timedelta(days=days)).strftime("%Y%m%d")
        path = log_dir / "info" / f"info_{day}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size_bytes)
        made.append(path)
    return made


@pytest.mark.promise("M62", "M66")
def test_m62_m66_a_full_disk_is_cleaned_and_the_write_is_done_after_all(
    tmp_path: Path, mount: Mount, bot: BotApi
) -> None:
    disk = mount("4m")
    old = old_files(disk / "logs", 1)[:4]
    with Program(tmp_path, log_dir=disk / "logs", **telegram(bot)) as program:
        program.do("log.info('the first record of a day deletes what is old')")
        wait_until(lambda: not any(path.exists() for path in old))
        files = old_files(disk / "logs", MIB // 8)
        fill(disk)
        program.do(RAISE.format(message="on a full disk " + "x" * 20_000))
        wait_until(lambda: bot.texts)
        program.wait_for("READY")
        assert [record["message"][:30] for record in program.errors()] == ["order failed: on a full disk x"]
        assert [path.exists() for path in files] == [False] * 4 + [True] * 2
        wait_until(lambda: any("디스크 부족" in text for text in bot.texts))
        (told,) = [text for text in bot.texts if "디스크 부족" in text]
        assert "오래된 로컬 로그 파일 4개를 지우고 다시 기록했습니다. 남은 공간: " in told
        found = fault(program.status(), "disk")
        assert (found["state"], found["phase"], found["count"]) == ("Emergency", "clear", 1)


@pytest.mark.promise("M62", "M66")
def test_m62_m66_a_disk_that_stays_full(tmp_path: Path, mount: Mount, bot: BotApi) -> None:
    disk = mount("2m")
    with Program(tmp_path, log_dir=disk / "logs", **telegram(bot)) as program:
        program.do(RAISE.format(message="before"))
        ballast = fill(disk)
        for number in range(5):
            program.do(RAISE.format(message=f"{number} while full " + "x" * 20_000))
        status = program.wait_for("Emergency")
        assert "No space left on device" in fault(status, "disk")["reason"]
        assert "4 while full" in program.stderr.read_text()
        wait_until(lambda: any("디스크 부족" in text for text in bot.texts))
        (told,) = [text for text in bot.texts if "디스크 부족" in text]
        assert "stderr로만 출력합니다. 디스크를 직접 정리해야 합니다. 남은 공간: 0.0 MiB." in told
        ballast.unlink()
        program.do(RAISE.format(message="after"))
        program.wait_for("READY")
        lines = [
            line
            for path in (disk / "logs" / "errors").glob("*.json")
            for line in path.read_text().splitlines()
        ]
        # What did not fit is at most the start of a line, which no other line goes into.
        assert json.loads(lines[0])["message"] == "order failed: before"
        assert json.loads(lines[-1])["message"] == "order failed: after"
        assert len(lines) <= 3


@pytest.mark.promise("M63")
def test_m63_what_cannot_be_serialised_is_shown_by_its_repr(tmp_path: Path, api: IngestApi) -> None:
    with Program(tmp_path, dsn=api.dsn, batch_s=0.05) as program:
        program.do("""
class Order:
    def __repr__(self): return "<Order 42>"
class Rude:
    def __repr__(self): raise RuntimeError("no")
loop = {}; loop["self"] = loop
odd = {"order": Order(), "rude": Rude(), "loop": loop, "nan": float("nan"), "set": {1}, 3: 4}
log.error("odd", context=odd)
""")
        status = program.status()
        assert status["state"] == "Warning"
        assert "repr()" in fault(status, "serialisation")["reason"]
        (record,) = program.errors()
        assert record["context"]["order"] == "<Order 42>"
        assert record["context"]["nan"] == "nan"
        wait_until(lambda: api.items)
        assert api.items[record["id"]]["metadata"]["context"] == record["context"]
        program.do("log.error('plain', context={'order': 42})")
        program.wait_for("READY")


@pytest.mark.promise("M64")
def test_m64_a_queue_that_overflows_grows_and_loses_nothing(tmp_path: Path, api: IngestApi) -> None:
    api.answer(HANG)
    with Program(tmp_path, dsn=api.dsn, queue_errors=50, batch_s=0.05, retry_s=0.05) as program:
        program.do(RAISE.format(message="the first hangs"))
        wait_until(lambda: api.calls)
        program.do("for number in range(300): log.error('burst %d', number)")
        status = program.wait_for("Warning")
        assert fault(status, "queue")["reason"].startswith("200 errors wait to be stored")
        assert status["delivery"]["room"] == 400
        assert status["delivery"]["dropped"] == 0
        api.release()
        wait_until(lambda: len(api.items) == 301)
        assert program.wait_for("READY")["delivery"]["room"] == 50
        assert sorted(api.items) == sorted(record["id"] for record in program.errors())


@pytest.mark.promise("M67")
def test_m67_wrong_settings_degrade_and_the_application_goes_on(tmp_path: Path, bot: BotApi) -> None:
    with Program(tmp_path, dsn="ftp://nowhere", cooldown_s="soon", **telegram(bot)) as program:
        program.do(RAISE.format(message="it goes on"))
        status = program.wait_for("Degraded")
        assert "HANTU_DSN is (hidden)" in fault(status, "initialisation")["reason"]
        assert "HANTU_COOLDOWN_S is 'soon'; allowed: " in fault(status, "initialisation")["reason"]
        assert "HANTU_COOLDOWN_S is 'soon'" in program.stderr.read_text()
        assert len(program.errors()) == 1
        wait_until(lambda: any("타입: 로깅 시스템 오류" in text for text in bot.texts))
        (told,) = [text for text in bot.texts if "로깅 시스템 오류" in text]
        assert "설정이 잘못되어 기본값으로 동작합니다.\nHANTU_DSN is (hidden)" in told


@pytest.mark.promise("M67")
def test_m67_a_library_that_cannot_start_leaves_standard_error(tmp_path: Path, bot: BotApi) -> None:
    with Program(tmp_path, **telegram(bot)) as program:
        program.do("import sys; sys.modules['hantu.client.textlog'] = None  # as of a broken installation")
        program.do("import logging; log.info('plain'); log.error('it failed')")
        program.do("logging.getLogger('elsewhere').warning('of another library')")
        reason = fault(program.wait_for("Degraded"), "initialisation")["reason"]
        assert reason.startswith("the log library could not start: ModuleNotFoundError")
        said = program.stderr.read_text()
        for words in ("plain", "it failed", "of another library", "could not start"):
            assert words in said
        wait_until(lambda: bot.texts)
        assert bot.texts[0].startswith("🚨 [scheduler] 에러\n")
        assert (
            "타입: 로깅 시스템 오류\n\n로그 라이브러리를 시작하지 못해 stderr로만 출력합니다."
            in bot.texts[0]
        )
        assert program.end() == 0
