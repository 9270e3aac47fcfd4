"""What pages tell people to type works on this machine."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu.config import Config
from hantu.paths import ROOT
from hantu.query.logquery import LogQuery
from hantu.web.command import as_root, command
from tests.web.desk import app_of, running_service


def shown(page: str, word: str) -> str:
    """The command with this word among the page's pieces of code."""
    codes = [html.unescape(code) for code in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)]
    return next(code for code in codes if word in code)


def test_the_command_of_sources_works_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    data = tmp_path / "my data"
    with running_service(data) as service:
        page = app_of(service).test_client().get("/sources").text
    told = shown(page, "import")
    done = subprocess.run(told, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with running_service(data) as service:
        assert [entry.message for entry in service.store.export(LogQuery())] == ["안녕"]
    assert shlex.split(shown(page, "token"))[:2] == [sys.executable, str(ROOT / "app.py")]


def test_the_backup_of_the_status_page_works_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with running_service(tmp_path / "data") as service:
        page = app_of(service).test_client().get("/status").text
        told = shown(page, "backup").replace("FILE", str(tmp_path / "kept.hantu"))
        done = subprocess.run(told, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kept.hantu").is_file()


def test_an_installed_hantu_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("hantu.web.command.CHECKOUT_DATA", tmp_path / "none")
    assert command(Config(), "import", "a b.log") == "hantu import 'a b.log'"
    own = Config(data_dir=tmp_path / "my data")
    assert command(own, "logs") == f"hantu --data-dir '{tmp_path}/my data' logs"
    assert as_root(Config(), "backup") == "sudo hantu backup"


def test_a_checkouts_own_data_need_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr("hantu.web.command.CHECKOUT_DATA", tmp_path)
    (tmp_path / "hantu.db").touch()
    assert "--data-dir" not in command(Config(data_dir=tmp_path), "logs")
    assert "--data-dir /var/lib/hantu" in command(Config(), "logs")


def test_a_wrong_setup_link_says_how_a_password_is_set(client: FlaskClient) -> None:
    refused = client.get("/setup?token=wrong")
    assert refused.status_code == 404
    assert "not right or was used already" in refused.text
    assert re.search(r"sets a password: .* passwd\b", refused.text)
    assert "restart" not in refused.text
