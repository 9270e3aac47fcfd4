"""/metrics: figures for Prometheus, named by its conventions.

Text exposition format 0.0.4. Source: prometheus.io, "Exposition formats" and "Metric and label naming":
base units, totals of counters end in _total, times of day in _timestamp_seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from hantu import __version__
from hantu.collect.base import CollectorState
from hantu.service import Gauges, Service

PROMETHEUS: Final = "text/plain; version=0.0.4"
SECOND_NS: Final = 10**9

Labels = tuple[tuple[str, str], ...]
Values = float | Mapping[Labels, float]


def exposition(desk: Service) -> str:
    """All metrics of a service as text."""
    parts = (
        _process(desk),
        _storage(desk),
        _flow(desk.gauges()),
        _keeping(desk),
        _collectors(desk),
        _arriving(desk),
    )
    return "".join(metric for part in parts for metric in part)


def _process(desk: Service) -> Iterator[str]:
    times = os.times()
    yield _gauge("hantu_build_info", "The running version.", {(("version", __version__),): 1})
    yield _gauge("hantu_healthy", "1 while /healthz answers ok.", int(not desk.problems()))
    yield _gauge("process_start_time_seconds", "When the service was started.", desk.started_ns / SECOND_NS)
    yield _counter("process_cpu_seconds_total", "Processor time used.", times.user + times.system)
    yield _gauge("process_resident_memory_bytes", "Resident memory.", desk.gauges().memory_bytes)
    yield _gauge("process_open_fds", "Open files.", len(list(Path("/proc/self/fd").iterdir())))


def _storage(desk: Service) -> Iterator[str]:
    found, now = desk.store.stats(), desk.gauges()
    sources: dict[Labels, float] = {(("source", name),): n for name, n in found.by_source.items()}
    levels: dict[Labels, float] = {(("level", level.label),): n for level, n in found.by_level.items()}
    yield _gauge("hantu_stored_entries", "Entries in the database, by source.", sources)
    yield _gauge("hantu_stored_entries_by_level", "Entries in the database, by level.", levels)
    if found.oldest_ns is not None:
        oldest_s = found.oldest_ns / SECOND_NS
        yield _gauge("hantu_oldest_entry_timestamp_seconds", "Time of the oldest entry.", oldest_s)
    yield _gauge("hantu_database_size_bytes", "Size of the database file.", found.size_bytes)
    yield _gauge("hantu_database_wal_size_bytes", "Size of its write-ahead log.", found.wal_bytes)
    yield _gauge("hantu_disk_free_bytes", "Free space beside the database.", now.disk_free_bytes)
    if desk.config.retention_bytes is not None:
        limit = desk.config.retention_bytes
        yield _gauge("hantu_database_size_limit_bytes", "The setting retention_bytes.", limit)
    unresolved = desk.store.unresolved(time.time_ns())
    yield _gauge("hantu_errors_unresolved", "Errors that are neither resolved nor muted.", unresolved)


def _flow(now: Gauges) -> Iterator[str]:
    yield _counter("hantu_entries_written_total", "Entries written since the start.", now.written_total)
    yield _counter("hantu_entries_refused_total", "Entries that were not taken.", now.refused_total)
    yield _counter(
        "hantu_tail_entries_skipped_total", "Entries that live tails left out.", now.skipped_total
    )
    yield _gauge("hantu_queue_entries", "Entries that wait to be written.", now.queue_waiting)
    yield _gauge("hantu_queue_limit_entries", "Entries that may wait.", now.queue_most)
    yield _gauge("hantu_tails", "Live tails that are open.", now.tails)
    yield _gauge("hantu_tails_limit", "Live tails that may be open.", now.tails_most)
    if now.query_ms_recent is not None:
        slowest_s = now.query_ms_recent / 1000
        yield _gauge("hantu_search_slowest_seconds", "Slowest of the last 20 searches.", slowest_s)


def _keeping(desk: Service) -> Iterator[str]:
    """Maintenance, backups, a full disk."""
    maintenance = desk.maintenance
    if maintenance.last_ns is not None:
        last_s = maintenance.last_ns / SECOND_NS
        yield _gauge("hantu_maintenance_last_timestamp_seconds", "When it ended last.", last_s)
    yield _gauge("hantu_disk_full", "1 in an emergency of the disk.", int(bool(desk.disk.relieved)))
    if desk.config.backup_dir is None:
        return
    kept = maintenance.backups.kept()
    yield _gauge(
        "hantu_backup_failing", "1 while the daily backup fails.", int(bool(maintenance.backups.failing))
    )
    yield _gauge("hantu_backups", "Daily backups that are kept.", len(kept))
    if kept:
        yield _gauge("hantu_backup_last_timestamp_seconds", "When the newest one was made.", kept[0].made_s)
        yield _gauge("hantu_backup_last_size_bytes", "Size of the newest one.", kept[0].size_bytes)


def _collectors(desk: Service) -> Iterator[str]:
    statuses = desk.manager.statuses()
    labels: dict[str, Labels] = {
        each.key: (("collector", each.key), ("name", each.name), ("source", each.source))
        for each in statuses
    }
    up: dict[Labels, float] = {
        labels[each.key]: int(each.state is CollectorState.COLLECTING) for each in statuses
    }
    lag = {labels[each.key]: each.lag_s for each in statuses if each.lag_s is not None}
    last = {labels[each.key]: each.last_ns / SECOND_NS for each in statuses if each.last_ns is not None}
    lines = {labels[each.key]: each.lines for each in statuses}
    gaps = {labels[each.key]: each.gaps for each in statuses}
    yield _gauge("hantu_collector_up", "1 while it collects.", up)
    yield _gauge("hantu_collector_lag_seconds", "Age of its newest entry when it was handed over.", lag)
    yield _gauge("hantu_collector_last_entry_timestamp_seconds", "Time of its newest entry.", last)
    yield _counter("hantu_collector_entries_total", "Entries collected.", lines)
    yield _counter("hantu_collector_gaps_total", "Times that lines were lost.", gaps)


def _arriving(desk: Service) -> Iterator[str]:
    """Whether lines arrive, and who is silent."""
    found = desk.canaries.last
    labels: dict[str, Labels] = {each.way: (("way", each.way.value),) for each in found}
    missed: dict[Labels, float] = {labels[each.way]: int(each.missed) for each in found}
    sent = {labels[each.way]: each.sent_ns / SECOND_NS for each in found}
    delay = {labels[each.way]: each.delay_s for each in found if each.delay_s is not None}
    yield _gauge("hantu_canary_missed", "1 while the last line of hantu's own is overdue.", missed)
    yield _gauge("hantu_canary_timestamp_seconds", "When it was written.", sent)
    yield _gauge("hantu_canary_delay_seconds", "After what time it arrived.", delay)
    yield _gauge("hantu_sources_silent", "Sources silent for longer than usual.", len(desk.rhythm.silences))


def _gauge(name: str, means: str, values: Values) -> str:
    return _metric(name, "gauge", means, values)


def _counter(name: str, means: str, values: Values) -> str:
    return _metric(name, "counter", means, values)


def _metric(name: str, kind: str, means: str, values: Values) -> str:
    """One metric; "" when it has no value."""
    if not isinstance(values, Mapping):
        values = {(): values}
    if not values:
        return ""
    lines = [f"# HELP {name} {means}\n# TYPE {name} {kind}\n"]
    for labels, value in values.items():
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
