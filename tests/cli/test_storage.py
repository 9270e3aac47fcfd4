"""What the commands say of the file: where its bytes are, and that it is made anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from tests.running import NOTHING, RunningService
from tests.store.made import entry, many, opened, write_all
from tests.store.test_rebuild import kinds, names, rows_file, stored


def hantu(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *arguments], catch_exceptions=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def test_stats_say_where_the_bytes_are(data_dir: Path) -> None:
    with opened(data_dir / "hantu.db", background=False) as store:
        write_all(store, many(1_000))
        store.seal()
        store.write_batch([entry("still hot", source="app")])
    shown = hantu(data_dir, "stats", "--storage").output
    for said in (
        "1,001 entries in",
        "1 segments, 1 entries hot,",
        "segments ",
        "decimal ",
        "free ",
        "estimated: each segment's columns shared out by its entries",
        "docker ",
    ):
        assert said in shown, shown
    found = json.loads(hantu(data_dir, "stats", "--storage", "--json").output)
    assert sum(found["tiers"].values()) == found["fileBytes"]
    assert (found["entries"], found["hotEntries"], found["segments"]) == (1_001, 1, 1)
    assert set(found["sourcesEstimated"]) == {"docker", "app"}
    assert found["columns"]["decimal"] > 0


def test_stats_of_an_old_file_say_what_to_do(data_dir: Path) -> None:
    rows_file(data_dir / "hantu.db", stored(kinds(20)))
    refused = hantu(data_dir, "stats", "--storage")
    assert refused.exit_code == 1
    assert "was written by an older hantu; start hantu serve once" in refused.output


def test_a_command_that_writes_makes_an_old_file_anew_and_says_so(data_dir: Path) -> None:
    entries = stored(kinds(200))
    rows_file(data_dir / "hantu.db", entries)
    done = hantu(data_dir, "cleanup", "--days", "36500")
    assert done.exit_code == 0, done.output
    assert "making the database anew in a smaller format: 0 %" in done.output
    assert "making the database anew in a smaller format: 100 %" in done.output
    assert names(data_dir) == ["hantu.db", "hantu.db.rescue"]
    assert json.loads(hantu(data_dir, "stats", "--json").output)["entries"] == len(entries)


def test_the_service_makes_an_old_file_anew_and_then_answers(data_dir: Path) -> None:
    entries = stored(kinds(200))
    rows_file(data_dir / "hantu.db", entries)
    service = RunningService(data_dir, {**NOTHING, "HANTU_RETENTION_DAYS": "3650"})
    try:
        service.start()
        said = service.log.read_text()
        assert "making the database anew in a smaller format: 0 %" in said
        assert "making the database anew in a smaller format: 100 %" in said
        assert service.get("/api/logs?limit=1000")["total"] == 200
        assert not (data_dir / "hantu.db.rows").exists()
    finally:
        service.stop()
        service.close()
