"""Every setting: its unit, default, allowed values and where its value came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. See SETTINGS for what each means and allows."""

    data_dir: Path = Path("/var/lib/hantu")
    host: str = "127.0.0.1"
    port: int = 8514
    docker: str = "auto"
    docker_include: tuple[str, ...] = ("*",)
    docker_exclude: tuple[str, ...] = ()
    journal: str = "auto"
    journal_units: tuple[str, ...] = ()
    journal_identifiers: tuple[str, ...] = ()
    journal_since: str = "-1h"
    journal_namespace: str = ""
    files: tuple[str, ...] = ()
    files_from: str = "end"
    file_poll_ms: int = 100
    log_dir: Path | None = None
    retention_days: float = 7.0
    retention_bytes: int | None = None
    maintenance_at: str = "04:00"
    batch_entries: int = 100
    batch_ms: int = 1000
    tail_batch_ms: int = 100
    tail_clients: int = 64
    query_limit_ms: int = 5000
    telegram_token: str = ""
    telegram_chat_id: str = ""
    telegram_api: str = "https://api.telegram.org"
    cooldown_s: int = 300
    language: str = "auto"
    reconnect: str = "auto"
    error_retention_days: float | None = None
    allowed_hosts: tuple[str, ...] = ()
    mask: bool = True
    mask_keys: tuple[str, ...] = ()
    debug: bool = False

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.data_dir / "hantu.db"
