"""Which collectors a configuration asks for, and whether each could work: the one list of them."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from hantu.collect.docker_engine import Engine
from hantu.collect.docker_source import DockerSource
from hantu.collect.docker_stream import EngineError
from hantu.collect.files import FileLogCollector, FileReader, Watch, file_collectors, watches
from hantu.collect.files.globs import Folders
from hantu.collect.files.opening import Trouble, open_log
from hantu.collect.journal import JournalLogCollector, probe
from hantu.collect.manager import LogCollectorManager
from hantu.config import Config
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether one kind of source can be read by this user on this machine."""

    name: str
    ok: bool
    says: str
    fix: str = ""


def build_collectors(
    config: Config, pipeline: Pipeline, store: LogStorage, *, own_file: Path | None = None
) -> LogCollectorManager:
    """A manager with every collector that the configuration asks for; none is started.

    own_file: a file of hantu's own, read as the others are and shown nowhere."""
    manager = LogCollectorManager(pipeline, store)
    docker = None if config.docker == "off" else _add_docker(config, pipeline, store, manager)
    if config.journal != "off":
        manager.add(_journal(config, pipeline, store, docker))
    reader = FileReader(pipeline, store, poll_ms=config.file_poll_ms)
    for collector in file_collectors(config, pipeline, store, reader=reader):
        manager.add(collector)
    if own_file is not None:
        manager.accompany(FileLogCollector(Watch(glob.escape(str(own_file)), begin="start"), reader))
    return manager


def reads_files(config: Config) -> bool:
    """Whether the configuration asks for any file."""
    return bool(watches(config))


def _journal(
    config: Config, pipeline: Pipeline, store: LogStorage, docker: DockerSource | None
) -> JournalLogCollector:
    return JournalLogCollector(
        pipeline=pipeline,
        store=store,
        units=config.journal_units,
        identifiers=config.journal_identifiers,
        since=config.journal_since,
        namespace=config.journal_namespace,
        directory=_directory(config),
        read_by_engine=None if docker is None else docker.reads,
        reconnect=config.reconnect,
    )


def _directory(config: Config) -> str:
    return "" if config.journal_directory is None else str(config.journal_directory)


def _add_docker(
    config: Config, pipeline: Pipeline, store: LogStorage, manager: LogCollectorManager
) -> DockerSource:
    source = DockerSource(
        manager,
        engine=Engine(),
        pipeline=pipeline,
        store=store,
        include=config.docker_include,
        exclude=config.docker_exclude,
        reconnect=config.reconnect,
    )
    manager.use_containers(source)
    manager.add(source)
    return source


def probe_sources(config: Config) -> list[Probe]:
    """What `hantu doctor` says of each kind of source while no service runs."""
    probes = []
    if config.docker != "off":
        probes.append(_probe_docker())
    if config.journal != "off":
        probes.append(_probe_journal(config))
    return probes + _probe_files(config)


def _probe_docker() -> Probe:
    engine = Engine()
    try:
        found = engine.containers()
    except EngineError as error:
        if error.absent:
            return Probe("docker", True, str(error))
        return Probe("docker", False, str(error), error.fix)
    finally:
        engine.close()
    running = sum(container.running for container in found)
    return Probe("docker", True, f"{engine.host}: {running} containers run, {len(found) - running} do not")


def _probe_journal(config: Config) -> Probe:
    error = probe(config.journal_namespace, _directory(config))
    if error is not None and error.absent:
        return Probe("journal", True, str(error))
    if error is not None:
        return Probe("journal", False, str(error), error.fix)
    return Probe("journal", True, "journalctl reads it")


def _probe_files(config: Config) -> list[Probe]:
    folders = Folders()
    found = watches(config)
    roots = [watch.glob.real_root for watch in found]
    probes = []
    for watch in found:
        paths = 0
        trouble = None
        for path in watch.glob.find(folders):
            paths += 1
            try:
                os.close(open_log(path, roots))
            except FileNotFoundError:
                continue
            except Trouble as error:
                trouble = trouble if error.quiet else error
        name = f"files {watch.glob.pattern}"
        if trouble is not None:
            probes.append(Probe(name, False, trouble.reason, trouble.fix))
        else:
            probes.append(Probe(name, True, f"{paths} files" if paths else "no file matches yet"))
    return probes
