"""`python -m bench.browser --lines N`: what /logs costs in a real Chromium, and its server time over N lines.

Prints tables: times of the server, bytes of a first and a second visit, the main thread while 2,000 lines a second
arrive, and what far scrolling leaves in the page. --data keeps and reuses the store of an earlier run; --trace FILE
keeps the trace of the live view for chrome://tracing. Chromium is tests.browser.CHROMIUM."""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from playwright.sync_api import Browser, Page, sync_playwright

from bench.corpus import END_NS, Corpus
from bench.measure import machine, table
from bench.streams import scratch
from hantu.model import LogEntry
from hantu.store import open_store
from tests.browser import ARGUMENTS, CHROMIUM, WIDE
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

BATCH = 2_000
RUNS = 15
PER_SECOND = 2_000
LIVE_S = 10
WARM_S = 3
FAR_PAGES = 100
PATHS = {
    "first paint: newest lines, count, histogram, filters": "/logs",
    "add a filter: level": "/logs?q=level:error",
    "add a filter: container": "/logs?q=container:api",
    "add a filter: word and level": "/logs?q=timeout+level:>=warn",
    "a chosen time (1 h) amid what is around it": "",
    "older lines, by scrolling": "/logs/rows",
    "an opened row": "/detail",
}
TASK = "ThreadControllerImpl::RunTask"
SHIFTS = (
    "window.shifts = [];"
    "new PerformanceObserver(list => { for (const one of list.getEntries()) window.shifts.push(one.value); })"
    ".observe({ type: 'layout-shift', buffered: true });"
)


def fill(path: Path, lines: int) -> None:
    """A store with the corpus moved to end now."""
    store = open_store(path)
    shift = time.time_ns() - END_NS
    batch: list[LogEntry] = []
    for entry in Corpus().entries(lines):
        batch.append(msgspec.structs.replace(entry, time_ns=entry.time_ns + shift))
        if len(batch) == BATCH:
            store.write_batch(batch)
            batch.clear()
    store.write_batch(batch)
    store.close()


class Server:
    """One kept connection to the service, as a browser has it."""

    def __init__(self, service: RunningService) -> None:
        host = service.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._headers = {"Accept-Encoding": "gzip", "Accept-Language": "en"}

    def get(self, path: str, **headers: str) -> tuple[float, bytes]:
        """(ms from the request to the last byte, body as sent)."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers | headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - began) * 1000
        assert answer.status == 200, (path, answer.status)
        return taken, body


def server_times(service: RunningService) -> str:
    """Milliseconds of each page: the first one of a service just started, those after it, and of the processor."""
    server = Server(service)
    newest = service.get("/api/logs?limit=1")["logs"][0]
    now = time.time()
    hour = [time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now - ago * 3600)) for ago in (60, 59)]
    paths = dict(PATHS)
    paths["a chosen time (1 h) amid what is around it"] = f"/logs?q=since:{hour[0]}+until:{hour[1]}"
    paths["an opened row"] = f"/logs/{newest['id']}/detail?q="
    page = service.text("/logs")
    paths["older lines, by scrolling"] = page.split('data-more="')[1].split('"')[0].replace("&amp;", "&")
    rows: list[tuple[object, ...]] = []
    for name, path in paths.items():
        headers = (
            {"HX-Request": "true"}
            if path.startswith(("/logs/rows", "/logs/0")) or "/detail" in path
            else {}
        )
        first, body = server.get(path, **headers)
        cpu = service.cpu_s()
        times = sorted(server.get(path, **headers)[0] for _ in range(RUNS))
        used = (service.cpu_s() - cpu) * 1000 / RUNS
        p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
        rows.append((name, first, p50, p95, used, f"{len(body) / 1000:.1f}"))
    return table(("page", "first", "p50", "p95", "processor", "kB sent"), rows)


def visit(page: Page, path: str) -> tuple[int, int, set[str]]:
    """(bytes received, requests that were not answered by the browser itself, other hosts asked)."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    sizes: list[int] = []
    hosts: set[str] = set()
    client.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    client.on(
        "Network.requestWillBeSent",
        lambda event: hosts.add(urlsplit(event["request"]["url"]).netloc),
    )
    page.goto(path)
    page.wait_for_load_state("networkidle")
    client.detach()
    return sum(sizes), sum(size > 0 for size in sizes), hosts - {urlsplit(path).netloc, ""}


def transfers(browser: Browser, service: RunningService) -> str:
    """Bytes of visits to /logs."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    rows: list[tuple[object, ...]] = []
    for name, path in (
        ("first visit", "/logs"),
        ("second visit", "/logs"),
        ("a search", "/logs?q=level:error"),
    ):
        received, asked, others = visit(page, service.url + path)
        rows.append((name, f"{received / 1000:.1f}", asked, ", ".join(sorted(others)) or "none"))
    context.close()
    return table(("visit", "kB over the wire", "requests", "other hosts"), rows)


@dataclass(frozen=True, slots=True)
class LiveView:
    """A live view for some seconds. busy: of the main thread. longest_ms: its longest task. shift: score."""

    busy: float
    longest_ms: float
    shift: float
    shown: int
    skipped: int
    rows: int
    heap_mb: float
    parts: dict[str, float]


class Pusher:
    """Pushes lines of the corpus, PER_SECOND a second."""

    def __init__(self, service: RunningService, entries: Sequence[LogEntry]) -> None:
        self._service = service
        self._entries = entries
        self._done = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._push)

    def __enter__(self) -> Pusher:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _push(self) -> None:
        began, step = time.monotonic(), PER_SECOND // 10
        while not self._done.wait(max(0.0, began + self.sent / PER_SECOND - time.monotonic())):
            at = self.sent % (len(self._entries) - step)
            now_ns = time.time_ns()
            lines = [
                {
                    "message": entry.message,
                    "level": entry.level.label,
                    "sourceId": entry.source_id,
                    "timestamp": now_ns + number,
                    "metadata": entry.metadata or {},
                }
                for number, entry in enumerate(self._entries[at : at + step])
            ]
            self._service.call("POST", "/api/ingest", b"\n".join(map(msgspec.json.encode, lines)))
            self.sent += step


def live_view(browser: Browser, service: RunningService, trace: Path | None) -> LiveView:
    """The live view of everything while lines arrive."""
    entries = list(Corpus(seed=7).entries(50_000))
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    page.goto(service.url + "/logs?live=1&q=level:>=trace")
    with Pusher(service, entries):
        time.sleep(WARM_S)
        before = page.evaluate("[...document.querySelectorAll('.entries > .entry')].pop().dataset.at")
        page.evaluate("shifts.length = 0")
        browser.start_tracing(
            page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
        )
        began = time.monotonic()
        time.sleep(LIVE_S)
        wall_s = time.monotonic() - began
        found = browser.stop_tracing()
        after = page.evaluate("[...document.querySelectorAll('.entries > .entry')].pop().dataset.at")
        shift = float(page.evaluate("shifts.reduce((sum, one) => sum + one, 0)"))
        skipped = page.evaluate(
            "[...document.querySelectorAll('.skipped')].reduce((sum, one) => sum + Number(one.dataset.count || 0), 0)"
        )
        rows = page.locator(".entries > .entry").count()
        heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    context.close()
    if trace is not None:
        trace.write_bytes(found)
    assert after != before, "no line arrived"
    busy_ms, longest, parts = main_thread(found)
    shown = int(after.rsplit("-", 1)[1]) - int(before.rsplit("-", 1)[1])
    return LiveView(busy_ms / 1000 / wall_s, longest, shift, shown, skipped, rows, heap, parts)


def main_thread(trace: bytes) -> tuple[float, float, dict[str, float]]:
    """(ms that the page's main thread worked, ms of its longest task, ms by kind of work) of a trace."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks: dict[tuple[int, int], list[float]] = {}
    for event in events:
        place = (event["pid"], event["tid"])
        if place in mains and event["name"] == TASK and event["ph"] == "X":
            # Its processor time, not the clock's: other programs may have had the core meanwhile.
            tasks.setdefault(place, []).append(event.get("tdur", event["dur"]) / 1000)
    own = max(tasks, key=lambda place: sum(tasks[place]))
    kinds = {
        "FunctionCall": "script",
        "ParseHTML": "parsing rows",
        "UpdateLayoutTree": "style",
        "Layout": "layout",
        "PrePaint": "painting",
        "Paint": "painting",
        "Layerize": "painting",
        "Commit": "painting",
        "MinorGC": "garbage",
        "MajorGC": "garbage",
    }
    parts: dict[str, float] = {}
    for event in events:
        if (event["pid"], event["tid"]) == own and event["ph"] == "X" and event["name"] in kinds:
            kind = kinds[event["name"]]
            parts[kind] = parts.get(kind, 0.0) + event.get("tdur", event["dur"]) / 1000
    return sum(tasks[own]), max(tasks[own]), parts


def far(browser: Browser, service: RunningService) -> str:
    """Scrolling up over FAR_PAGES pages of older lines: what stands in the page after each quarter."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    page.goto(service.url + "/logs?fold=0")
    client = context.new_cdp_session(page)
    rows: list[tuple[object, ...]] = []
    waits: list[float] = []
    for number in range(1, FAR_PAGES + 1):
        first = page.evaluate("document.querySelector('.entries > .entry').id")
        began = time.perf_counter()
        page.evaluate("document.querySelector('.entries-scroll').scrollTop = 600")
        page.wait_for_function("id => document.querySelector('.entries > .entry').id !== id", arg=first)
        waits.append((time.perf_counter() - began) * 1000)
        if number % (FAR_PAGES // 4) == 0:
            client.send("HeapProfiler.collectGarbage")
            heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
            nodes = page.evaluate("document.querySelectorAll('*').length")
            shown = page.locator(".entries > .entry").count()
            shift = page.evaluate("shifts.reduce((sum, one) => sum + one, 0)")
            rows.append(
                (
                    f"{number * 100:,}",
                    f"{shown:,}",
                    f"{nodes:,}",
                    f"{heap:.1f}",
                    f"{shift:.4f}",
                    statistics.median(waits),
                )
            )
            waits.clear()
    context.close()
    return table(
        ("lines scrolled over", "rows in the page", "elements", "heap MB", "layout shift", "ms a page"),
        rows,
    )


def report(service: RunningService, trace: Path | None) -> dict[str, str]:
    """The tables by their titles."""
    found = {"Server times of /logs (ms)": server_times(service)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, "--enable-precise-memory-info"]
        )
        found["Bytes of /logs"] = transfers(browser, service)
        found["Far scrolling"] = far(browser, service)
        seen = live_view(browser, service, trace)
        browser.close()
    parts = ", ".join(
        f"{name} {ms / LIVE_S / 10:.1f} %"
        for name, ms in sorted(seen.parts.items(), key=lambda one: -one[1])
    )
    found["Live at 2,000 lines a second"] = (
        table(
            (
                "main thread busy",
                "longest task ms",
                "layout shift",
                "lines/s",
                "skipped",
                "rows in the page",
                "heap MB",
            ),
            [
                (
                    f"{seen.busy:.0%}",
                    seen.longest_ms,
                    f"{seen.shift:.4f}",
                    seen.shown // LIVE_S,
                    seen.skipped,
                    f"{seen.rows:,}",
                    f"{seen.heap_mb:.1f}",
                )
            ],
        )
        + f"\n\nOf the time: {parts}."
    )
    return found


def main() -> None:
    """Fill a store, start the service over it, and report."""
    options = argparse.ArgumentParser(prog="python -m bench.browser")
    options.add_argument("--lines", type=int, default=5_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--trace", type=Path)
    chosen = options.parse_args()
    with scratch() as folder_name:
        data: Path = chosen.data or Path(folder_name) / "data"
        if not (data / "hantu.db").exists():
            data.mkdir(parents=True, exist_ok=True)
            fill(data / "hantu.db", chosen.lines)
        service = RunningService(data, NOTHING).start()
        try:
            wait_until(lambda: service.get("/healthz")["status"] == "ok")
            print(f"{machine()}\n\n{chosen.lines:,} lines\n")
            for title, shown in report(service, chosen.trace).items():
                print(f"## {title}\n\n{shown}\n", flush=True)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
