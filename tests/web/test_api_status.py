"""/api/stats, /api/collectors, /api/cleanup, /healthz, /metrics."""

from __future__ import annotations

import re
import time

import pytest
from flask.testing import FlaskClient

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import NOW_NS, line, store

DAY_NS = 86_400 * 10**9
OWN = {"Origin": "http://localhost"}

# Prometheus, "Exposition formats", text format 0.0.4.
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)?\}})? (\S+)(?: -?\d+)?")
_COMMENT = re.compile(rf"# (HELP|TYPE) ({_NAME}) (.+)")


def samples(text: str) -> dict[str, float]:
    """The samples of an exposition, by name and labels. AssertionError where it is not one."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    typed: dict[str, str] = {}
    for row in text.splitlines():
        if comment := _COMMENT.fullmatch(row):
            if comment[1] == "TYPE":
                assert comment[2] not in typed, f"{comment[2]} is typed twice"
                assert comment[3] in ("counter", "gauge", "histogram", "summary", "untyped")
                typed[comment[2]] = comment[3]
            continue
        sample = _SAMPLE.fullmatch(row)
        assert sample is not None, f"no sample: {row}"
        assert sample[1] in typed, f"{sample[1]} has no type"
        assert typed[sample[1]] != "counter" or sample[1].endswith("_total")
        key = f"{sample[1]}{{{sample[2] or ''}}}"
        assert key not in found, f"{key} is given twice"
        found[key] = float(sample[3])
    return found


class Collectors:
    """Stands for the manager: one collector with a hostile name."""

    def __init__(self) -> None:
        self.state = CollectorState.COLLECTING

    def statuses(self) -> list[CollectorStatus]:
        return [
            CollectorStatus(
                key="docker:abc123",
                name='we"ird\\na\nme',
                source="docker",
                source_id="api",
                state=self.state,
                since_ns=NOW_NS,
                lines=7,
                per_minute=3.5,
                lag_s=0.25,
                last_ns=NOW_NS,
            )
        ]

    def found(self) -> list[object]:
        return []

    def start_collector(self, key: str) -> None:
        self._act(key, CollectorState.COLLECTING)

    def stop_collector(self, key: str) -> None:
        self._act(key, CollectorState.STOPPED)

    def _act(self, key: str, state: CollectorState) -> None:
        if not "docker:abc123".startswith(key):
            raise KeyError(key)
        self.state = state


@pytest.fixture
def collectors(service: Service, monkeypatch: pytest.MonkeyPatch) -> Collectors:
    stand_in = Collectors()
    for name in ("statuses", "found", "start_collector", "stop_collector"):
        monkeypatch.setattr(service.manager, name, getattr(stand_in, name))
    return stand_in


@pytest.mark.promise("M42")
def test_metrics_are_what_prometheus_reads_and_show_the_warning_signs(
    client: FlaskClient, service: Service, collectors: Collectors
) -> None:
    store(service, [line("a"), line("b", source="docker", level=LogLevel.ERROR)])
    client.get("/api/logs")
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(answer.text)
    assert found['hantu_entries{source="app"}'] == 1
    assert found['hantu_entries_by_level{level="error"}'] == 1
    assert found["hantu_database_bytes{}"] > 0
    assert found["hantu_query_seconds_recent{}"] > 0
    assert found["hantu_memory_bytes{}"] > 0
    assert found["hantu_queue_entries{}"] == 0
    assert found["hantu_tails{}"] == 0
    assert found["hantu_written_total{}"] == 2
    labels = '{key="docker:abc123",name="we\\"ird\\\\na\\nme"}'
    assert found[f"hantu_collector_lag_seconds{labels}"] == 0.25
    assert found[f"hantu_collector_up{labels}"] == 1
    assert found[f"hantu_collector_lines_total{labels}"] == 7


@pytest.mark.promise("M10", "M42")
def test_stats_count_per_source_and_level_and_show_the_warning_signs(
    client: FlaskClient, service: Service
) -> None:
    store(service, [line("a"), line("b"), line("c", source="docker", level=LogLevel.WARN)])
    found = client.get("/api/stats").get_json()
    assert found["entries"] == 3
    assert found["bySource"] == {"app": 2, "docker": 1}
    assert found["byLevel"] == {"info": 2, "warn": 1}
    assert found["sizeBytes"] > 0
    assert found["queue"]["most"] == service.pipeline.queue_most
    assert found["tails"] == {"open": 0, "most": service.tails.most}
    assert found["writtenTotal"] == 3
    assert found["oldest"] == found["newest"]


@pytest.mark.promise("M24")
def test_collectors_are_shown_started_and_stopped(client: FlaskClient, collectors: Collectors) -> None:
    (shown,) = client.get("/api/collectors").get_json()["collectors"]
    assert shown["key"] == "docker:abc123"
    assert shown["state"] == "collecting"
    assert (shown["perMinute"], shown["lagS"], shown["lines"]) == (3.5, 0.25, 7)
    stopped = client.post("/api/collectors/docker:abc123/stop", headers=OWN)
    assert stopped.get_json()["collector"]["state"] == "stopped"
    started = client.post("/api/collectors/docker:abc/start", headers=OWN)
    assert started.get_json()["collector"]["state"] == "collecting"
    assert client.post("/api/collectors/file:/var/log/x.log/stop", headers=OWN).status_code == 404
    assert client.get("/api/collectors/docker:abc123/stop").status_code == 405


@pytest.mark.promise("M9")
def test_cleanup_deletes_what_is_older_and_tells_how_many(client: FlaskClient, service: Service) -> None:
    now_ns = time.time_ns()
    store(service, [line(f"d{days}", time_ns=now_ns - days * DAY_NS - 10**9) for days in range(10)])
    answer = client.post("/api/cleanup", json={"retentionDays": 2.5}, headers=OWN)
    assert answer.get_json() == {"deleted": 7}
    assert client.get("/api/stats").get_json()["entries"] == 3
    assert service.store.removals()[0].reason.startswith("by hand")


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '{"retentionDays": 0}', '{"retentionDays": -1}', '{"retentionDays": "7"}',
             '{"retentionDays": 1e9}', '{"retentionDays": 7, "x": 1}', '{"retentionDays": NaN}'],
)  # fmt: skip
def test_wrong_cleanup_deletes_nothing(client: FlaskClient, service: Service, body: str) -> None:
    store(service, [line(time_ns=1)])
    assert client.post("/api/cleanup", data=body, headers=OWN).status_code == 400
    assert client.get("/api/stats").get_json()["entries"] == 1


def test_health_is_ok_or_says_what_is_wrong(client: FlaskClient, service: Service) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    service.pipeline.failing = "no space left"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "degraded"
    assert "no space left" in answer.get_json()["problems"][0]
