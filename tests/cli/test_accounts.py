"""hantu passwd, account and audit, with the service down and up."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hantu.accounts.password import verify
from hantu.cli.main import cli
from hantu.roles import Role
from hantu.store import open_store
from tests.running import NOTHING, RunningService

PASSWORD = "열쇠는 길어야 합니다"


def hantu(data_dir: Path, *words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words], input=text)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def walk(data_dir: Path) -> None:
    """The same steps and answers, whoever does them: the command itself or the service."""
    refused = hantu(data_dir, "passwd", "--stdin", text="short\n")
    assert (refused.exit_code, "at least 8" in refused.stderr) == (1, True)
    made = hantu(data_dir, "passwd", "--stdin", text=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.stderr
    assert "account admin made" in made.stdout
    assert hantu(data_dir, "account", "add", "민수", "--stdin", text=f"{PASSWORD}\n").exit_code == 0
    assert hantu(data_dir, "account", "add", "kim", "--role", "operator", "--no-password").exit_code == 0
    for words, why in (
        (("account", "add", "ADMIN", "--no-password"), "already"),
        (("account", "add", "two words", "--no-password"), "1 to 64 letters"),
        (("account", "role", "admin", "viewer"), "only admin"),
        (("account", "remove", "admin"), "only admin"),
        (("account", "remove", "nobody"), "no such account|no account nobody"),
        (("account", "role", "nobody", "viewer"), "no such account|no account nobody"),
        (("passwd", "nobody", "--stdin"), "no such account|no account nobody"),
    ):
        refused = hantu(data_dir, *words, text=f"{PASSWORD}\n")
        assert refused.exit_code == 1, words
        assert any(part in refused.stderr for part in why.split("|")), refused.stderr
    several = hantu(data_dir, "passwd", "--stdin", text=f"{PASSWORD}\n")
    assert (several.exit_code, "admin, kim, 민수" in several.stderr) == (2, True)
    assert hantu(data_dir, "account", "role", "민수", "operator").exit_code == 0
    assert hantu(data_dir, "passwd", "KIM", "--stdin", text=f"{PASSWORD}!\n").exit_code == 0
    assert hantu(data_dir, "account", "remove", "민수").exit_code == 0
    shown = json.loads(hantu(data_dir, "account", "list", "--json").stdout)
    assert [(each["name"], each["role"], each["hasPassword"]) for each in shown] == [
        ("admin", "admin", True),
        ("kim", "operator", True),
    ]
    assert "kim" in hantu(data_dir, "account", "list").stdout
    acts = [json.loads(line) for line in hantu(data_dir, "audit", "list", "--json").stdout.splitlines()]
    assert [(each["act"], each["object"].lower()) for each in acts] == [
        ("account made", "admin"),
        ("account made", "민수"),
        ("account made", "kim"),
        ("role changed", "민수"),
        ("password changed", "kim"),
        ("account removed", "민수"),
    ]
    assert {each["actor"] for each in acts} == {"hantu command line"}
    found = hantu(data_dir, "audit", "list", "--act", "role changed", "--since", "1h", "-n", "5")
    assert (len(found.stdout.splitlines()), "민수" in found.stdout) == (1, True)
    assert hantu(data_dir, "audit", "list", "--since", "yesteryear").exit_code == 2


def test_accounts_are_managed_with_the_service_down(data_dir: Path) -> None:
    assert hantu(data_dir, "account", "list").exit_code == 1, "no database yet"
    walk(data_dir)
    store = open_store(data_dir / "hantu.db", read_only=True)
    assert verify(PASSWORD, store.account("admin").password)
    assert verify(f"{PASSWORD}!", store.account("kim").password)
    assert store.account("admin").role is Role.ADMIN
    store.close()
    raw = b"".join(path.read_bytes() for path in data_dir.glob("hantu.db*"))
    assert PASSWORD.encode() not in raw


@pytest.fixture
def service(data_dir: Path) -> Iterator[RunningService]:
    service = RunningService(data_dir, NOTHING)
    try:
        yield service.start()
    finally:
        service.close()


@pytest.mark.e2e
def test_accounts_are_managed_with_the_service_up(data_dir: Path, service: RunningService) -> None:
    def status() -> int:
        try:
            with urllib.request.urlopen(f"{service.url}/api/stats", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert status() == 200, "without accounts this machine sees all"
    assert "/setup?token=" in service.log.read_text()
    walk(data_dir)
    assert status() == 401, "from then on one signs in"


def test_what_commands_change_themselves_stands_in_the_audit_trail(data_dir: Path) -> None:
    hantu(data_dir, "token", "create", "shop", "--scope", "read")
    hantu(data_dir, "token", "revoke", "shop")
    hantu(data_dir, "token", "revoke", "shop")
    hantu(data_dir, "cleanup", "--days", "3")
    told = hantu(data_dir, "audit", "list", "--json").stdout.splitlines()
    acts = [(act["act"], act["object"], act["detail"].get("days")) for act in map(json.loads, told)]
    assert acts == [("token made", "shop", None), ("token revoked", "shop", None), ("clean-up", "", 3.0)]


@pytest.mark.e2e
def test_others_are_served_once_an_account_has_a_password(data_dir: Path) -> None:
    assert hantu(data_dir, "account", "add", "proxied", "--role", "admin", "--no-password").exit_code == 0
    refused = hantu(data_dir, "serve", "--host", "0.0.0.0", "--port", "0")
    assert (refused.exit_code, "hantu passwd" in refused.stderr) == (1, True)
    assert hantu(data_dir, "passwd", "proxied", "--stdin", text=f"{PASSWORD}\n").exit_code == 0
    service = RunningService(data_dir, {**NOTHING, "HANTU_HOST": "0.0.0.0"})
    try:
        service.start()
        assert service.get("/healthz") == {"status": "ok"}
        request = urllib.request.Request(f"{service.url.replace('0.0.0.0', '127.0.0.2')}/api/logs")
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(request, timeout=30)
        assert answer.value.code == 401, "asked by an address, which is a host name of its own"
        answer.value.close()
    finally:
        service.close()


def test_doctor_says_who_may_sign_in(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(**settings: str) -> list[tuple[str, bool, str]]:
        for name, value in settings.items():
            monkeypatch.setenv(f"HANTU_{name.upper()}", value)
        found = json.loads(hantu(data_dir, "doctor", "--json").stdout)["findings"]
        return [(each["what"], each["ok"], each["says"]) for each in found if "sign-in" in each["what"]]

    assert told(docker="off", journal="off", files="none") == []
    hantu(data_dir, "token", "create", "shop")
    assert told() == [("sign-in", True, "nobody has to: whoever is on this machine sees the pages")]
    hantu(data_dir, "account", "add", "jin", "--role", "admin", "--no-password")
    assert told() == [("sign-in", False, "0 of 1 accounts can, none of them an admin")]
    (half, _) = told(proxy_login_header="Remote-User")
    assert (half[0], half[1]) == ("sign-in at a proxy", False)
    assert told(trusted_proxies="127.0.0.1") == [("sign-in", True, "1 of 1 accounts can")]
