"""FileLogCollector: one pattern of log files, as the manager and the pages see it."""

from __future__ import annotations

import time
from typing import Final

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.files.reader import FileReader
from hantu.collect.files.watch import Watch
from hantu.config import Config
from hantu.model import APP
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage

DEFAULT_GLOBS: Final = ("/var/log/**/*.log", "/var/log/syslog", "/var/log/messages")
"""What a plain Debian writes as text: dpkg, apt, alternatives, nginx, postgresql, rsyslog …"""
NO_FILES: Final = ("none",)


class FileLogCollector:
    """Collects the files of one pattern (CONTRACT M31–M33). All of them share one reader's thread."""

    source = APP

    def __init__(self, watch: Watch, reader: FileReader) -> None:
        self._watch = watch
        self._reader = reader
        self._since_ns = time.time_ns()
        self._running = False

    @property
    def key(self) -> str:
        """`file:` and the pattern."""
        return f"file:{self._watch.glob.pattern}"

    def start(self) -> None:
        """Begin to read, each file from its checkpoint on."""
        if self._running:
            return
        self._running = True
        self._since_ns = time.time_ns()
        self._reader.add(self._watch)

    def stop(self) -> None:
        """End reading; returns at once."""
        if not self._running:
            return
        self._running = False
        self._since_ns = time.time_ns()
        self._reader.remove(self._watch)

    def join(self, timeout_s: float) -> bool:
        """Wait until its files are closed; True when they are."""
        return self._reader.wait_left(self._watch, timeout_s)

    def status(self) -> CollectorStatus:
        """How its files are doing."""
        watch = self._watch
        meter = watch.meter
        return CollectorStatus(
            key=self.key,
            name=watch.glob.pattern,
            source=APP,
            source_id=watch.glob.pattern if watch.glob.literal else "",
            state=self._state(),
            since_ns=self._since_ns,
            lines=meter.lines,
            per_minute=meter.per_minute(),
            lag_s=meter.lag_s,
            last_ns=meter.last_ns,
            error=watch.error if self._running else "",
            fix=watch.fix if self._running else "",
            gaps=watch.gaps,
            detail=self._detail(),
        )

    def _state(self) -> CollectorState:
        watch = self._watch
        if not self._running:
            return CollectorState.STOPPED
        if not watch.looked:
            return CollectorState.STARTING
        if watch.error and watch.unreadable >= watch.paths:
            return CollectorState.RECONNECTING
        return CollectorState.COLLECTING if watch.paths else CollectorState.ENDED

    def _detail(self) -> str:
        watch = self._watch
        if not watch.paths:
            return "no file matches yet"
        parts = ["1 file" if watch.paths == 1 else f"{watch.paths} files"]
        if watch.left_alone:
            parts.append(f"{watch.left_alone} left alone: no text")
        if watch.note:
            parts.append(watch.note)
        return ", ".join(parts)


def file_collectors(
    config: Config, pipeline: Pipeline, store: LogStorage, *, reader: FileReader | None = None
) -> tuple[FileLogCollector, ...]:
    """A collector for each pattern of the settings files and log_dir; none is started."""
    reader = reader or FileReader(pipeline, store, poll_ms=config.file_poll_ms)
    return tuple(FileLogCollector(watch, reader) for watch in watches(config))


def watches(config: Config) -> list[Watch]:
    """The patterns that the settings ask for, each once."""
    patterns = () if config.files == NO_FILES else config.files or DEFAULT_GLOBS
    begins = dict.fromkeys(patterns, config.files_from)
    if config.log_dir is not None:
        begins.setdefault(f"{config.log_dir}/info/*.log", config.files_from)
        # What a program could not send lies here only; each record has an id and is stored once.
        begins.setdefault(f"{config.log_dir}/errors/*.json", "start")
    return [Watch(pattern, begin=begin) for pattern, begin in begins.items()]
