"""What the pages say of collectors: who is well, who needs a person, and what to do."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from hantu.collect.base import CollectorState
from tests.web.desk import Collecting, collector


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


def test_a_file_that_is_not_there_yet_is_waited_for(client: FlaskClient, collecting: Collecting) -> None:
    collecting(
        collector("/var/log/*.log", CollectorState.ENDED, key="file:/var/log/*.log", source="app"),
        collector("job", CollectorState.ENDED),
    )
    html = client.get("/sources").text
    assert "Waiting for the file" in html
    assert html.count("Ended") == 1
