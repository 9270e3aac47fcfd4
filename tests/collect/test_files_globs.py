"""Patterns of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hantu.collect.files.globs import FileGlob, Folders
from hantu.collect.files.rotation import rotation_number


@pytest.mark.promise("M31")
@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/var/log/*.log", "/var/log/a.log", True),
        ("/var/log/*.log", "/var/log/deep/a.log", False),
        ("/var/log/**/*.log", "/var/log/a.log", True),
        ("/var/log/**/*.log", "/var/log/very/deep/a.log", True),
        ("/var/log/**", "/var/log/very/deep/a", True),
        ("/var/log/*/error.log", "/var/log/nginx/error.log", True),
        ("/var/log/*.log", "/var/log/.hidden.log", False),
        ("/var/log/.*.log", "/var/log/.hidden.log", True),
        ("/var/log/**/*.log", "/var/log/.cache/a.log", False),
        ("/var/log/app[12].log", "/var/log/app2.log", True),
        ("/var/log/app?.log", "/var/log/app.log", False),
        ("/var/log/syslog", "/var/log/syslog", True),
        ("/var/log/syslog*", "/var/log/syslog.2.gz", False),
        ("/var/log/**", "/var/log/journal/x/system.journal", False),
    ],
)
def test_a_pattern_matches(tmp_path: Path, pattern: str, path: str, matches: bool) -> None:
    assert FileGlob(pattern).matches(path) is matches
    here = Path(str(tmp_path) + path)
    here.parent.mkdir(parents=True)
    here.touch()
    found = list(FileGlob(str(tmp_path) + pattern).find(Folders()))
    assert found == ([str(here)] if matches else [])


def test_a_folder_is_listed_again_when_it_changed(tmp_path: Path) -> None:
    glob, folders = FileGlob(f"{tmp_path}/**/*.log"), Folders()
    assert list(glob.find(folders)) == []
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.log").touch()
    assert list(glob.find(folders)) == [f"{tmp_path}/deep/er/a.log"]
    os.unlink(tmp_path / "deep" / "er" / "a.log")
    assert list(glob.find(folders)) == []


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "a" / "x.log").touch()
    assert list(FileGlob(f"{tmp_path}/**/*.log").find(Folders())) == [f"{tmp_path}/a/x.log"]


def test_the_root_is_what_stands_before_the_first_wildcard() -> None:
    assert FileGlob("/var/log/**/*.log").root == "/var/log"
    assert FileGlob("/var/log/nginx/access.log").root == "/var/log/nginx"
    assert FileGlob("/var/log/nginx/access.log").literal
    assert FileGlob("/*.log").root == "/"
    with pytest.raises(ValueError, match="names no file"):
        FileGlob("/")


@pytest.mark.promise("M31")
@pytest.mark.parametrize(
    ("name", "rotated", "number"),
    [
        ("app.log.1", True, 1),
        ("app.log.12", True, 12),
        ("app.log-20260201", True, None),
        ("app.log.2026-02-01", True, None),
        ("app.log.2026-02-01_10-00", True, None),
        ("app.log-1769947200", True, None),
        ("app.log.old", True, None),
        ("app-2026-02-01.log", True, None),
        ("app-2026-02-01T10-00-00.000.log", True, None),
        ("app.log", False, None),
        ("app-1.log", False, None),
        ("app.log-1", False, None),
        ("app.log.gz", False, None),
        ("app-worker.log", False, None),
        ("app.log.d", False, None),
    ],
)
def test_a_rotated_name_is_known(name: str, rotated: bool, number: int | None) -> None:
    assert rotation_number(name, "app.log") == (rotated, number)
