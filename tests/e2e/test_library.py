"""Two programs with the log library beside the real service: files, inbox and Telegram are exactly right.

The shop (Flask under gunicorn, two processes) and the scheduler's job are those of examples/."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests import browser as chromium
from tests.browser import NARROW, SCREENS, reading
from tests.client.bot_api import CHAT, BotApi
from tests.client.bot_api import TOKEN as BOT_TOKEN
from tests.client.logs import Logs
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
browser = chromium.browser

COOLDOWN_S = 8
TOO_MANY = {"stock_code": "005930", "quantity": 500}
SOLD_OUT = {"stock_code": "000660", "quantity": 1}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Programs:
    """The service with a bot, and the programs that log to it."""

    def __init__(self, folder: Path, bot: BotApi) -> None:
        self.folder = folder
        self.bot = bot
        self.logs = Logs(folder / "logs")
        telegram = {
            "HANTU_TELEGRAM_TOKEN": BOT_TOKEN,
            "HANTU_TELEGRAM_CHAT_ID": CHAT,
            "HANTU_TELEGRAM_API": bot.url,
            "HANTU_COOLDOWN_S": str(COOLDOWN_S),
        }
        port = free_port()
        own = {"HANTU_LOG_DIR": str(self.logs.folder), "HANTU_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        settings = NOTHING | telegram | own | {"TZ": "Asia/Seoul"}
        self.service = RunningService(folder / "data", settings, port=port)
        self.service.start()
        made = self.hantu("token", "create", "programs", "--scope", "ingest", "--json")
        self.settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HANTU_")},
            **telegram,
            "PYTHONPATH": str(ROOT),
            "TZ": "Asia/Seoul",
            "HANTU_LOG_DIR": str(self.logs.folder),
            "HANTU_DSN": f"http://{json.loads(made)['token']}@127.0.0.1:{port}",
            "HANTU_BATCH_S": "0.3",
            "HANTU_RETRY_S": "0.5",
        }
        self.shop_port = free_port()
        self.stdout, self.stderr = folder / "shop.out", folder / "shop.err"
        self.shop = self._serve_shop()

    def hantu(self, *words: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "app.py", "--data-dir", str(self.service.data_dir), *words],
            cwd=ROOT,
            env={**os.environ, "TZ": "Asia/Seoul"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _serve_shop(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gunicorn", "examples.shop_api:app", "--workers", "2"]
        command += ["--threads", "4", "--bind", f"127.0.0.1:{self.shop_port}", "--log-level", "warning"]
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            shop = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.settings | {"HANTU_SERVICE": "hantu-api"},
                stdout=stdout,
                stderr=stderr,
            )
        wait_until(self._shop_answers, 30)
        return shop

    def _shop_answers(self) -> bool:
        try:
            self.post("/orders", {"stock_code": "005930", "quantity": 1})
        except OSError:
            return False
        return True

    def post(self, path: str, body: object, **headers: str) -> tuple[int, str]:
        """A customer's request: its status, and the trace id it was answered with."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.shop_port}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers["X-Request-ID"]
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["X-Request-ID"]

    def run_job(self, times: int) -> subprocess.CompletedProcess[str]:
        """The scheduler's job, to its end."""
        return subprocess.run(
            [sys.executable, "examples/price_job.py", str(times)],
            cwd=ROOT,
            env=self.settings | {"HANTU_SERVICE": "hantu-scheduler"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    def groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.get("/api/errors?limit=100")["errors"]
        return found

    def group(self, error_type: str) -> dict[str, Any]:
        """The one group of this type."""
        (found,) = [each for each in self.groups() if each["errorType"] == error_type]
        return found

    def counted(self) -> Counter[str]:
        return Counter({each["errorType"]: each["count"] for each in self.groups()})

    def told(self, words: str) -> list[str]:
        """The Telegram texts with these words."""
        return [text for text in self.bot.texts if words in text]

    def unsent(self) -> int:
        """How many errors the programs have not had an answer for."""
        sent = sum(path.stat().st_size for path in self.logs.folder.glob("errors/error_*.sent"))
        return len(self.logs.errors) - sent

    def close(self) -> None:
        self.shop.send_signal(signal.SIGTERM)
        self.shop.wait(20)
        self.service.close()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with BotApi() as bot:
        started = Programs(tmp_path, bot)
        try:
            yield started
        finally:
            started.close()


@pytest.mark.promise("M83", "M44", "M45", "M51", "M52", "M77", "M78", "M81")
def test_a_developer_logs_and_finds_each_line_where_it_belongs(programs: Programs) -> None:
    status, trace_id = programs.post("/orders", {"stock_code": "005930", "quantity": 10})
    assert status == 201
    assert re.fullmatch("[0-9a-f]{8}", trace_id)
    status, own = programs.post("/orders", TOO_MANY, **{"X-Request-ID": "order-77"})
    assert (status, own) == (409, "order-77")
    programs.run_job(3)

    wait_until(lambda: sum(programs.counted().values()) == 2)

    def of_trace() -> list[str]:
        return [line for line in programs.logs.lines if f"(trace_id={trace_id})" in line]

    wait_until(lambda: len(of_trace()) == 2)
    mine = of_trace()
    assert [re.sub(r"^\S+ \S+ ", "", line) for line in mine] == [
        f"[INFO] examples.shop_api: 주문 실행 시작 stock_code=005930 quantity=10 (trace_id={trace_id})",
        f"✅ [INFO] examples.shop_api: 주문 체결 005930 10주 (trace_id={trace_id})",
    ]
    assert all(line in programs.stdout.read_text("utf-8") for line in mine)
    (record,) = [each for each in programs.logs.errors if each["service"] == "hantu-api"]
    assert record["trace_id"] == "order-77"
    assert (record["module"], record["function"]) == ("examples.shop_api", "order")
    assert record["error_type"] == "InsufficientBalance"
    assert record["context"] == TOO_MANY
    assert "in execute_order" in record["stack_trace"]
    assert "❌ [ERROR] examples.shop_api: 주문 실행 실패" in programs.stderr.read_text("utf-8")
    assert "주문 실행 실패" not in programs.stdout.read_text("utf-8")

    job = programs.group("BrokerClosed")
    assert (job["service"], job["count"], job["status"]) == ("hantu-scheduler", 1, "UNRESOLVED")
    assert "eyJhbGci" not in programs.logs.everything().decode()


@pytest.mark.promise("M84", "M71", "M74", "M86")
def test_from_a_telegram_message_to_the_cause(programs: Programs) -> None:
    _, trace_id = programs.post("/orders", TOO_MANY)
    wait_until(lambda: programs.told("InsufficientBalance"), 10)
    (text,) = programs.bot.texts
    lines = text.splitlines()
    assert lines[0] == "🚨 [hantu-api] 에러"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| examples\.shop_api\.order", lines[1])
    assert lines[2] == "타입: InsufficientBalance"
    assert lines[4] == "주문 실행 실패: required 35600000, available 1182400"
    assert "raise InsufficientBalance" in text
    assert lines[-2:] == [f"(trace_id: {trace_id})", "에러 보기"]

    (record,) = [each for each in programs.logs.errors if each["trace_id"] == trace_id]
    shown = programs.hantu("logs", "error", "--service", "hantu-api")
    assert "❌" in shown
    assert trace_id in shown
    found = programs.service.get(f"/api/errors/{record['id']}")
    assert found["error"]["count"] == 1
    assert found["occurrences"][0]["stackTrace"] == record["stack_trace"]
    # The lines of its trace are in the log as well, those of the text file too, the error itself once.
    wait_until(lambda: len(programs.service.get(f"/api/logs?q=trace:{trace_id}")["logs"]) >= 2)
    entries = programs.service.get(f"/api/logs?q=trace:{trace_id}")["logs"]
    assert (
        Counter(entry["message"].splitlines()[0].split(":")[0] for entry in entries)["주문 실행 실패"] == 1
    )


@pytest.mark.fault
@pytest.mark.timeout(240)
@pytest.mark.promise("M85", "M71", "M72", "M65", "M55")
def test_an_operator_is_told_once_and_nothing_is_lost_by_a_kill(programs: Programs) -> None:
    with ThreadPoolExecutor(8) as customers:
        list(customers.map(lambda _: programs.post("/orders", TOO_MANY), range(200)))
        wait_until(lambda: programs.told("InsufficientBalance"), 10)
        # Another error is told while the first one is quiet.
        programs.post("/orders", SOLD_OUT)
        wait_until(lambda: programs.told("SoldOut"), 10)
        # A kill between an error's coming by its file and by HTTP would leave it to the program to tell,
        # too; one with a message on its way would have that told again.
        wait_until(lambda: programs.unsent() == 0)
        wait_until(lambda: programs.service.get("/api/alerts")["waiting"] == 0)
        programs.service.kill()
        list(customers.map(lambda _: programs.post("/orders", TOO_MANY), range(100)))
        programs.run_job(2)
        programs.service.start()
        list(customers.map(lambda _: programs.post("/orders", TOO_MANY), range(200)))
    programs.post("/close", {})
    wait_until(lambda: programs.told("정산 파일을 읽을 수 없음"), 10)

    expected = Counter(InsufficientBalance=500, SoldOut=1, BrokerClosed=1, FileNotFoundError=1)
    wait_until(lambda: programs.counted() == expected, 60)
    assert Counter(each["error_type"] for each in programs.logs.errors) == expected
    assert programs.group("FileNotFoundError")["level"] == "CRITICAL"
    assert len(programs.told("SoldOut")) == 1
    assert len(programs.told("정산 파일을 읽을 수 없음")) == 1
    # All 500 are told of: one by one at first, the rest by their number.
    wait_until(lambda: told_of(programs.told("InsufficientBalance")) == 500, 4 * COOLDOWN_S)
    assert len(programs.told("InsufficientBalance")) <= 5

    group = programs.group("SoldOut")["id"]
    programs.service.call("POST", f"/api/errors/{group}/resolve", b"{}")
    assert programs.group("SoldOut")["status"] == "RESOLVED"
    programs.post("/orders", SOLD_OUT)
    wait_until(lambda: programs.group("SoldOut")["regressed"])
    assert programs.group("SoldOut")["status"] == "UNRESOLVED"
    wait_until(lambda: len(programs.told("SoldOut")) == 2, 10)
    assert "재발" in programs.told("SoldOut")[1]
    assert programs.service.stop() == 0


@pytest.mark.browser
@pytest.mark.promise("M84", "M85", "M55")
def test_a_person_opens_the_link_of_a_message_and_settles_the_error(
    browser: Browser, programs: Programs
) -> None:
    _, trace_id = programs.post("/orders", TOO_MANY)
    wait_until(lambda: programs.told("InsufficientBalance"), 10)
    (message,) = programs.bot.messages
    (link,) = re.findall(r'href="([^"]+)"', message.html)
    with reading(browser, programs.service.url, size=NARROW, locale="ko-KR", dark=True) as phone:
        page = phone.page
        page.goto(link)
        expect(page.get_by_role("heading", name="InsufficientBalance")).to_be_visible()
        expect(page.locator(".frame-at", has_text="execute_order").first).to_be_visible()
        page.screenshot(path=SCREENS / "from-telegram-360-dark-ko.png", full_page=True)
        page.get_by_role("link", name="로그에서 열기").first.wait_for()
        # The lines of the text file come later than the error.
        wait_until(lambda: len(programs.service.get(f"/api/logs?q=trace:{trace_id}")["logs"]) == 2)
        page.reload()
        page.locator(f'a[href*="/trace/{trace_id}"]').first.click()
        expect(page.get_by_text("주문 실행 시작").first).to_be_visible()
        page.goto(link)
        page.get_by_role("button", name="해결", exact=True).click()
        expect(page.get_by_role("button", name="다시 열기")).to_be_visible()
        assert programs.group("InsufficientBalance")["status"] == "RESOLVED"
        # It comes again.
        programs.post("/orders", TOO_MANY)
        wait_until(lambda: len(programs.told("InsufficientBalance")) == 2, 10)
        assert "🔁 재발" in programs.told("InsufficientBalance")[1]
        page.reload()
        expect(page.get_by_text("재발").first).to_be_visible()
        page.screenshot(path=SCREENS / "regressed-360-dark-ko.png", full_page=True)
        assert phone.complaints == []


def told_of(texts: list[str]) -> int:
    """How many errors these texts tell of: one each that shows a stack, and the repeats they count."""
    repeats = [
        int(found[1].replace(",", "")) for text in texts if (found := re.search(r"([\d,]+)번 더", text))
    ]
    return sum("Traceback" in text or "raise " in text for text in texts) + sum(repeats)
