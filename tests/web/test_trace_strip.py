"""A trace at a glance."""

from __future__ import annotations

import re
import time

from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.service import Service
from hantu.web.trace_strip import LANES_MOST, MARK, WIDTH, Said, strip
from tests.web.desk import line, store

SECOND_NS = 10**9


def test_each_source_has_a_lane_in_the_order_in_which_they_begin() -> None:
    found = strip(
        [Said("api", 0, "info"), Said("db", SECOND_NS, "warn"), Said("api", 4 * SECOND_NS, "error")]
    )
    assert found is not None
    assert [lane.name for lane in found.lanes] == ["api", "db"]
    api, db = found.lanes
    assert [(mark.x, mark.level) for mark in api.marks] == [(0.0, "info"), (WIDTH - MARK, "error")]
    assert db.marks[0].x == round((WIDTH - MARK) / 4, 1)
    assert (api.told, db.told, found.length) == ("2 lines, 1 error", "1 line", "4 s")


def test_marks_upon_each_other_are_one_of_the_worst_level() -> None:
    said = [Said("api", at * 1_000_000, "error" if at == 7 else "debug") for at in range(20)]
    found = strip([*said, Said("api", 100 * SECOND_NS, "info")])
    assert found is not None
    assert [mark.level for mark in found.lanes[0].marks] == ["error", "info"]
    assert found.lanes[0].told == "21 lines, 1 error"


def test_a_run_is_a_bar_above_all_others() -> None:
    found = strip(
        [Said("api", 2 * SECOND_NS, "info"), Said("api", 3 * SECOND_NS, "info")],
        run=("settle", SECOND_NS, 5 * SECOND_NS),
    )
    assert found is not None
    run = found.lanes[0]
    assert (run.name, run.bar, run.marks) == ("settle", (0.0, WIDTH - MARK), ())


def test_what_is_too_short_to_see_has_no_strip() -> None:
    assert strip([]) is None
    assert strip([Said("api", 0, "info"), Said("api", SECOND_NS - 1, "info")]) is None
    assert strip([Said("api", 0, "info")], run=("settle", 0, 9 * SECOND_NS)) is None


def test_sources_beyond_the_most_are_counted() -> None:
    found = strip([Said(f"s{at}", at * SECOND_NS, "info") for at in range(LANES_MOST + 3)])
    assert found is not None
    assert (len(found.lanes), found.left_out) == (LANES_MOST, 3)


def test_the_page_of_a_trace_draws_it(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(
        service,
        [
            line("a", source_id="api", time_ns=now_ns - 9 * SECOND_NS, metadata={"trace_id": "abc12345"}),
            line(
                "b",
                source_id="<db>",
                level=LogLevel.ERROR,
                time_ns=now_ns,
                metadata={"trace_id": "abc12345"},
            ),
        ],
    )
    html = client.get("/trace/abc12345").text
    assert re.findall(r'role="img" aria-label="([^"]*)"><path', html) == [
        "api: 1 line",
        "&lt;db&gt;: 1 line, 1 error",
    ]
    assert 'class="strip-error" x="997.0"' in html
