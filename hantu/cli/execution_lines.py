"""Executions as lines of a terminal."""

from __future__ import annotations

import datetime
from typing import Final

import click

from hantu.cli.context import human_bytes
from hantu.cli.error_lines import one_line, stamp
from hantu.executions import Artifact, Execution, ExecutionStatus, Transition, cost_text
from hantu.store.execution_base import ExecutionSummary
from hantu.store.execution_sums import tokens_of
from hantu.text import visible

SIGNS: Final = {
    ExecutionStatus.PENDING: "ℹ️",
    ExecutionStatus.RUNNING: "ℹ️",
    ExecutionStatus.COMPLETED: "✅",
    ExecutionStatus.FAILED: "❌",
    ExecutionStatus.CANCELLED: "⭕",
}
PROMPT_MOST: Final = 100


def run_lines(run: ExecutionSummary, *, zone: datetime.tzinfo, now_ns: int, colour: bool) -> str:
    """Two lines: when, state, job, how long, tokens, cost; then id and the beginning of the prompt."""
    job = visible(run.job_name)
    if colour:
        job = click.style(job, bold=True)
    parts = [f"{SIGNS[run.status]} {run.status.lower()}", job, *_figures(run, now_ns)]
    if run.error_code:
        parts.append(one_line(run.error_code))
    prompt = one_line(run.prompt_head)
    prompt = prompt if len(prompt) <= PROMPT_MOST else prompt[:PROMPT_MOST] + "…"
    return f"{stamp(run.created_ns, zone)}  {'  '.join(parts)}\n{'':>7}{run.id}  {prompt}"


def detail_lines(run: Execution, *, zone: datetime.tzinfo, now_ns: int) -> str:
    """All that is known of a run, a fact a line; texts stand beneath their names."""
    facts = {
        "job": visible(run.job_name),
        "status": f"{SIGNS[run.status]} {run.status.lower()}",
        "id": run.id,
        "trace id": visible(run.trace_id),
        "model": visible(run.model),
        "created": stamp(run.created_ns, zone),
        "figures": "  ".join(_figures(run, now_ns)),
        "exit code": "" if run.exit_code is None else str(run.exit_code),
        "CPU time": "" if run.cpu_ms is None else _seconds(run.cpu_ms * 1_000_000),
        "memory": "" if run.peak_memory_bytes is None else human_bytes(run.peak_memory_bytes),
        "machine": visible(run.pod_name or ""),
        "error": visible(": ".join(part for part in (run.error_code, run.error_message) if part)),
    }
    lines = [f"{name:<10} {value}" for name, value in facts.items() if value]
    for name, text in (("prompt", run.prompt), ("output", run.output or "")):
        if text:
            lines += [f"\n{name}:", visible(text.rstrip("\n"))]
    return "\n".join([*lines, ""])


def step_line(step: Transition, zone: datetime.tzinfo) -> str:
    """`2026-02-01 12:40:00  ✅ completed  reason`."""
    reason = f"  {one_line(step.reason)}" if step.reason else ""
    return f"{stamp(step.at_ns, zone)}  {SIGNS[step.to_status]} {step.to_status.lower()}{reason}"


def artifact_line(artifact: Artifact) -> str:
    """`file  report.csv  1.8 MB  active  <id>`."""
    size = "–" if artifact.file_size is None else human_bytes(artifact.file_size)
    return f"file  {one_line(artifact.file_name)}  {size}  {artifact.status.lower()}  {artifact.id}"


def _figures(run: ExecutionSummary | Execution, now_ns: int) -> list[str]:
    parts = []
    if run.started_ns is not None:
        end_ns = now_ns if run.completed_ns is None else run.completed_ns
        parts.append(_seconds(max(0, end_ns - run.started_ns)))
    tokens = tokens_of(run.tokens_used, run.input_tokens, run.output_tokens)
    if tokens is not None:
        parts.append(f"{tokens:,} tokens")
    if run.cost_micros is not None:
        parts.append(f"${cost_text(run.cost_micros)}")
    return parts


def _seconds(ns: int) -> str:
    """0.35 s, 41 s, 2 m 31 s, 3 h 04 m."""
    if ns < 10 * 10**9:
        return f"{ns / 1e9:.2f} s"
    whole = ns // 10**9
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole // 60 % 60:02d} m"
