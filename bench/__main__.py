"""`python -m bench --lines N`: the whole bench, its report on stdout and in build/bench/report.md.

--only NAME … runs some parts: store, baselines, queries, words, unsealed, readers, growth, real, push, file, docker,
journal, live, retention, idle, library, errors, executions. growth is also `python -m bench.growth LINES …`, real `python -m bench.real FILE …`."""

from __future__ import annotations

import argparse
import datetime
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import track

from bench import (
    baselines,
    errors,
    executions,
    growth,
    library,
    queries,
    readers,
    real,
    run_reports,
    streams,
    unsealed,
    words,
)
from bench.corpus import END_NS, Corpus
from bench.docker_stream import docker_stream, idle
from bench.journal import JOURNAL_MOST, journal
from bench.measure import Work, machine, peak_rss_mb, percentiles, table, work
from hantu.model import LogEntry
from hantu.service.memory import keep_little
from hantu.store import open_store
from hantu.store.base import LogStorage

PARTS = (
    "store",
    "baselines",
    "queries",
    "words",
    "unsealed",
    "readers",
    "growth",
    "real",
    "push",
    "file",
    "docker",
    "journal",
    "live",
    "retention",
    "idle",
    "library",
    "errors",
    "executions",
)
REPORT = Path("build/bench/report.md")
BATCH = 2000
SERVICE_LINES_MOST = 500_000
TRACED = 100
"""Lines of the oldest requests, whose ids are looked for."""
console = Console(stderr=True)


class Report:
    """Sections of Markdown, printed as they come."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, title: str, text: str) -> None:
        section = f"## {title}\n\n{text}\n"
        self._parts.append(section)
        print(section, flush=True)

    def save(self) -> None:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text("\n".join(self._parts), encoding="utf-8")


def fill(path: Path, entries: Sequence[LogEntry]) -> tuple[LogStorage, Work]:
    """A store with all entries, and what writing them in batches of 2,000 took."""
    store = open_store(path)

    def write() -> None:
        for at in track(range(0, len(entries), BATCH), "store", console=console):
            store.write_batch(entries[at : at + BATCH])

    return store, work(len(entries), write)


def size(path: Path) -> int:
    """Bytes of a database and its WAL."""
    return sum(part.stat().st_size for part in path.parent.glob(path.name + "*"))


def ingest_row(name: str, done: Work, bytes_a_line: float | None = None) -> tuple[object, ...]:
    shown = "–" if bytes_a_line is None else f"{bytes_a_line:.0f}"
    return name, int(done.per_second), done.cpu_us, shown


def main() -> None:
    """Run the chosen parts."""
    options = argparse.ArgumentParser(prog="python -m bench")
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--live-seconds", type=int, default=60)
    chosen = options.parse_args()
    parts = set(chosen.only)
    report = Report()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    report.add(
        "Machine",
        f"{machine()}\n\n{chosen.lines:,} lines; commit {commit.stdout.strip() or 'unknown'}; {datetime.date.today()}",
    )
    keep_little()
    corpus = Corpus()
    entries = list(track(corpus.entries(chosen.lines), "corpus", total=chosen.lines, console=console))
    # As hantu serve: else Python looks for garbage among millions of lines while a query is timed.
    gc.freeze()
    some = entries[:SERVICE_LINES_MOST]
    with streams.scratch() as folder_name:
        folder = Path(folder_name)
        ingest: list[tuple[object, ...]] = []
        head = ("ingest", "lines/s", "CPU µs/line", "bytes/line")
        if parts & {"store", "queries", "retention"}:
            store, done = fill(folder / "hantu.db", entries)
            ingest.append(ingest_row("write_batch", done, size(folder / "hantu.db") / len(entries)))
            if "queries" in parts:
                _queries(report, store, entries, folder)
            if "retention" in parts:
                _retention(report, store, entries)
            store.close()
        if "words" in parts:
            report.add("Words among many shapes (ms)", words.report())
        if "unsealed" in parts:
            report.add("Lines that are not sealed yet (processor ms)", unsealed.report())
        if "readers" in parts:
            rows = readers.under_load(folder / "readers.db", some)
            report.add("Searches beside a writer (ms)", table(readers.HEAD, rows))
        if "growth" in parts:
            report.add("Growth", growth.report([chosen.lines // 10, chosen.lines]))
        if "real" in parts:
            for title, shown in real.tables().items():
                report.add(title, shown)
        if "errors" in parts:
            for title, shown in errors.tables(chosen.lines, max(1, chosen.lines // 10)).items():
                report.add(title, shown)
        if "executions" in parts:
            for title, shown in (executions.tables() | run_reports.tables()).items():
                report.add(title, shown)
        if "library" in parts:
            for title, shown in library.tables().items():
                report.add(title, shown)
        if "baselines" in parts:
            for name, do in (
                ("bare SQLite rows", baselines.rows),
                ("SQLite rows + FTS5", baselines.rows_with_fts),
            ):
                path = folder / "baseline.db"
                done = work(len(entries), lambda path=path, do=do: do(path, entries))  # type: ignore[misc]  # binds
                ingest.append(ingest_row(name, done, size(path) / len(entries)))
        if "push" in parts:
            ingest.append(ingest_row("NDJSON over HTTP", streams.push(folder, some)))
        start = streams.idle_start(folder) if parts & {"file", "docker", "journal"} else Work(0, 0.0, 0.0)
        if "file" in parts:
            lines = [streams.file_line(entry) for entry in some]
            ingest.append(ingest_row("file tail", streams.tail_file(folder, lines, start)))
        if "docker" in parts:
            ingest.append(ingest_row("docker stream", docker_stream(folder, len(some), start)))
        if "journal" in parts:
            ingest.append(ingest_row("journal", journal(folder, some[:JOURNAL_MOST], start)))
        if ingest:
            report.add("Ingest", table(head, ingest) + _without_start(start))
        if "live" in parts:
            _live(report, folder, chosen.live_seconds)
        if "idle" in parts:
            share, rss = idle(folder)
            report.add(
                "Idle", f"20 containers followed: {share:.2%} of a core, {rss / 1e6:.0f} MB resident"
            )
    report.add("Memory", f"largest resident size of this process, corpus included: {peak_rss_mb():,.0f} MB")
    report.save()


def _without_start(start: Work) -> str:
    if not start.wall_s:
        return ""
    return (
        f"\n\nA service that collects nothing took {start.wall_s:.2f} s and {start.cpu_s:.2f} s of processor"
        " time to start in this run; that is subtracted from file, docker and journal. The processor time is"
        " that of hantu's process."
    )


def _queries(report: Report, store: LogStorage, entries: list[LogEntry], folder: Path) -> None:
    rare = next(
        entry.message.split("run=")[1][:8] for entry in reversed(entries) if "started run=" in entry.message
    )
    traced = (
        entry.metadata["trace_id"] for entry in entries if entry.metadata and "trace_id" in entry.metadata
    )
    traces = " ".join(dict.fromkeys(islice(traced, TRACED)))
    found = store.search(queries.parse("checkpoint")).entries[0]
    rows: list[tuple[object, ...]] = []
    asked = queries.rows(folder / "hantu.db", rare, traces, found.id)
    rows += track(asked, "queries", console=console)
    text = folder / "corpus.txt"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(entry.message + "\n" for entry in entries)
    try:
        p50, p95, runs = percentiles(lambda: baselines.ripgrep(text, rare[1:-1]), runs=20, most_s=5)
        rows.append(("ripgrep: rare substring in one text file", "–", p50, p95, runs))
    except FileNotFoundError as error:
        print(f"ripgrep: {error}", file=sys.stderr)
    report.add("Queries (ms)", table(queries.HEAD, rows))


def _retention(report: Report, store: LogStorage, entries: list[LogEntry]) -> None:
    """Delete the oldest of seven days while a writer goes on, and see how long that one waits."""
    # New ones: old ones would be deleted again, and there would be no end to it.
    batch = entries[-100:]
    before = store.stats()
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            began = time.perf_counter()
            store.write_batch(batch)
            waits.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(readers.SWITCH_S)
    writer = threading.Thread(target=write)
    writer.start()
    began = time.perf_counter()
    removed = store.cleanup(6, now_ns=END_NS)
    wall = time.perf_counter() - began
    done.set()
    writer.join()
    sys.setswitchinterval(interval)
    waits.sort()
    after = store.stats()
    report.add(
        "Retention of one day",
        f"{removed:,} of {before.entries:,} lines removed in {wall:.2f} s; a writer beside it waited "
        f"{waits[len(waits) // 2]:.1f} ms (median of {len(waits):,} batches), at most {waits[-1]:.0f} ms; "
        f"file {before.size_bytes / 1e6:.0f} → {after.size_bytes / 1e6:.0f} MB",
    )


def _live(report: Report, folder: Path, seconds: int) -> None:
    seen = streams.live(folder, seconds=seconds)
    report.add(
        "Live: 10,000 lines/s, 20 tails",
        f"{seen.lines:,} lines in {seconds} s, each tail received {seen.received:,} and was told of {seen.skipped:,} skipped; "
        f"delay p50 {seen.p50_ms:.0f} ms, p99 {seen.p99_ms:.0f} ms; a page took {seen.page_ms:.0f} ms (median); "
        f"memory {seen.rss_first_mb:.0f} → {seen.rss_last_mb:.0f} MB; {seen.cpu_share:.0%} of a core",
    )


if __name__ == "__main__":
    main()
