"""The alert engine of a service, when its settings name a channel."""

from __future__ import annotations

import shutil

from hantu.alert import AlertEngine, Disk, channel_of, service_faults
from hantu.config import Config
from hantu.pipeline import Pipeline
from hantu.service.disk_full import DiskGuard
from hantu.service.gauges import file_bytes
from hantu.service.maintenance import Maintenance
from hantu.store.base import LogStorage
from hantu.tail import CommitSignal


def build_alerts(
    config: Config,
    store: LogStorage,
    pipeline: Pipeline,
    signal: CommitSignal,
    *,
    maintenance: Maintenance,
    disk: DiskGuard,
) -> AlertEngine | None:
    """The engine, None without a channel."""
    channel = channel_of(config)
    if channel is None:
        return None
    return AlertEngine(
        store,
        pipeline,
        signal,
        channel,
        cooldown_s=config.cooldown_s,
        report_at=config.report_at,
        public_url=config.public_url,
        log_dir=config.log_dir,
        faults=lambda: service_faults(
            failing=pipeline.failing,
            problems=maintenance.problems,
            folder=config.data_dir,
            full=disk.removed if disk.relieved else None,
            backup=maintenance.backups.failing,
        ),
        disk=lambda: disk_of(config),
    )


def disk_of(config: Config) -> Disk:
    """The file and its disk as they are now."""
    return Disk(file_bytes(config.database), shutil.disk_usage(config.data_dir).free, config.retention_days)
