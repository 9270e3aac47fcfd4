"""The whole story on a clean Debian, from the one file to its end.

Told by `pytest -s`, and kept in build/story.txt."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page

from hantu.store.sqlite.migrate import VERSION
from tests.engine import PrivateEngine
from tests.install.machine import Machine, booted, schema
from tests.install.next_version import NEXT_SCHEMA, next_version
from tests.install.story import Story, browser_of
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.browser, pytest.mark.timeout(600)]

URL = "http://127.0.0.1:8514"
FIRST_LINE_S = 60.0
SOON_S = 90.0
NAME, PASSWORD = "dana", "a long one for a story"
DATABASE = "/var/lib/hantu/hantu.db"
VERSION_OF = (
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version').fetchone()[0])"
)


class Shop:
    """What runs on the machine beside hantu: a program that writes to the journal, to a file and in a
    container. Every line holds a word of its own."""

    def __init__(self, machine: Machine, engine: PrivateEngine) -> None:
        self._machine = machine
        self._engine = engine
        self.words: list[str] = []
        self.lines = 0

    def journal(self, word: str) -> None:
        self._machine.run("systemd-cat", "-t", "shop", "echo", f"{word} 주문을 받았습니다")
        self._wrote(word)

    def file(self, word: str) -> None:
        self._machine.run("sh", "-c", f"echo '{word} 배송 준비 완료' >> /var/log/shop.log")
        self._wrote(word)

    def container(self, word: str) -> None:
        self._engine.run(f"echo {word} parcels are packed; echo >&2 ERROR {word} no paper left", name=word)
        self._wrote(word, lines=2)

    def _wrote(self, word: str, *, lines: int = 1) -> None:
        self.words.append(word)
        self.lines += lines


@pytest.fixture
def machine(tmp_path: Path, engine: PrivateEngine) -> Iterator[Machine]:
    try:
        with booted(tmp_path, {engine.socket: "/run/docker.sock"}) as booted_machine:
            yield booted_machine
    finally:
        engine.remove_containers()


def stored(page: Page, shop: Shop) -> list[str]:
    """The messages of the shop's lines, as the browser gets them; none while nobody answers."""
    asked = f"/api/logs?limit=100&q={' OR '.join(shop.words)}"
    try:
        found = page.evaluate("path => fetch(path).then(answer => answer.json())", asked)
    except Error:
        return []
    return [str(entry["message"]) for entry in found.get("logs", ())]


def each_once(page: Page, shop: Shop) -> bool:
    """Whether each line of the shop is stored, and not twice."""
    found = stored(page, shop)
    return len(found) == len(set(found)) == shop.lines


def shown(page: Page, word: str) -> bool:
    """Whether the browser shows a line with the word."""
    page.goto(f"{URL}/logs?q={word}")
    return word in " ".join(page.locator(".entry-message").all_inner_texts())


def answers(machine: Machine) -> bool:
    return machine.get("/healthz") == (200, '{"status":"ok"}')


def let_reach_the_engine(machine: Machine, engine: PrivateEngine) -> None:
    """As Docker's package does: a group docker, which may use the socket."""
    machine.run("groupadd", "--system", "docker")
    group = int(machine.run("getent", "group", "docker").split(":")[2])
    os.chown(engine.socket, 0, group)
    engine.socket.chmod(0o660)


@pytest.mark.promise("M82", "M11", "M17")
def test_the_whole_story_on_a_clean_debian(
    machine: Machine, engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    story, shop = Story(machine), Shop(machine, engine)
    let_reach_the_engine(machine, engine)
    with browser_of(machine, tmp_path_factory.mktemp("browser")) as page:
        install(story, machine, shop, page)
        collect(story, machine, shop, page)
        back_up(story, machine, shop, page)
        kill(story, machine, shop, page)
        restore(story, machine, shop, page)
        before = upgrade(story, machine, shop, page)
        go_back(story, machine, shop, page, before)
    uninstall(story, machine)


def install(story: Story, machine: Machine, shop: Shop, page: Page) -> None:
    story.chapter("Install: one file, one command")
    began = time.monotonic()
    said = story.run("/dist/hantu-standalone", "install")
    link = re.search(r"works once: (http://127\.0\.0\.1:8514/setup\?token=\S+)", said)
    assert link is not None
    shop.journal("firstline")
    wait_until(lambda: shown(page, "firstline"), SOON_S)
    took = time.monotonic() - began
    story.note(f"from the command to the first log line in the browser: {took:.1f} s")
    assert took < FIRST_LINE_S

    story.chapter("Set up: the first account")
    page.goto(link[1])
    page.fill("input[name=name]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=again]", PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(lambda url: "/setup" not in url)
    assert shown(page, "firstline")
    story.note(f"{NAME} is signed in and reads on")
    assert machine.get("/api/logs")[0] == 401
    story.note("whoever has not signed in: 401")


def collect(story: Story, machine: Machine, shop: Shop, page: Page) -> None:
    story.chapter("Collect: the machine's journal, a file, a container")
    assert "docker" in story.run("id", "hantu")
    shop.journal("journalline")
    shop.file("fileline")
    shop.container("containerline")
    wait_until(lambda: each_once(page, shop), SOON_S)
    story.run("hantu", "collectors", "list")
    assert "hantu.service" in story.run("hantu", "logs", "-n", "5", "source:journal")
    story.run("systemctl", "show", "hantu", "-P", "User", "-P", "PrivateUsers", "-P", "ProtectSystem")

    story.chapter("Search: at the terminal and in the browser")
    assert "journalline" in story.run("hantu", "logs", "주문")
    assert "fileline" in story.run("hantu", "logs", "file:*shop.log 배송")
    errors = story.run("hantu", "logs", "source:docker level:error")
    assert "containerline no paper left" in errors
    assert shown(page, "배송")
    story.note("the browser finds 배송, too")


def back_up(story: Story, machine: Machine, shop: Shop, page: Page) -> None:
    story.chapter("Back up, while lines are written")
    machine.run(
        *("systemd-run", "--unit=chatter", "sh", "-c", "while :; do echo chatter; read -t .01 x; done")
    )
    story.run("hantu", "backup", "/root/hantu.tar")
    machine.run("systemctl", "stop", "chatter")
    story.run("hantu", "backup", "--check", "/root/hantu.tar")
    shop.journal("journalafter")
    shop.file("fileafter")
    shop.container("containerafter")
    wait_until(lambda: each_once(page, shop), SOON_S)
    story.note("and four lines more, which the backup does not hold")


def kill(story: Story, machine: Machine, shop: Shop, page: Page) -> None:
    story.chapter("Kill -9: both of its processes")
    worker = json.loads(machine.run("cat", "/var/lib/hantu/control.json"))["pid"]
    main = machine.show("MainPID")
    story.run("sh", "-c", f"kill -KILL {main} {worker}")
    shop.journal("journalkilled")
    shop.file("filekilled")
    shop.container("containerkilled")
    wait_until(lambda: machine.show("MainPID") not in ("0", main) and answers(machine), SOON_S)
    wait_until(lambda: each_once(page, shop), SOON_S)
    assert shown(page, "filekilled")
    story.note(f"systemd started it again; all {shop.lines} lines are there, each once")


def restore(story: Story, machine: Machine, shop: Shop, page: Page) -> None:
    story.chapter("Restore: the data folder is lost")
    story.run("systemctl", "stop", "hantu")
    story.run("sh", "-c", "rm -rf /var/lib/hantu/*")
    story.run("hantu", "restore", "/root/hantu.tar")
    story.run("systemctl", "start", "hantu")
    wait_until(lambda: each_once(page, shop), SOON_S)
    assert shown(page, "fileline")
    story.note("what the backup holds is back, what came later is read again; the browser is signed in")


def upgrade(story: Story, machine: Machine, shop: Shop, page: Page) -> str:
    """Returns the folder of the version before."""
    story.chapter("Upgrade to a version that changes the database and then does not start")
    machine.run("sh", "-c", "echo 'batch_ms = 200' > /etc/hantu/hantu.toml")
    release = machine.run("readlink", "/opt/hantu/current")
    refused = story.run(next_version(machine, "00ee", works=False), "install", code=1)
    assert "this version is broken" in refused
    assert "what was changed is as it was before" in refused
    assert machine.run("readlink", "/opt/hantu/current") == release
    assert schema(machine, f"{DATABASE}.after-0.1.0-00ee") == NEXT_SCHEMA
    assert schema(machine, DATABASE) == VERSION
    shop.journal("journalback")
    shop.file("fileback")
    wait_until(lambda: answers(machine) and each_once(page, shop), SOON_S)
    assert shown(page, "fileline")
    story.note(f"the old version runs again with its database of schema {VERSION}; nothing is lost")

    story.chapter("Upgrade to one that works")
    said = story.run(next_version(machine, "00ff", works=True), "install")
    assert f"copy {DATABASE} to hantu.db.before-0.1.0-00ff" in said
    assert schema(machine, DATABASE) == NEXT_SCHEMA
    assert schema(machine, f"{DATABASE}.before-0.1.0-00ff") == VERSION
    assert machine.run("readlink", "/opt/hantu/current").endswith("-00ff")
    assert machine.run("cat", "/etc/hantu/hantu.toml") == "batch_ms = 200"
    assert len(machine.run("ls", "/opt/hantu/releases").split()) == 2
    shop.journal("journalupgraded")
    shop.file("fileupgraded")
    wait_until(lambda: answers(machine) and each_once(page, shop), SOON_S)
    assert shown(page, "fileupgraded")
    story.note(f"all {shop.lines} lines are there, each once; the browser is still signed in")
    return release


def go_back(story: Story, machine: Machine, shop: Shop, page: Page, release: str) -> None:
    """By hand, as docs/install.md says."""
    story.chapter("Go back by hand to the version before")
    story.run("systemctl", "stop", "hantu")
    story.run("mv", f"{DATABASE}.before-0.1.0-00ff", DATABASE)
    story.run(f"{release}/hantu", "install")
    assert machine.run("readlink", "/opt/hantu/current") == release
    assert schema(machine, DATABASE) == VERSION
    wait_until(lambda: answers(machine) and each_once(page, shop), SOON_S)
    story.note(f"all {shop.lines} lines are there: what came since the upgrade is read again")


def uninstall(story: Story, machine: Machine) -> None:
    story.chapter("Uninstall")
    assert "The data and the settings are still there" in story.run("hantu", "uninstall")
    assert machine.said("systemctl", "is-active", "hantu") == "inactive"
    assert schema(machine, DATABASE) == VERSION
    machine.run("/root/next-00ff/run", "install")
    assert "firstline" in story.run("hantu", "logs", "firstline")
    story.note("installed again, it goes on with them")
    story.run("hantu", "uninstall", "--purge", "--yes")
    left = machine.run("find", "/etc", "/opt", "/usr/local", "/var", "-xdev", "-name", "*hantu*")
    assert left == ""
    machine.run("id", "hantu", code=1)
    story.note("nothing of it is left")
