"""A service with something of everything: lines, errors, runs, collectors in each state, gaps; and the
addresses of all its pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask

from hantu.collect.base import CollectorState, CollectorStatus, Found
from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.service.canary import Sung, Way
from hantu.store.error_base import ErrorQuery
from tests.web.desk import app_of, collector, line, running_service, served, store
from tests.web.errordesk import HOUR_NS, MINUTE_NS, SECOND_NS, STACK, busy_day
from tests.web.executiondesk import going, month

TRACE = "5be20c77"


@dataclass(frozen=True, slots=True)
class FullDesk:
    """base: its address. pages: a name of each page and its path."""

    base: str
    service: Service
    app: flask.Flask
    pages: dict[str, str]


@contextmanager
def full_desk(folder: Path, **settings: object) -> Iterator[FullDesk]:
    """The service, served."""
    with running_service(folder, development=True, **settings) as service:
        app = app_of(service)
        now_ns = time.time_ns()
        store(service, busy_day(now_ns))
        store(service, _lines(now_ns))
        month(service, now_ns)
        run = going(service, app, now_ns)
        manager = service.manager
        manager.statuses = lambda: collectors(now_ns)  # type: ignore[method-assign]  # what there is to be
        manager.found = lambda: (  # type: ignore[method-assign]
            Found("docker:old", "old-batch", "registry.local/batch:1.2", now_ns - 26 * HOUR_NS),
        )
        for last in _canaries(now_ns):
            service.canaries.add(Heard(last))
        group = next(
            each for each in service.store.errors(ErrorQuery()).groups if "예수금" in each.message
        ).group_no
        entry = service.store.search(LogQuery(levels=frozenset({LogLevel.ERROR}))).entries[0]
        pages = {
            "logs": "/logs",
            "logs-live": "/logs?q=level%3A%3E%3Dinfo&live=1",
            "logs-wrong": "/logs?q=level%3Aloud",
            "logs-none": "/logs?q=zzzzzz",
            "patterns": "/logs/patterns",
            "views": "/logs/views",
            "line": f"/logs/{entry.id}",
            "context": f"/logs/{entry.id}/context?n=5",
            "errors": "/errors",
            "errors-none": "/errors?q=zzzz",
            "error": f"/errors/{group}",
            "executions": "/executions",
            "execution": f"/executions/{run.run.id}",
            "execution-failed": f"/executions/{run.failed.id}",
            "trace": f"/trace/{TRACE}",
            "trace-failed": f"/trace/{run.failed.trace_id}",
            "trace-none": "/trace/ffffffff",
            "sources": "/sources",
            "status": "/status",
            "settings": "/settings",
            "settings-keeping": "/settings/keeping",
            "settings-collection": "/settings/collecting",
            "settings-alerts": "/settings/alerts",
            "settings-service": "/settings/service",
            "settings-about": "/settings/about",
            "settings-accounts": "/settings/accounts",
            "settings-tokens": "/settings/tokens",
            "settings-sessions": "/settings/sessions",
            "settings-audit": "/settings/audit",
            "setup": f"/setup?token={service.setup.token}",
            "palette": "/palette?q=e",
            "styleguide": "/styleguide",
            "nowhere": "/nowhere",
        }
        with served(app) as port:
            yield FullDesk(f"http://127.0.0.1:{port}", service, app, pages)


class Heard:
    """A way that lines take, as its last look found it."""

    def __init__(self, last: Sung) -> None:
        self.way = last.way
        self.last = last

    def body(self, stop: threading.Event) -> None:
        """There is no further look."""


def _canaries(now_ns: int) -> list[Sung]:
    """One that arrived, one under way, two that did not arrive."""
    ago_ns = now_ns - 3 * MINUTE_NS
    late = ("api", "hantu-scheduler")
    return [
        Sung(Way.JOURNAL, ago_ns, 0.42, missed=False),
        Sung(Way.FILES, now_ns - SECOND_NS, None, missed=False),
        Sung(Way.INGEST, ago_ns, None, missed=True, error="its own address answered HTTP 503"),
        Sung(Way.DOCKER, ago_ns, None, missed=True, names=late, looked_at=5),
    ]


def _lines(now_ns: int) -> list[LogEntry]:
    """Some minutes of every source, at every level, with what is hard to show."""
    levels = list(LogLevel)
    origins = (
        ("docker", "api"),
        ("docker", "hantu-scheduler"),
        ("journal", "ssh.service"),
        ("app", "/var/log/a.log"),
    )
    every = [
        line(
            f"{('주문 접수', 'request served', 'cache miss', '정산 대기')[at % 4]} order={at}",
            source=origins[at % 4][0],
            source_id=origins[at % 4][1],
            level=levels[at * at % 6] if at % 7 else LogLevel.INFO,
            time_ns=now_ns - 3 * SECOND_NS - at * 23 * SECOND_NS,
            metadata={"status": 200 + at % 3 * 150, "trace_id": f"{at:08x}", "user": {"id": at}},
        )
        for at in range(120)
    ]
    gap = {
        "from_ns": now_ns - 9 * MINUTE_NS,
        "to_ns": now_ns - 8 * MINUTE_NS,
        "reason": "engine restarted",
        "lines": 40,
    }
    every += [
        line(
            "\x1b[1;31mred\x1b[0m \x1b[32mgreen\x1b[33m yellow\x1b[36m cyan", time_ns=now_ns - 2 * SECOND_NS
        ),
        line(
            f"처리 실패\n{STACK}",
            level=LogLevel.ERROR,
            time_ns=now_ns - SECOND_NS,
            metadata={"long": "x" * 300},
        ),
        line("a-very-long-word-" * 40, level=LogLevel.WARN, time_ns=now_ns - SECOND_NS // 2),
        line(
            "lines may be missing",
            level=LogLevel.WARN,
            metadata={"gap": gap},
            time_ns=now_ns - 8 * MINUTE_NS,
        ),
    ]
    return sorted(every, key=lambda entry: entry.time_ns)


def collectors(now_ns: int) -> list[CollectorStatus]:
    """One in each state."""
    return [
        collector(
            "api", CollectorState.COLLECTING, lines=114_201, per_minute=312.0, lag_s=0.08, last_ns=now_ns
        ),
        collector(
            "hantu-scheduler",
            CollectorState.COLLECTING,
            lines=59_011,
            per_minute=88.0,
            lag_s=0.1,
            gaps=1,
            last_ns=now_ns - 40 * SECOND_NS,
            detail="shop/scheduler:2.4",
        ),
        collector(
            "journal",
            CollectorState.FAILED,
            key="journal",
            source="journal",
            source_id="",
            error="no permission to read the system journal",
            fix="sudo usermod -aG systemd-journal hantu",
        ),
        collector(
            "/var/log/shop/*.log",
            CollectorState.RECONNECTING,
            key="file:/var/log/shop/*.log",
            source="app",
            source_id="",
            error="cannot read /var/log/shop/orders.log: permission denied",
            retry_in_s=41.0,
            fix="sudo setfacl -m u:hantu:r /var/log/shop/orders.log",
        ),
        collector("migrate", CollectorState.ENDED, lines=31, last_ns=now_ns - 3 * HOUR_NS),
        collector("redis", CollectorState.STOPPED, lines=7, last_ns=now_ns - 50 * HOUR_NS),
        collector("web", CollectorState.STARTING),
    ]
