"""/api/stats, /api/collectors, /api/cleanup, /healthz, /metrics."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.model import LogLevel
from hantu.service import Service
from hantu.web.metrics import exposition
from tests.web.desk import NOW_NS, line, refuse_writes, running_service, store

DAY_NS = 86_400 * 10**9
OWN = {"Origin": "http://localhost"}


def samples(text: str) -> dict[tuple[object, ...], float]:
    """The samples of an exposition as Prometheus' own parser reads it, by name and labels."""
    assert text.endswith("\n")
    found: dict[tuple[object, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} is given twice"
            found[key] = float(sample.value)
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
    assert found["hantu_stored_entries", ("source", "app")] == 1
    assert found["hantu_stored_entries_by_level", ("level", "error")] == 1
    assert found["hantu_database_size_bytes",] > 0
    assert found["hantu_search_slowest_seconds",] > 0
    assert found["process_resident_memory_bytes",] > 0
    assert found["process_open_fds",] > 3
    assert abs(found["process_start_time_seconds",] - time.time()) < 600
    assert found["hantu_queue_entries",] == 0
    assert found["hantu_tails",] == 0
    assert found["hantu_healthy",] == 1
    assert found["hantu_disk_full",] == 0
    assert found["hantu_entries_written_total",] == 2
    labels = (("collector", "docker:abc123"), ("name", 'we"ird\\na\nme'), ("source", "docker"))
    assert found["hantu_collector_lag_seconds", *labels] == 0.25
    assert found["hantu_collector_up", *labels] == 1
    assert found["hantu_collector_entries_total", *labels] == 7


def test_metrics_are_named_as_prometheus_wants(client: FlaskClient, service: Service) -> None:
    store(service, [line("a")])
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    assert len({family.name for family in families}) == len(families) > 20
    for family in families:
        assert re.fullmatch(r"(hantu|process)_[a-z_]+", family.name), family.name
        assert family.documentation.endswith("."), family.name
        # The parser takes _total off; what is left of it is a gauge by mistake.
        assert family.type in ("gauge", "counter"), family.name
        assert not family.name.endswith(("_total", "_ms", "_mb", "_kb", "_count", "_sum"))


def test_metrics_tell_of_backups_and_maintenance(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", backup_dir=tmp_path / "backups") as service:
        service.maintenance.run()
        service.maintenance.work()
        found = samples(exposition(service))
        assert found["hantu_backups",] == 1
        assert found["hantu_backup_failing",] == 0
        assert found["hantu_backup_last_size_bytes",] > 10_000
        for name in ("hantu_backup_last_timestamp_seconds", "hantu_maintenance_last_timestamp_seconds"):
            assert abs(found[name,] - time.time()) < 600


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


def test_health_is_ok_or_says_what_is_wrong(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    refuse_writes(service, monkeypatch, "no space left")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "degraded"
    assert "no space left" in answer.get_json()["problems"][0]
