"""hantu patterns: the same facts as the page and the API, with the service down."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.model import LogEntry, LogLevel
from hantu.store import open_store
from tests.web.desk import app_of, running_service

MINUTE_NS = 60 * 10**9


def stored(minutes_ago: int, message: str, **parts: object) -> LogEntry:
    fields: dict[str, object] = {"source": "docker", "source_id": "api", "level": LogLevel.INFO}
    time_ns = time.time_ns() - minutes_ago * MINUTE_NS
    return LogEntry(message=message, time_ns=time_ns, **(fields | parts))  # type: ignore[arg-type]  # parts are the test's own


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with lines of two days ago, and with new ones since."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder / "hantu.db")
    store.write_batch(
        [
            *(stored(2 * 24 * 60 + at, f"order {at} served in {at * 7} ms") for at in range(6)),
            *(stored(30 + at, f"order {at} served in {at * 9} ms") for at in range(4)),
            stored(20, "주문 77 실패: 잔고 부족", level=LogLevel.ERROR),
            stored(10, "\x1b[2J panic 3\n  at a 12\n  at b 9", level=LogLevel.FATAL, source_id="feed"),
        ]
    )
    store.close()
    return folder


def patterns(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), "patterns", *words])


def found(data_dir: Path, *words: str) -> list[tuple[str, int, bool]]:
    answer = patterns(data_dir, *words, "--json")
    assert answer.exit_code == 0, answer.output
    kept = json.loads(answer.stdout)["patterns"]
    return [(each["text"].partition("\n")[0], each["count"], each["new"]) for each in kept]


def test_alike_lines_are_one_with_their_count(data_dir: Path) -> None:
    answer = patterns(data_dir)
    assert answer.exit_code == 0, answer.output
    first, *others, last = answer.stdout.splitlines()
    assert first.split()[:3] == ["10", "83.3", "%"]
    assert first.endswith("order ‹…› served in ‹…› ms")
    (failed,) = (text for text in others if "실패" in text)
    assert "ERROR" in failed
    (panic,) = (text for text in others if "panic" in text)
    assert panic.endswith("  ‹…› panic ‹…›  +2 lines")
    assert "\x1b" not in answer.stdout, "it cannot steer a terminal"
    assert last == "3 of 3 patterns, 12 lines"


def test_what_is_new_since_then_stands_alone(data_dir: Path) -> None:
    assert sorted(found(data_dir, "--since", "1h")) == [
        ("\x1b[‹…› panic ‹…›", 1, True),
        ("order ‹…› served in ‹…› ms", 4, False),
        ("주문 ‹…› 실패: 잔고 부족", 1, True),
    ]
    new = found(data_dir, "--since", "1h", "--new-only")
    assert sorted(text for text, _, _ in new) == ["\x1b[‹…› panic ‹…›", "주문 ‹…› 실패: 잔고 부족"]
    assert all(is_new for _, _, is_new in new)
    assert found(data_dir, "--since", "1h", "--new-only", "--level", "fatal") == [
        ("\x1b[‹…› panic ‹…›", 1, True)
    ]
    said = patterns(data_dir, "--since", "1h", "--new-only").stdout.splitlines()
    assert said[-1] == "2 new of 3 patterns, 6 lines"
    assert all(" new " in text for text in said[:-1])


def test_the_query_language_the_order_and_the_number_narrow_it(data_dir: Path) -> None:
    assert found(data_dir, "container:api", "served") == [("order ‹…› served in ‹…› ms", 10, False)]
    assert found(data_dir, "-n", "1")[0][1] == 10
    assert found(data_dir, "-n", "1", "--order", "rare")[0][1] == 1
    assert found(data_dir, "nowhere") == []
    assert patterns(data_dir, "nowhere").stdout == "0 of 0 patterns, 0 lines\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--new-only"], "--since 1h"), (["level:loud"], "level"), (["--order", "odd"], "odd")],
)
def test_wrong_use_is_told_with_what_is_right(data_dir: Path, words: list[str], says: str) -> None:
    answer = patterns(data_dir, *words)
    assert answer.exit_code == 2
    assert says in answer.output


def test_the_command_and_the_api_say_the_same(data_dir: Path) -> None:
    words = "level:>=error since:1h"
    told: dict[str, Any] = json.loads(patterns(data_dir, words, "--json").stdout)
    with running_service(data_dir) as service:
        asked = app_of(service).test_client().get("/api/logs/patterns", query_string={"q": words})
    answer = asked.get_json()
    for each in (*told["patterns"], *answer["patterns"]):
        assert sum(each.pop("counts")) == each["count"], "as many parts of the time as each draws"
    for name in ("patterns", "kinds", "total", "complete", "searchedTo"):
        assert told[name] == answer[name]
