"""A small brokerage's server on a working day, for the journeys: lines of every source, a program with the
log library, errors, runs with files, gaps, an alert by Telegram, collectors in each state."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bench.corpus import SPAN_NS, START_NS, Corpus
from hantu.collect.base import CollectorStatus, Found
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.error_base import ErrorQuery
from hantu.store.gap_base import Gap
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.running import ROOT
from tests.test_journeys import GUIDE, blocks
from tests.waiting import wait_until
from tests.web.desk import app_of, running_service, served, store, token
from tests.web.errordesk import HOUR_NS, MINUTE_NS, SECOND_NS, busy_day
from tests.web.executiondesk import going, month
from tests.web.fulldesk import collectors

LINES: Final = 3_000
SHOWN: Final = ("api", "hantu-scheduler", "journal", "migrate", "redis")
"""Collectors that are seen beside those that run here."""
ROTATED: Final = "lines may be missing here: the log was rotated before it was read"
SAID: Final = "주문 실행 실패"
"""What the guide's program fails with."""
LAST: Final = "장 마감"
"""The last line that it writes."""


@dataclass(frozen=True, slots=True)
class JourneyDesk:
    """base: its address. log: a file that it follows. alert: the link of the Telegram message. trace_id: of
    the program's failure. runs: one that goes on, one that failed."""

    base: str
    service: Service
    log: Path
    alert: str
    trace_id: str
    runs: tuple[str, str]


@contextmanager
def journey_desk(folder: Path) -> Iterator[JourneyDesk]:
    """The service, served."""
    log = folder / "settle.log"
    log.touch()
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    with (
        BotApi() as bot,
        running_service(
            folder / "data",
            files=(str(log),),
            files_from="start",
            log_dir=folder / "logs",
            telegram_token=TOKEN,
            telegram_chat_id=CHAT,
            telegram_api=bot.url,
            public_url=base,
        ) as service,
    ):
        app = app_of(service)
        with served(app, port):
            _run_program(folder, base.replace("://", f"://{_secret(service)}@"))
            wait_until(lambda: any(SAID in text for text in bot.texts), 30)
            [alert] = [message.html for message in bot.messages if SAID in message.text]
            # Its error came by itself; its other lines are read from its files.
            wait_until(lambda: LAST in {entry.message for entry in service.store.export(LogQuery())}, 60)
            now_ns = time.time_ns()
            store(service, busy_day(now_ns))
            _an_hour(service, now_ns)
            month(service, now_ns)
            run = going(service, app, now_ns)
            _gaps(service, now_ns)
            _show_states(service, now_ns)
            [group] = service.store.errors(ErrorQuery(search=SAID)).groups
            newest = service.store.occurrences(group.group_no, most=1).occurrences[0].record
            yield JourneyDesk(
                base,
                service,
                log,
                re.findall(r'href="([^"]+)"', alert)[0],
                newest.trace_id,
                (run.run.id, run.failed.id),
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _secret(service: Service) -> str:
    return token(service, "ingest")["Authorization"].removeprefix("Bearer ")


def _run_program(folder: Path, dsn: str) -> None:
    """The guide's program, as a developer runs it."""
    [program] = blocks(GUIDE, "python", 1)
    (folder / "scheduler.py").write_text(program, encoding="utf-8")
    subprocess.run(
        [sys.executable, "scheduler.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HANTU_DSN": dsn, "HANTU_LOG_DIR": "logs", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=60,
    )


def _an_hour(service: Service, now_ns: int) -> None:
    entries = []
    for entry in Corpus().entries(LINES):
        age = max(0.0, 1 - (entry.time_ns - START_NS) / SPAN_NS)
        entries.append(msgspec.structs.replace(entry, time_ns=now_ns - 10 * SECOND_NS - int(age * HOUR_NS)))
    store(service, entries)


def _gaps(service: Service, now_ns: int) -> None:
    found = (
        Gap("docker", "api", now_ns - 41 * MINUTE_NS, now_ns - 38 * MINUTE_NS, ROTATED, None, 7_340),
        Gap("journal", "", now_ns - 9 * HOUR_NS, now_ns - 8 * HOUR_NS, ROTATED, 1_204, None),
    )
    service.pipeline.with_store(lambda kept: kept.note_gaps(found))


def _show_states(service: Service, now_ns: int) -> None:
    """Beside the collectors that there are, one in each state: what this machine has differs."""
    own = service.manager.statuses
    shown = [each for each in collectors(now_ns) if each.name in SHOWN]

    def statuses() -> list[CollectorStatus]:
        return [*own(), *shown]

    service.manager.statuses = statuses  # type: ignore[method-assign]  # what there is to be seen
    service.manager.found = lambda: (  # type: ignore[method-assign]
        Found("docker:old", "old-batch", "registry.local/batch:1.2", now_ns - 26 * HOUR_NS),
    )
