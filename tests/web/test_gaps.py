"""Gaps in the answers of the API, on the pages and in the command line."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from hantu.cli.doctor_arrivals import look_at_arrivals
from hantu.cli.main import cli
from hantu.model import LogLevel
from hantu.service import Service
from hantu.service.canary import Canaries, Sung, Way
from hantu.service.rhythm import Silence
from hantu.store.gap_base import Gap
from tests.web.desk import line, store, token

S = 10**9


def note(service: Service, *gaps: Gap) -> None:
    service.pipeline.with_store(lambda kept: kept.note_gaps(gaps))


def gap(source: str, source_id: str, start_s: float, end_s: float, lines: int | None = None) -> Gap:
    return Gap(source, source_id, int(start_s * S), int(end_s * S), "made for a test", lines)


def ends(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [found["end"][11:19] for found in answer.get_json()["gaps"]]


def test_an_answer_tells_of_the_gaps_that_it_crosses(client: FlaskClient, service: Service) -> None:
    store(service, [line(f"line {at}", time_ns=at * 10 * S) for at in range(6)])
    note(
        service,
        gap("app", "shop", 5, 6, 3),
        gap("app", "", 35, 36),
        gap("journal", "sshd", 37, 38),
        gap("", "", 100, 110),
    )
    assert ends(client, "/api/logs") == ["00:01:50", "00:00:38", "00:00:36", "00:00:06"]
    assert ends(client, "/api/logs?q=container:web") == ["00:01:50"]
    assert ends(client, "/api/logs?q=source:app") == ["00:01:50", "00:00:36", "00:00:06"]
    assert ends(client, "/api/logs/journal") == ["00:01:50", "00:00:38"]
    assert ends(client, "/api/gaps?sourceId=shop&limit=2") == ["00:01:50", "00:00:36"]
    (found,) = client.get("/api/gaps?until=1970-01-01T00:00:10Z").get_json()["gaps"]
    assert found == {
        "source": "app",
        "sourceId": "shop",
        "start": "1970-01-01T00:00:05.000000000Z",
        "end": "1970-01-01T00:00:06.000000000Z",
        "reason": "made for a test",
        "lines": 3,
        "bytes": None,
        "logId": None,
    }


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_joined_tell_of_every_gap(client: FlaskClient, service: Service, order: str) -> None:
    store(service, [line(f"line {at}", time_ns=at * 10 * S) for at in range(6)])
    wanted = [f"00:00:{at * 10 + 6:02d}" for at in range(6)]
    note(service, *(gap("app", "shop", at * 10 + 5, at * 10 + 6) for at in range(6)))
    told: list[str] = []
    cursor = ""
    while True:
        path = f"/api/logs?limit=2&order={order}&cursor={cursor}"
        told += ends(client, path)
        cursor = client.get(path).get_json()["nextCursor"]
        if cursor is None:
            break
    assert sorted(told) == wanted


def test_pages_show_gaps_that_no_line_tells_of(client: FlaskClient, service: Service) -> None:
    now_s = time.time_ns() / S
    store(service, [line("line", time_ns=time.time_ns() - 600 * S), line("now", time_ns=time.time_ns())])
    reason = "hantu was stopped; what programs sent meanwhile was not taken"
    start_ns, end_ns = int((now_s - 300) * S), int((now_s - 200) * S)
    note(
        service, Gap("", "", start_ns, end_ns, reason), Gap("app", "a.log", 1, end_ns, "x", None, 4_000_000)
    )
    html = client.get("/sources").text
    assert reason in html
    assert "sent by programs" in html
    assert "4.0 MB lost" in html
    assert 'class="fill-blind"' in client.get("/logs?full=1").text
    korean = client.get("/sources", headers={"Accept-Language": "ko"}).text
    assert "hantu가 멈춰 있어 그동안 프로그램이 보낸 로그를 받지 못했습니다." in korean
    assert "프로그램이 보낸 로그" in korean


def test_silent_sources_are_shown(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = time.time_ns()
    assert client.get("/api/collectors").get_json()["silent"] == []
    assert "Silent for longer" not in client.get("/sources").text
    assert "Silent sources" not in client.get("/status").text
    assert "hantu_sources_silent 0" in client.get("/metrics").text
    monkeypatch.setattr(service.rhythm, "_silences", (Silence("app", "shop", now_ns - 3600 * S, 300 * S),))
    html = client.get("/sources").text
    assert "Silent for longer than usual" in html
    assert client.get("/api/collectors").get_json()["silent"][0]["usualS"] == 300
    assert "평소보다 오래 조용한 수집원" in client.get("/sources", headers={"Accept-Language": "ko"}).text
    assert "Silent sources" in client.get("/status").text
    assert "hantu_sources_silent 1" in client.get("/metrics").text


def test_what_does_not_arrive_is_a_warning_everywhere(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/api/collectors").get_json()["canaries"] == []
    assert "Do lines arrive?" not in client.get("/sources").text
    now_ns = time.time_ns()
    names = tuple(f"worker-{number}" for number in range(7))
    last = [
        Sung(Way.JOURNAL, now_ns - 120 * S, 0.4, missed=False),
        Sung(Way.FILES, now_ns - 2 * S, None, missed=False),
        Sung(Way.INGEST, now_ns - 90 * S, None, missed=True, error="its own address answered HTTP 503"),
        Sung(Way.DOCKER, now_ns - 90 * S, None, missed=True, names=names, looked_at=9),
    ]
    monkeypatch.setattr(Canaries, "last", last)
    html = client.get("/sources").text
    for said in (
        "Arrived after 0.4 s",
        "On its way",
        "It has not arrived",
        "its own address answered HTTP 503",
        "have not been read: worker-0, worker-1, worker-2, worker-3, worker-4 +2",
        "Lines that do not arrive",
    ):
        assert said in html, said
    korean = client.get("/sources", headers={"Accept-Language": "ko"}).text
    for said in ("로그 수신 점검", "들어오지 않음", "0.4초 만에 들어옴", "HTTP 503 응답이 왔습니다"):
        assert said in korean, said
    assert "Lines that do not arrive" in client.get("/status").text
    metrics = client.get("/metrics").text
    assert 'hantu_canary_missed{way="docker"} 1' in metrics
    assert 'hantu_canary_missed{way="journal"} 0' in metrics
    assert 'hantu_canary_delay_seconds{way="journal"} 0.4' in metrics
    answer = client.get("/api/collectors").get_json()
    findings = list(look_at_arrivals(answer))
    assert [(each.what, each.ok) for each in findings] == [
        ("lines by journal", True),
        ("lines by files", True),
        ("lines by ingest", False),
        ("lines by docker", False),
    ]
    assert findings[2].says.endswith("has not arrived: its own address answered HTTP 503")
    assert "worker-6" in findings[3].says
    assert all(each.fix for each in findings[2:])
    silent = {"source": "app", "sourceId": "shop", "last": "2026-11-20T01:02:03.5Z", "usualS": 300.0}
    (finding,) = look_at_arrivals({"canaries": [], "silent": [silent]})
    assert (finding.what, finding.ok) == ("shop", False)
    assert finding.says == "silent since 2026-11-20T01:02:03Z, never before for more than 5 min"
    done = Sung(Way.DOCKER, now_ns, 0.0, missed=False, looked_at=9)
    monkeypatch.setattr(Canaries, "last", [done])
    assert "The newest lines of 9 containers were read" in client.get("/sources").text
    assert (
        "컨테이너 9개의 최신 줄까지 읽음" in client.get("/sources", headers={"Accept-Language": "ko"}).text
    )
    (finding,) = look_at_arrivals(client.get("/api/collectors").get_json())
    assert (finding.ok, finding.says) == (True, "the newest lines of 9 containers were read")


def test_refused_pushes_are_counted(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = token(service, "ingest")
    monkeypatch.setattr(service.pipeline, "submit", lambda *_, **__: False)
    answer = client.post("/api/ingest", json=[{"message": "a"}, {"message": "b"}], headers=headers)
    assert answer.status_code == 429
    service.sent_gaps.minute()
    (found,) = service.store.gaps()
    assert (found.lines, found.reason) == (2, "hantu had no room; the senders were told to send again")


def test_the_command_lists_them(service: Service) -> None:
    store(
        service,
        [
            line(
                "gap",
                level=LogLevel.WARN,
                time_ns=time.time_ns(),
                metadata={
                    "gap": {"from_ns": time.time_ns() - 5 * S, "to_ns": time.time_ns(), "lines": 1204}
                },
            )
        ],
    )
    note(service, Gap("docker", "api", time.time_ns() - S, time.time_ns(), "rotated", None, 77))
    folder = str(service.config.data_dir)
    text = CliRunner().invoke(cli, ["--data-dir", folder, "gaps"]).output
    first, second = text.splitlines()
    assert "app/shop  1,204 lines" in first
    assert "docker/api  77 bytes  rotated" in second
    found = CliRunner().invoke(cli, ["--data-dir", folder, "gaps", "source:docker", "--json"]).output
    assert [each["sourceId"] for each in json.loads(found)] == ["api"]
    none = CliRunner().invoke(cli, ["--data-dir", folder, "gaps", "--until", "6d"]).output
    assert "none: every line" in none
