"""hantu backup and restore, with the service down and up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from tests.backup.made import ENTRIES, fill
from tests.running import NOTHING, ROOT, RunningService
from tests.store.made import opened


def hantu(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words], catch_exceptions=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with something of everything."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    fill(folder)
    return folder


@pytest.fixture
def service(data_dir: Path) -> Iterator[RunningService]:
    """The real service over that folder; it removes nothing."""
    service = RunningService(data_dir, NOTHING | {"HANTU_RETENTION_DAYS": "36500"})
    try:
        yield service.start()
    finally:
        service.close()


def test_a_running_service_is_backed_up_and_what_was_saved_comes_back(
    service: RunningService, data_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "one.tar"
    said = hantu(data_dir, "backup", str(file))
    assert said.exit_code == 0, said.output
    assert f"{ENTRIES:,} entries, 1 errors, 1 executions, 2 artifacts in " in said.output
    (noted,) = service.get("/api/audit?act=backup+made")["acts"]
    assert (noted["object"], noted["detail"]["entries"]) == (str(file), ENTRIES)
    service.call("POST", "/api/ingest", b'[{"message": "later"}]')
    refused = hantu(data_dir, "restore", str(file))
    assert refused.exit_code == 1
    assert "only one hantu may write to it" in refused.output
    assert "systemctl stop hantu" in refused.output
    assert service.get("/api/stats")["entries"] == ENTRIES + 1

    assert service.stop() == 0
    restored = json.loads(hantu(data_dir, "restore", str(file), "--json").output)
    assert [restored[name] for name in ("entries", "errors", "executions", "artifacts")] == [
        ENTRIES,
        1,
        1,
        2,
    ]
    assert Path(restored["aside"], "hantu.db").is_file()
    service.start()
    assert service.get("/api/stats")["entries"] == ENTRIES
    assert service.get("/api/executions")["total"] == 1


def test_backups_of_a_folder_rotate(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 4):
        (folder / f"hantu-2026010{day}-040000.tar").write_text("old")
    said = hantu(data_dir, "backup", str(folder), "--keep", "2")
    assert said.exit_code == 0, said.output
    assert "removed 2 older backups" in said.output
    left = sorted(path.name for path in folder.iterdir())
    assert left[0] == "hantu-20260103-040000.tar"
    assert len(left) == 2
    checked = hantu(data_dir, "backup", "--check", str(folder / left[1]))
    assert checked.exit_code == 0, checked.output
    assert "is whole: made 20" in checked.output
    assert hantu(data_dir, "backup", "--check", str(folder / left[0])).exit_code == 1


def test_a_folder_of_increments_is_added_to_and_restored(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    first = json.loads(hantu(data_dir, "backup", "--incremental", str(folder), "--json").output)
    assert first["newBytes"] > 100_000
    assert (first["entries"], first["artifacts"]) == (ENTRIES, 2)
    assert Path(first["file"]).parent == folder
    checked = hantu(data_dir, "backup", "--check", str(folder))
    assert (checked.exit_code, "is whole" in checked.output) == (0, True)
    elsewhere = tmp_path / "elsewhere"
    said = hantu(data_dir, "restore", str(folder), "--to", str(elsewhere))
    assert said.exit_code == 0, said.output
    assert json.loads(hantu(elsewhere, "stats", "--json").output)["entries"] == ENTRIES


def test_a_backup_goes_through_a_pipe(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "piped.tar"
    with file.open("wb") as out:
        subprocess.run(
            [sys.executable, "app.py", "--data-dir", str(data_dir), "backup", "-"],
            cwd=ROOT,
            stdout=out,
            check=True,
            timeout=60,
        )
    elsewhere = tmp_path / "elsewhere"
    said = hantu(data_dir, "restore", str(file), "--to", str(elsewhere))
    assert said.exit_code == 0, said.output
    assert f"{elsewhere}: {ENTRIES:,} entries, 1 errors, 1 executions, 2 artifacts are back" in said.output
    assert json.loads(hantu(elsewhere, "stats", "--json").output)["entries"] == ENTRIES


def test_wrong_use_is_said(data_dir: Path, tmp_path: Path) -> None:
    nameless = hantu(data_dir, "backup")
    assert (nameless.exit_code, "name a FILE, or set backup_dir" in nameless.output) == (2, True)
    taken = tmp_path / "taken.tar"
    taken.write_text("mine")
    refused = hantu(data_dir, "backup", str(taken))
    assert (refused.exit_code, "never written over" in refused.output) == (1, True)
    assert taken.read_text() == "mine"


def test_the_audit_trail_tells_of_a_backup_without_the_service(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "백업.tar"
    assert hantu(data_dir, "backup", str(file)).exit_code == 0
    assert hantu(data_dir, "backup", "--incremental", str(tmp_path / "many")).exit_code == 0
    told = [json.loads(line) for line in hantu(data_dir, "audit", "list", "--json").output.splitlines()]
    assert [(each["act"], each["detail"]["entries"]) for each in told] == [("backup made", ENTRIES)] * 2
    assert told[0]["object"] == str(file)
    assert told[1]["object"].startswith(str(tmp_path / "many"))


def test_a_backup_that_cannot_be_noted_is_made_all_the_same(data_dir: Path, tmp_path: Path) -> None:
    with opened(data_dir / "hantu.db"):
        # Another program holds the file, and is no service that could be told.
        made = hantu(data_dir, "backup", str(tmp_path / "one.tar"))
    assert made.exit_code == 0
    assert "the audit trail does not tell of this backup" in made.stderr
    assert (tmp_path / "one.tar").is_file()
