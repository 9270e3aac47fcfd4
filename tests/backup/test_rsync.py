"""The lines of docs/backup.md that take backups to another machine, run by the real rsync."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from hantu.backup import add_increment, back_up, check, increments, restore
from hantu.paths import ROOT
from tests.backup.made import fill, run_with_files, tree
from tests.backup.test_restore import counted
from tests.parts import require
from tests.store.made import many, opened, write_all

PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
LINES = re.findall(r"rsync -a [^\n`]+", PAGE)
ENTRIES = 60_000


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with something of everything."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    fill(folder, entries=ENTRIES)
    return folder


def rsync(line: str, source: str, here: Path, target: str, there: Path) -> int:
    """Run a line of the page between these places of one machine; the bytes of content that it sent."""
    require("rsync", shutil.which("rsync") is not None, "install rsync")
    assert source in line
    assert target in line
    words = [
        word.replace(source, str(here)).replace(target, str(there)) for word in shlex.split(line.strip())
    ]
    said = subprocess.run([*words, "--stats"], check=True, capture_output=True, text=True).stdout
    sent = re.search(r"Literal data: ([\d,]+) bytes", said)
    assert sent is not None, said
    return int(sent[1].replace(",", ""))


def more(data_dir: Path, first: int) -> None:
    with opened(data_dir / "hantu.db", background=False) as store:
        write_all(store, many(200, first=first))
        run_with_files(store, data_dir, b"another")


def test_a_folder_of_many_backups_goes_to_another_machine_by_its_new_pieces(
    data_dir: Path, tmp_path: Path
) -> None:
    (line,) = [each for each in LINES if "--delete-after" in each]
    many_here, there = tmp_path / "many", tmp_path / "nas"
    there.mkdir()
    sent = []
    for day in range(3):
        more(data_dir, 500_000 + 1_000 * day)
        add_increment(
            data_dir / "hantu.db", data_dir / "artifacts", many_here, keep=2, now_s=day * 86_400.0
        )
        sent.append(rsync(line, "/var/backups/hantu", many_here, "nas:hantu", there))
        # Whatever is cut off on the way: what lies there now is the whole of what lies here.
        assert tree(there) == tree(many_here)
    assert max(sent[1:]) < sent[0]
    assert len(increments(there)) == 2
    restore(there, tmp_path / "back")
    assert counted(tmp_path / "back") == (ENTRIES + 2 + 600, 5, 4)


def test_of_a_backup_in_one_file_only_what_changed_is_sent(data_dir: Path, tmp_path: Path) -> None:
    (line,) = [each for each in LINES if "--inplace" in each]
    file, there = tmp_path / "hantu.tar", tmp_path / "nas.tar"
    back_up(data_dir / "hantu.db", data_dir / "artifacts", file)
    first = rsync(line, "/var/backups/hantu.tar", file, "nas:hantu.tar", there)
    assert first == file.stat().st_size
    file.unlink()
    more(data_dir, 500_000)
    back_up(data_dir / "hantu.db", data_dir / "artifacts", file)
    assert rsync(line, "/var/backups/hantu.tar", file, "nas:hantu.tar", there) < first / 2
    assert check(there).facts.entries == ENTRIES + 2 + 200
