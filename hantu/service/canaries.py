"""Which canaries a configuration asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hantu.collect.build import reads_files
from hantu.collect.files.mark import label
from hantu.config import Config
from hantu.service.canary import Canaries, Canary, Way
from hantu.service.canary_ways import FileWay, IngestWay, JournalWay


def build_canaries(
    config: Config, *, url: Callable[[], str], secret: str, reads_journal: Callable[[], bool]
) -> Canaries:
    """The canaries that write lines. url: where hantu answers by now; secret: what it knows its own by;
    reads_journal: whether nobody stopped that."""
    if not config.canary:
        return Canaries(())
    singers = [Canary(Way.INGEST, IngestWay(url, secret))]
    if (journal := _journal(config, reads_journal)) is not None:
        singers.append(Canary(Way.JOURNAL, journal))
    own_file = canary_file(config)
    if own_file is None:
        return Canaries(singers)
    singers.append(Canary(Way.FILES, FileWay(own_file)))
    return Canaries(singers, own_file=label(str(own_file)))


def canary_file(config: Config) -> Path | None:
    """The file that is written and read for the canary alone; None when no files are read."""
    if not config.canary or not reads_files(config):
        return None
    return Path(os.path.abspath(config.data_dir)) / "canary" / "canary.log"


def _journal(config: Config, reads: Callable[[], bool]) -> JournalWay | None:
    """None when the journal is not read, or only a part of it."""
    whole = not (config.journal_units or config.journal_identifiers or config.journal_directory)
    if config.journal == "off" or not whole:
        return None
    if config.journal_namespace:
        return JournalWay(Path(f"/run/systemd/journal.{config.journal_namespace}/socket"), reads=reads)
    return JournalWay(reads=reads)
