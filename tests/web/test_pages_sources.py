"""What the pages say of collectors: who is well, who needs a person, and what to do."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.config import Config
from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.base import Histogram, QueryTimeout
from hantu.web.kinds import kinds
from tests.web.desk import Collecting, collector, line, store
from tests.web.errordesk import MINUTE_NS

ILL = ("journal", "b", "c", "d")


@pytest.mark.promise("M42")
def test_a_container_that_ended_and_a_collector_that_was_stopped_are_no_warning(
    client: FlaskClient, collecting: Collecting
) -> None:
    well = [
        collector("a", CollectorState.COLLECTING),
        collector("b", CollectorState.STARTING),
        collector("c", CollectorState.ENDED),
        collector("d", CollectorState.STOPPED),
    ]
    collecting(*well)
    html = client.get("/sources").text
    assert "4 sources, all is well." in html
    assert "state-warn" not in html
    assert client.get("/healthz").get_json() == {"status": "ok"}
    collecting(*well, collector("e", CollectorState.RECONNECTING, error="away"))
    html = client.get("/sources").text
    assert "4 of 5 sources are well" in html
    assert "1 source in trouble" in html.split("</header>")[0]


def test_the_status_names_the_sources_in_trouble(client: FlaskClient, collecting: Collecting) -> None:
    """Not "all is well" beside a warning in the head of the same page."""
    collecting(
        collector("a", CollectorState.COLLECTING),
        *(collector(name, CollectorState.FAILED, error="no permission") for name in ILL),
    )
    told = client.get("/status").text.partition('class="page-lead"')[2].partition("</p>")[0]
    assert "All is well" not in told
    assert '<a href="/sources">4 sources in trouble</a> (journal, b, c, …)' in told
    korean = client.get("/status", headers={"Accept-Language": "ko"}).text
    assert '<a href="/sources">수집원 4개에 문제</a> (journal, b, c, …)' in korean


def test_a_file_that_is_not_there_yet_is_waited_for(client: FlaskClient, collecting: Collecting) -> None:
    collecting(
        collector("/var/log/*.log", CollectorState.ENDED, key="file:/var/log/*.log", source="app"),
        collector("job", CollectorState.ENDED),
    )
    html = client.get("/sources").text
    assert "Waiting for the file" in html
    assert html.count("Ended") == 1


def test_the_last_hour_of_a_source_is_drawn_with_its_errors(
    service: Service, client: FlaskClient, collecting: Collecting
) -> None:
    now_ns = time.time_ns()
    lines = [
        line("x", source="docker", source_id="api", time_ns=now_ns - at * MINUTE_NS, level=level)
        for at in (1, 1, 30, 59)
        for level in (LogLevel.INFO, LogLevel.ERROR)
    ]
    store(service, [*lines, line("old", source="docker", source_id="api", time_ns=now_ns - 61 * MINUTE_NS)])
    collecting(
        collector("api", CollectorState.COLLECTING, lines=9),
        collector("quiet", CollectorState.COLLECTING, lines=0),
    )
    html = client.get("/sources").text
    assert html.count('class="source-spark"') == 1, "a source without lines has nothing to draw"
    assert 'aria-label="8 lines in the last hour, 4 errors"' in html
    bars = [
        float(height)
        for height in re.findall(r'<rect x="[^"]+" y="[^"]+" width="[^"]+" height="([^"]+)"', html)
    ]
    assert len(bars) == 30
    assert max(bars) == 20.0
    errors = re.findall(r'source-spark-errors" x="[^"]+" y="[^"]+" width="[^"]+" height="([^"]+)"', html)
    assert errors == ["5.0", "5.0", "10.0"]


def test_a_page_does_not_wait_for_bars(
    service: Service, client: FlaskClient, collecting: Collecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_query: LogQuery, **_limits: object) -> Histogram:
        raise QueryTimeout("too slow")

    monkeypatch.setattr(service.store, "histogram", slow)
    collecting(collector("api", CollectorState.COLLECTING, lines=9))
    html = client.get("/sources").text
    assert "source-spark" not in html
    assert "api" in html


@pytest.mark.parametrize(
    ("statuses", "settings", "said"),
    [
        ([], {"docker": "off"}, ["Off", "Not here", "Not here"]),
        (
            [
                collector("docker", CollectorState.COLLECTING, key="docker", source_id=""),
                collector("api", CollectorState.COLLECTING),
                collector(
                    "journal", CollectorState.FAILED, key="journal", source="journal", error="no permission"
                ),
                collector("/a.log", CollectorState.COLLECTING, key="file:/a.log", source="app"),
                collector("/b.log", CollectorState.ENDED, key="file:/b.log", source="app"),
            ],
            {"docker": "auto"},
            ["Found", "Needs you", "Found"],
        ),
        (
            [
                collector("docker", CollectorState.RECONNECTING, key="docker", source_id="", error="away"),
                collector("journal", CollectorState.ENDED, key="journal", source="journal"),
                collector(
                    "/a.log", CollectorState.RECONNECTING, key="file:/a.log", error="no", fix="sudo setfacl"
                ),
            ],
            {"docker": "auto"},
            ["Waiting", "Not here", "Needs you"],
        ),
    ],
)
def test_what_hantu_looks_for_says_what_was_found_and_what_is_missing(
    app: Flask, statuses: list[CollectorStatus], settings: dict[str, str], said: list[str]
) -> None:
    config = replace(Config(journal="auto"), **settings)  # type: ignore[arg-type]  # the case names its own
    with app.test_request_context("/", headers={"Host": "localhost"}):
        found = kinds(config, statuses)
    assert [kind.name for kind in found] == ["Containers", "The journal", "Log files"]
    assert [kind.sign[2] for kind in found] == said
    for kind in found:
        bad = next((status for status in statuses if status.error and status.error == kind.error), None)
        assert kind.fix == (bad.fix if bad else "")


def test_the_first_page_says_what_is_missing_and_the_command_that_mends_it(
    service: Service, client: FlaskClient, collecting: Collecting
) -> None:
    service.config = replace(service.config, journal="auto")
    fix = "sudo usermod -aG systemd-journal hantu"
    collecting(
        collector(
            "journal",
            CollectorState.FAILED,
            key="journal",
            source="journal",
            error="no permission",
            fix=fix,
        )
    )
    html = client.get("/logs").text
    assert "No line has arrived yet" in html
    assert "Needs you" in html
    assert f"<code>{fix}</code>" in html
    collecting()
    assert client.get("/sources").text.count("<h3>") == 3
