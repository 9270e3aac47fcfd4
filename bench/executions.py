"""The list of executions: `python -m bench.executions [RUNS]` fills a store and asks it.

A dozen jobs over 90 days, as cron runs them: most COMPLETED, some FAILED, a few in between; each with a prompt of
some 400 characters, an output of 1.2 kB, and an artifact every fifth time. The first table runs some
through the store, one durable step after the other; the rest is filled in by thousands."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.measure import Work, machine, percentiles, table, work
from bench.streams import scratch
from hantu.executions import (
    Change,
    Execution,
    ExecutionStatus,
    Keeping,
    NewArtifact,
    NewExecution,
)
from hantu.store.base import LogStorage
from hantu.store.execution_base import ExecutionQuery, ExecutionSort, SortOrder
from hantu.store.execution_words import arriving, begun, new_trace_id
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.execution_rows import (
    ADD_ARTIFACT,
    ADD_EXECUTION,
    binds_of_artifact,
    binds_of_execution,
)
from hantu.store.sqlite.execution_words import index_words
from hantu.store.sqlite.execution_writing import Step, note_step

RUNS = 100_000
SAME = 2_000
LOT = 2_000
END_NS = 1_795_150_951_000_000_000
DAY_NS = 86_400 * 10**9
DAYS = 90
HEAD = ("question", "p50", "p95", "runs")
JOBS = (
    *("nightly-report", "hourly-sync", "daily-settlement-summary", "backup", "정산", "주문-요약"),
    *("mail-digest", "cleanup", "price-import", "reconcile", "health-check", "weekly-audit"),
)
MODELS = ("claude-sonnet-4-20250514", "large-2025-05", "small-2025-05")
WORDS = (
    *("주문", "체결된", "계좌별로", "정산", "요약을", "작성하고", "정산일이", "없는", "따로", "표시한다"),
    *("order", "broker", "refused", "settlement", "quote", "ledger", "batch", "upstream", "account"),
)
ENDS = (*[ExecutionStatus.COMPLETED] * 9, ExecutionStatus.FAILED)


def asked(number: int) -> NewExecution:
    """The run with this number."""
    draw = random.Random(number)
    return NewExecution(
        job_name=JOBS[number % len(JOBS)],
        prompt=_text(draw, 60),
        trace_id=f"{number:08x}",
        model=MODELS[draw.randrange(10) % len(MODELS)],
        metadata={"host": "web-1", "attempt": draw.randrange(3)},
    )


def result(number: int) -> Change:
    """How it ended."""
    draw = random.Random(-number)
    used = draw.randrange(100, 9_000)
    return Change(
        output=f"{_text(draw, 150)} no{number}",
        tokens_used=used + 100,
        input_tokens=used,
        output_tokens=100,
        cost_micros=used * 3,
        exit_code=0,
    )


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def created_ns(number: int, runs: int) -> int:
    """When it was asked for."""
    return END_NS - (runs - number) * (DAYS * DAY_NS // runs)


def lives(runs: int) -> Iterator[tuple[Execution, list[ExecutionStatus], Change]]:
    """Executions as they began, how each went on, and its result; the last few are under way."""
    for number in range(runs):
        made = begun(asked(number), at_ns=created_ns(number, runs), trace_id=f"{number:08x}")
        steps = [ExecutionStatus.RUNNING, ENDS[number % len(ENDS)]]
        left = runs - number
        yield made, [] if left <= 5 else steps[:1] if left <= 15 else steps, result(number)


def fill(store: SqliteStore, runs: int) -> Work:
    """Write all runs as they are after their lives, by thousands in a transaction."""

    def write() -> None:
        every = lives(runs)
        for begin in range(0, runs, LOT):
            with store._database.writing() as connection:
                for number, (made, steps, change) in zip(
                    range(begin, min(runs, begin + LOT)), every, strict=False
                ):
                    done = replace(made, **change.given()) if len(steps) == 2 else made
                    at_ns = made.created_ns
                    note: list[tuple[Execution, ExecutionStatus, int]] = [(made, made.status, at_ns)]
                    for step in steps:
                        at_ns += 10**9 * (1 + number % 600)
                        note.append((done, step, at_ns))
                        times = {"started_ns": at_ns} if step is steps[0] else {"completed_ns": at_ns}
                        done = replace(done, status=step, updated_ns=at_ns, **times)
                    execution_no = connection.execute(ADD_EXECUTION, binds_of_execution(done)).get
                    index_words(connection, execution_no, done)
                    for before, to, moment in note:
                        note_step(connection, before, to, Step(moment, ""))
                    if number % 5 == 0:
                        file = arriving(made.id, NewArtifact(file_name="report.csv"), at_ns)
                        connection.execute(ADD_ARTIFACT, binds_of_artifact(file))

    return work(runs, write)


def writing(folder: Path) -> list[tuple[object, ...]]:
    """What a run costs through the store: three durable steps."""
    store = SqliteStore.open(folder / "lives.db")

    def live() -> None:
        for number in range(SAME):
            known = store.add_execution(asked(number), at_ns=created_ns(number, SAME)).execution
            begin_ns = known.created_ns + 1
            store.change_execution(known.id, Change(status=ExecutionStatus.RUNNING), at_ns=begin_ns)
            end = replace(result(number), status=ExecutionStatus.COMPLETED)
            store.change_execution(known.id, end, at_ns=begin_ns + 10**9)

    def beat() -> None:
        known = store.add_execution(replace(asked(0), trace_id=new_trace_id()), at_ns=END_NS).execution
        store.change_execution(known.id, Change(status=ExecutionStatus.RUNNING), at_ns=END_NS)
        for number in range(SAME):
            store.heartbeat(known.id, at_ns=END_NS + number, interval_ms=1_000)

    rows: list[tuple[object, ...]] = []
    for name, act in (("run: asked for, begun, ended with its output", live), ("heartbeat", beat)):
        done = work(SAME, act)
        rows.append((name, int(done.per_second), done.cpu_us))
    store.close()
    return rows


def questions(store: LogStorage, runs: int) -> list[tuple[str, Callable[[], object]]]:
    """What pages, API and the service ask."""

    def of(**query: object) -> Callable[[], object]:
        return lambda: store.executions(ExecutionQuery(**query))  # type: ignore[arg-type]  # of ExecutionQuery

    known = store.executions(ExecutionQuery()).executions[-1]
    return [
        ("list: newest 20, with total", of()),
        ("list: newest 100", of(page_size=100)),
        ("page half-way down", of(page=runs // 40)),
        ("last page", of(page=runs // 20)),
        ("oldest first", of(order=SortOrder.ASC)),
        ("by end, newest first", of(sort=ExecutionSort.COMPLETED)),
        ("by end, page half-way down", of(sort=ExecutionSort.COMPLETED, page=runs // 40)),
        ("by status", of(sort=ExecutionSort.STATUS)),
        ("by status, page half-way down", of(sort=ExecutionSort.STATUS, page=runs // 40)),
        ("FAILED", of(statuses=(ExecutionStatus.FAILED,))),
        (
            "FAILED or COMPLETED, last page",
            of(statuses=(ExecutionStatus.FAILED, ExecutionStatus.COMPLETED), page=runs // 20),
        ),
        ("RUNNING", of(statuses=(ExecutionStatus.RUNNING,))),
        ("of a job", of(job_names=("정산",))),
        ("of a model", of(models=(MODELS[1],))),
        (
            "of a model, of a week, with artifacts",
            of(models=(MODELS[1],), since_ns=END_NS - 7 * DAY_NS, has_artifacts=True),
        ),
        ("with artifacts", of(has_artifacts=True)),
        ("search: in every run (주문)", of(search="주문")),
        ("search: in every run, last page", of(search="주문", page=runs // 20)),
        (
            "search: in every run, FAILED, by end",
            of(search="정산 order", statuses=(ExecutionStatus.FAILED,), sort=ExecutionSort.COMPLETED),
        ),
        ("search: rare word", of(search=f"no{runs // 2}")),
        ("search: phrase", of(search='"order broker refused"')),
        ("search: without a word", of(search="주문 -quote")),
        ("search: 0 hits", of(search="없는말")),
        ("counts by status", store.execution_counts),
        ("names of jobs", store.job_names),
        ("how long a job takes", lambda: store.job_durations("정산")),
        ("one execution", lambda: store.execution(known.id)),
        ("its steps", lambda: store.transitions(known.id)),
        ("its artifacts", lambda: store.artifacts(known.id)),
        ("by trace id", lambda: store.execution_of_trace(known.trace_id)),
        ("overdue", lambda: store.overdue_executions(END_NS)),
        ("callbacks to send", lambda: store.due_callbacks(END_NS)),
    ]


def tables(runs: int = RUNS) -> dict[str, str]:
    """Titles and tables."""
    with scratch() as folder_name:
        folder = Path(folder_name)
        shown = {"Writing executions": table(("what", "runs/s", "CPU µs"), writing(folder))}
        store = SqliteStore.open(folder / "executions.db")
        done = fill(store, runs)
        rows = [(name, *percentiles(ask, runs=30, most_s=3)) for name, ask in questions(store, runs)]
        shown[f"List of {runs:,} executions, filled at {int(done.per_second):,}/s (ms)"] = table(HEAD, rows)
        size = store.storage().file_bytes
        removed = work(runs, lambda: store.remove_executions(Keeping(30, 10), now_ns=END_NS, pause=bool))
        left = store.storage().file_bytes
        shown["Executions on disk; two thirds removed"] = table(
            ("MB", "bytes a run", "MB after", "s"),
            [(size // 10**6, size // runs, left // 10**6, removed.wall_s)],
        )
        store.close()
    return shown


if __name__ == "__main__":
    print(machine())
    for heading, shown in tables(*map(int, sys.argv[1:])).items():
        print(f"\n## {heading}\n\n{shown}")
