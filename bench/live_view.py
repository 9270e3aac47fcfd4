"""`python -m bench.live_view`: what the live view of /logs costs a real Chromium, at several rates of lines.

Processor time of the page's main thread by the browser's own count (no trace runs beside it), how long after its arrival at
hantu each line came to the browser and into the page, by time stamps taken in the page, what stands in it. --rates 200,2000,10000; --trace FILE keeps a trace of the last rate's first seconds for
chrome://tracing."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, CDPSession, sync_playwright

from bench.corpus import Corpus
from bench.measure import machine, table
from bench.streams import scratch
from hantu.model import LogEntry
from tests.browser import ARGUMENTS, CHROMIUM, NARROW, WIDE
from tests.running import NOTHING, RunningService

LIVE_S = 10
WARM_S = 3
TRACE_S = 5
STEPS_A_S = 10
BODIES = 50
ADDRESS = "/logs?live=1&q=level:>=trace"
TASK = "ThreadControllerImpl::RunTask"
WATCH = (
    "window.shifts = []; window.longest = 0;"
    "new PerformanceObserver(list => { for (const one of list.getEntries()) window.shifts.push(one.value); })"
    ".observe({ type: 'layout-shift', buffered: true });"
    "new PerformanceObserver(list => { for (const one of list.getEntries())"
    " window.longest = Math.max(window.longest, one.duration); }).observe({ type: 'longtask', buffered: true });"
)
# [ms until the browser had it, ms until it stood in the page] of each line; its own time is that of its arrival at hantu.
CLOCK = (
    "window.seen = []; const came = new Map(); const Socket = WebSocket;"
    "window.WebSocket = class extends Socket { constructor(...all) { super(...all);"
    " this.addEventListener('message', event => { const now = Date.now();"
    ' for (const one of event.data.matchAll(/data-at=\\\\"([^\\\\]+)/g)) came.set(one[1], now); }); } };'
    "new MutationObserver(list => requestAnimationFrame(() => { const now = Date.now();"
    " for (const change of list) for (const row of change.addedNodes) {"
    " const at = row.dataset?.at; if (!came.has(at)) continue;"
    " const ms = Number(at.split('-')[0]) / 1e6;"
    " window.seen.push([came.get(at) - ms, now - ms]); came.delete(at); } }))"
    ".observe(document, { childList: true, subtree: true });"
)
SKIPPED = "[...document.querySelectorAll('.skipped')].reduce((sum, one) => sum + Number(one.dataset.count || 0), 0)"


class Pusher:
    """Pushes lines of the corpus, so many a second, for as long as it is entered."""

    def __init__(self, service: RunningService, per_second: int) -> None:
        self._service = service
        self._per_second = per_second
        step = max(1, per_second // STEPS_A_S)
        entries = iter(Corpus(seed=7).entries(BODIES * step))
        self._bodies = [_body([next(entries) for _ in range(step)]) for _ in range(BODIES)]
        self._step = step
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
        began, number = time.monotonic(), 0
        while not self._done.wait(max(0.0, began + self.sent / self._per_second - time.monotonic())):
            self._service.call("POST", "/api/ingest", self._bodies[number % BODIES])
            self.sent += self._step
            number += 1


def _body(entries: Sequence[LogEntry]) -> bytes:
    """Lines to be pushed; their time is that of their arrival."""
    return b"\n".join(
        msgspec.json.encode(
            {
                "message": entry.message,
                "level": entry.level.label,
                "sourceId": entry.source_id,
                "metadata": entry.metadata or {},
            }
        )
        for entry in entries
    )


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds that half, and 95 of 100, did not exceed."""

    p50: float
    p95: float

    @classmethod
    def of(cls, waits: Sequence[float]) -> Delay:
        """Of none: nought."""
        ordered = sorted(waits) or [0.0]
        return cls(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)])

    def __str__(self) -> str:
        return f"{self.p50:,.0f} ({self.p95:,.0f})"


@dataclass(frozen=True, slots=True)
class LiveView:
    """A live view for some seconds. Of the main thread's processor time: busy, and its parts, as shares of the
    time that passed. longest_ms: its longest task by the clock, 0 below 50. came_ms: how old lines were when
    the browser had them; seen_ms: when they could be seen. server: share of a core."""

    per_second: float
    busy: float
    parts: dict[str, float]
    longest_ms: float
    came_ms: Delay
    seen_ms: Delay
    shift: float
    rows: int
    skipped: int
    heap_mb: float
    server: float


METRICS = {
    "TaskDuration": "all",
    "ScriptDuration": "script",
    "LayoutDuration": "layout",
    "RecalcStyleDuration": "style",
}


class MainThread:
    """The processor time of a page's main thread, by what it was used for."""

    def __init__(self, client: CDPSession) -> None:
        self._client = client
        client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def collect(self) -> None:
        """Let go of what the page's scripts no longer need."""
        self._client.send("HeapProfiler.collectGarbage")

    def seconds(self) -> dict[str, float]:
        """Since the page began."""
        found = self._client.send("Performance.getMetrics")["metrics"]
        return {METRICS[one["name"]]: one["value"] for one in found if one["name"] in METRICS}


def live_view(
    browser: Browser,
    service: RunningService,
    per_second: int,
    *,
    size: tuple[int, int] = WIDE,
    read_above: bool = False,
) -> LiveView:
    """The live view of everything while lines arrive. read_above: the reader has scrolled up."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.add_init_script(CLOCK)
    page.goto(service.url + ADDRESS)
    thread = MainThread(context.new_cdp_session(page))
    with Pusher(service, per_second) as pusher:
        time.sleep(WARM_S)
        if read_above:
            page.mouse.move(size[0] / 2, size[1] / 2)
            page.mouse.wheel(0, -600)
        page.evaluate("shifts.length = 0; longest = 0; seen.length = 0;")
        sent, cpu_s, began, before = pusher.sent, service.cpu_s(), time.monotonic(), thread.seconds()
        time.sleep(LIVE_S)
        after, wall_s = thread.seconds(), time.monotonic() - began
        waits: list[list[float]] = page.evaluate("seen")
        server_s, rate = service.cpu_s() - cpu_s, (pusher.sent - sent) / wall_s
        seen = LiveView(
            rate,
            (after["all"] - before["all"]) / wall_s,
            {name: (after[name] - before[name]) / wall_s for name in after if name != "all"},
            float(page.evaluate("longest")),
            Delay.of([one[0] for one in waits]),
            Delay.of([one[1] for one in waits]),
            float(page.evaluate("shifts.reduce((sum, one) => sum + one, 0)")),
            page.locator(".entries > .entry").count(),
            int(page.evaluate(SKIPPED)),
            page.evaluate("performance.memory.usedJSHeapSize") / 1e6,
            server_s / wall_s,
        )
    context.close()
    return seen


def traced(browser: Browser, service: RunningService, per_second: int) -> bytes:
    """What the browser notes of some seconds of a live view."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    page.goto(service.url + ADDRESS)
    with Pusher(service, per_second):
        time.sleep(WARM_S)
        browser.start_tracing(
            page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
        )
        time.sleep(TRACE_S)
        found = browser.stop_tracing()
    context.close()
    return found


def parts_of(trace: bytes) -> dict[str, float]:
    """Processor milliseconds of the page's main thread by the kind of its events, one within another counted twice."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    by_thread: dict[tuple[int, int], dict[str, float]] = {}
    for event in events:
        place = (event["pid"], event["tid"])
        if place in mains and event["ph"] == "X":
            name = "all" if event["name"] == TASK else event["name"]
            kinds = by_thread.setdefault(place, {})
            kinds[name] = kinds.get(name, 0.0) + event.get("tdur", event["dur"]) / 1000
    own = max(by_thread.values(), key=lambda kinds: kinds.get("all", 0.0))
    return dict(sorted(own.items(), key=lambda one: -one[1])[:14])


def views(browser: Browser, service: RunningService, rates: Sequence[int]) -> str:
    """A table of live views: the desk at each rate, then a reader above and a phone at the last but one."""
    cases = [(f"{rate:,}/s", rate, WIDE, False) for rate in rates]
    middle = rates[len(rates) // 2]
    cases += [
        (f"{middle:,}/s, read above", middle, WIDE, True),
        (f"{middle:,}/s, phone", middle, NARROW, False),
    ]
    rows: list[tuple[object, ...]] = []
    for name, rate, size, read_above in cases:
        seen = live_view(browser, service, rate, size=size, read_above=read_above)
        rows.append(
            (
                name,
                f"{seen.per_second:,.0f}",
                f"{seen.busy:.0%}",
                ", ".join(f"{part} {share:.0%}" for part, share in seen.parts.items()),
                seen.longest_ms,
                "" if read_above else seen.came_ms,
                "" if read_above else seen.seen_ms,
                f"{seen.shift:.4f}",
                f"{seen.rows:,}",
                f"{seen.skipped:,}",
                f"{seen.heap_mb:.1f}",
                f"{seen.server:.0%}",
            )
        )
    return table(
        (
            "live view",
            "lines/s",
            "main thread",
            "of it",
            "longest task ms",
            "a line is in the browser after ms (p95)",
            "is seen after ms (p95)",
            "shift",
            "rows",
            "in bands",
            "heap MB",
            "hantu, of a core",
        ),
        rows,
    )


def main() -> None:
    """Start a service over an empty store, and report."""
    options = argparse.ArgumentParser(prog="python -m bench.live_view")
    options.add_argument("--rates", default="200,2000,10000")
    options.add_argument("--trace", type=Path)
    chosen = options.parse_args()
    rates = [int(rate) for rate in chosen.rates.split(",")]
    with scratch() as folder, sync_playwright() as playwright:
        service = RunningService(Path(folder) / "data", NOTHING).start()
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, "--enable-precise-memory-info"]
        )
        try:
            # A first line, for a first page has another look than one with lines.
            service.call("POST", "/api/ingest", _body(list(Corpus(seed=1).entries(200))))
            print(f"{machine()}\n\n{views(browser, service, rates)}\n", flush=True)
            if chosen.trace:
                chosen.trace.write_bytes(traced(browser, service, rates[len(rates) // 2]))
                for name, ms in parts_of(chosen.trace.read_bytes()).items():
                    print(f"{name}: {ms / TRACE_S / 10:.1f} %")
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main()
