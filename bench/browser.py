"""`python -m bench.browser --lines N`: what /logs costs in a real Chromium, and its server time over N lines.

Prints tables: times of the server, bytes of a first and a second visit, what far scrolling takes and leaves in the page, and
the live view (bench.live_view). --data keeps and reuses the store of an earlier run; --only far prints that table alone.
Chromium is tests.browser.CHROMIUM."""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from playwright.sync_api import Browser, Page, sync_playwright

from bench.corpus import END_NS, Corpus
from bench.live_view import WATCH, MainThread, views
from bench.measure import machine, table
from bench.streams import scratch
from hantu.model import LogEntry
from hantu.store import open_store
from tests.browser import ARGUMENTS, CHROMIUM, WIDE
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

BATCH = 2_000
RUNS = 15
RATES = (200, 2_000, 10_000)
FAR_PAGES = 500
FAR_PARTS = 5
JUMPS_H = (2, 8, 20)
JUMP_PAGES = 30
WHEEL_PX = 2_400
LOST_S = 30.0
TOP = "document.querySelector('.entries').firstElementChild.outerHTML"
ELEMENTS = "document.querySelectorAll('*').length"
FIRST = "document.querySelector('.entries > .entry').id"
PLACES = "[...document.querySelectorAll('.entries > .entry')].map(one => one.dataset.at)"
PATHS = {
    "first paint: newest lines, count, histogram, filters": "/logs",
    "add a filter: level": "/logs?q=level:error",
    "add a filter: container": "/logs?q=container:api",
    "add a filter: word and level": "/logs?q=timeout+level:>=warn",
    "a chosen time (1 h) amid what is around it": "",
    "older lines, by scrolling": "/logs/rows",
    "an opened row": "/detail",
}


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


def far(browser: Browser, service: RunningService) -> str:
    """Turning the wheel over FAR_PAGES pages of older lines and, after jumps by time, over some more: what stands
    in the page, and what a page costs."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    page.add_init_script(WATCH)
    rows: list[tuple[object, ...]] = []
    page.goto(service.url + "/logs?fold=0")
    thread = MainThread(context.new_cdp_session(page))
    for part in range(1, FAR_PARTS + 1):
        costs = climb(page, thread, FAR_PAGES // FAR_PARTS)
        rows.append((f"{part * FAR_PAGES // FAR_PARTS * 100:,}", *costs))
    for hours in JUMPS_H:
        until = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - hours * 3600))
        page.goto(f"{service.url}/logs?fold=0&q=until:{until}")
        rows.append((f"{JUMP_PAGES * 100:,} before {hours} h ago", *climb(page, thread, JUMP_PAGES)))
    context.close()
    return table(
        (
            "lines scrolled over",
            "rows in the page",
            "elements",
            "heap MB",
            "layout shift",
            "ms a page, p50",
            "p95",
            "main thread ms a page",
            "longest task ms",
        ),
        rows,
    )


def climb(page: Page, thread: MainThread, pages: int) -> tuple[object, ...]:
    """The columns of far() for so many pages of older lines; fails when a line is left out or doubled."""
    page.evaluate("shifts.length = 0; longest = 0;")
    page.mouse.move(WIDE[0] / 2, WIDE[1] / 2)
    waits: list[float] = []
    began_s = thread.seconds()["all"]
    for _ in range(pages):
        first = page.evaluate(FIRST)
        began = time.perf_counter()
        page.mouse.wheel(0, -WHEEL_PX)
        while page.evaluate(FIRST) == first:
            assert time.perf_counter() - began < LOST_S, page.evaluate(TOP)
            if page.evaluate("document.querySelector('.entries-scroll').scrollTop > 800"):
                page.mouse.wheel(0, -WHEEL_PX)
        waits.append((time.perf_counter() - began) * 1000)
    used_ms = (thread.seconds()["all"] - began_s) * 1000 / pages
    places = page.evaluate(PLACES)
    assert places == sorted(set(places), key=lambda at: [int(part) for part in at.split("-")]), (
        "out of order"
    )
    thread.collect()
    waits.sort()
    return (
        f"{len(places):,}",
        f"{page.evaluate(ELEMENTS):,}",
        f"{page.evaluate('performance.memory.usedJSHeapSize') / 1e6:.1f}",
        f"{page.evaluate('shifts.reduce((sum, one) => sum + one, 0)'):.4f}",
        waits[len(waits) // 2],
        waits[int(len(waits) * 0.95)],
        used_ms,
        page.evaluate("longest"),
    )


def report(service: RunningService, only: str) -> None:
    """Print the tables with their titles as they are made."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, "--enable-precise-memory-info"]
        )
        parts: dict[str, tuple[str, Callable[[], str]]] = {
            "server": ("Server times of /logs (ms)", lambda: server_times(service)),
            "bytes": ("Bytes of /logs", lambda: transfers(browser, service)),
            "far": ("Far scrolling", lambda: far(browser, service)),
            "live": ("The live view", lambda: views(browser, service, RATES)),
        }
        for name, (title, make) in parts.items():
            if not only or name == only:
                print(f"## {title}\n\n{make()}\n", flush=True)
        browser.close()


def main() -> None:
    """Fill a store, start the service over it, and report."""
    options = argparse.ArgumentParser(prog="python -m bench.browser")
    options.add_argument("--lines", type=int, default=5_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--only", choices=("server", "bytes", "far", "live"), default="")
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
            report(service, chosen.only)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
