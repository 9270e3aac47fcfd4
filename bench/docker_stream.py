"""A container's stream through the real service, and what following idle containers costs."""

from __future__ import annotations

import time
from pathlib import Path

from bench.measure import Work
from tests.engine import private_engine
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

IDLE_CONTAINERS = 20
IDLE_S = 20.0


def docker_stream(folder: Path, count: int) -> Work:
    """`count` lines that a container has printed, read from its start."""
    with private_engine(folder / "engine") as engine:
        script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo \"2026 INFO request $i handled in 12 ms by worker 7 for user 4711 of shop\"; done"
        container = engine.run("stream", script, wait=True)
        service = RunningService(folder / "docker", NOTHING | {"HANTU_DOCKER": "auto", "DOCKER_HOST": engine.url})
        service.start()
        try:
            # A container that had ended before hantu came is read when a person asks for it.
            began, cpu = time.perf_counter(), service.cpu_s()
            service.call("POST", f"/api/collectors/docker:{container}/start", b"")
            wait_until(lambda: service.get("/api/stats")["entries"] >= count, 600, every_s=0.1)
            return Work(count, time.perf_counter() - began, service.cpu_s() - cpu)
        finally:
            service.stop()


def idle(folder: Path) -> tuple[float, int]:
    """(share of a core, resident bytes) with 20 containers followed and nothing printed."""
    with private_engine(folder / "engine-idle") as engine:
        for number in range(IDLE_CONTAINERS):
            engine.run(f"idle{number}", "echo ready; sleep 600", wait=False)
        service = RunningService(folder / "idle", NOTHING | {"HANTU_DOCKER": "auto", "DOCKER_HOST": engine.url})
        service.start()
        try:
            wait_until(lambda: service.get("/api/stats")["entries"] >= IDLE_CONTAINERS, 60, every_s=0.1)
            time.sleep(3)
            began, cpu = time.perf_counter(), service.cpu_s()
            time.sleep(IDLE_S)
            return (service.cpu_s() - cpu) / (time.perf_counter() - began), service.rss_bytes()
        finally:
            service.stop()
