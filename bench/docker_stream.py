"""A container's stream through the real service, and what following idle containers costs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Work
from bench.streams import reading
from tests.engine import private_engine
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

IDLE_CONTAINERS = 20
IDLE_S = 20.0


started_engine = contextmanager(private_engine)
LINE = "2026 INFO request $i handled in 12 ms by worker 7 for user 4711 of the shop"


def docker_stream(folder: Path, count: int, start: Work) -> Work:
    """`count` lines that a container has printed, read from its start."""
    with started_engine() as engine:
        service = RunningService(
            folder / "docker",
            NOTHING | {"HANTU_DOCKER": "auto", "HANTU_DOCKER_EXCLUDE": "stream"} | engine.environment,
        )
        service.start()
        service.stop()
        # The container comes while hantu is down, so that its whole log is there to be read at once.
        script = f'i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo "{LINE}"; done'
        container = engine.run(script, name="stream")
        engine.docker("wait", container)
        service.settings["HANTU_DOCKER_EXCLUDE"] = ""
        return reading(service, count, start)


def idle(folder: Path) -> tuple[float, int]:
    """(share of a core, resident bytes) with 20 containers followed and nothing printed."""
    with started_engine() as engine:
        for number in range(IDLE_CONTAINERS):
            engine.run("echo ready; sleep 600", name=f"idle{number}")
        service = RunningService(folder / "idle", NOTHING | {"HANTU_DOCKER": "auto"} | engine.environment)
        service.start()
        try:
            wait_until(lambda: service.get("/api/stats")["entries"] >= IDLE_CONTAINERS, 60, every_s=0.1)
            time.sleep(3)
            began, cpu = time.perf_counter(), service.cpu_s()
            time.sleep(IDLE_S)
            return (service.cpu_s() - cpu) / (time.perf_counter() - began), service.rss_bytes()
        finally:
            service.stop()
