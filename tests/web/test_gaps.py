"""Gaps in the answers of the API, on the pages and in the command line."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from hantu.cli.main import cli
from hantu.model import LogLevel
from hantu.service import Service
from hantu.service.canary import Canary
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


def test_silent_sources_and_the_canary_are_shown(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = time.time_ns()
    answer = client.get("/api/collectors").get_json()
    assert (answer["silent"], answer["canary"]) == ([], None)
    assert "Silent for longer" not in client.get("/sources").text
    monkeypatch.setattr(service.rhythm, "_silences", (Silence("app", "shop", now_ns - 3600 * S, 300 * S),))
    canary = Canary(service.config.data_dir / "none")
    canary._sent_ns, canary._delay_s = now_ns - 120 * S, 0.4
    monkeypatch.setattr(service, "canary", canary)
    html = client.get("/sources").text
    assert "Silent for longer than usual" in html
    assert "arrived after 0.4 s" in html
    answer = client.get("/api/collectors").get_json()
    assert answer["silent"][0]["usualS"] == 300
    assert answer["canary"]["delayS"] == 0.4
    canary._delay_s = None
    assert "has not arrived" in client.get("/sources").text
    assert "평소보다 오래 조용한 수집원" in client.get("/sources", headers={"Accept-Language": "ko"}).text


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
