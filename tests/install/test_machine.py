"""hantu on a clean Debian machine: one file, one command, and what systemd does with the service."""

from __future__ import annotations

import json
import lzma
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hantu.store.sqlite.migrate import VERSION
from tests.install.machine import Machine, booted, schema
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FIRST_LINE_S = 60.0
OLD_DATABASE = Path(__file__).with_name("hantu-v4.db.xz")
OLD_VERSION = 4
OLD_LINES, OLD_ORDERS = 2_012, 286
REST = "parcels are packed"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with booted(tmp_path) as booted_machine:
        yield booted_machine


@pytest.fixture
def installed(machine: Machine) -> Machine:
    """A machine with the service; files and journal alone, as it has no engine."""
    machine.run("/dist/hantu-standalone", "install")
    return machine


def answers(machine: Machine) -> bool:
    return machine.get("/healthz") == (200, '{"status":"ok"}')


def is_shown(machine: Machine, word: str) -> bool:
    """Whether the page of a search for the word has the line that write() made of it."""
    status, page = machine.get(f"/logs?q={word}")
    return status == 200 and REST in page


def count(machine: Machine, word: str) -> int:
    """How many stored lines have the word."""
    said = machine.run("hantu", "--json", "logs", word)
    return sum(word in line for line in said.splitlines())


def worker(machine: Machine) -> int:
    """The process that collects, writes and answers."""
    return int(json.loads(machine.run("cat", "/var/lib/hantu/control.json"))["pid"])


def write(machine: Machine, word: str) -> None:
    """A line of another program in the journal."""
    machine.run("systemd-cat", "-t", "shop", "echo", word, REST)


@pytest.mark.promise("M82")
def test_one_file_and_one_command_bring_lines_of_a_clean_debian_to_the_browser(machine: Machine) -> None:
    machine.run("sh", "-c", "rm -f /usr/bin/python3*")
    began = time.monotonic()
    said = machine.run("/dist/hantu-standalone", "install")
    write(machine, "firstline")
    wait_until(lambda: is_shown(machine, "firstline"), FIRST_LINE_S)
    assert time.monotonic() - began < FIRST_LINE_S
    assert "answers at http://127.0.0.1:8514/" in said
    link = re.search(r"works once: http://127\.0\.0\.1:8514(/setup\?token=\S+)", said)
    assert link is not None
    assert machine.get(link[1])[0] == 200
    # Again: nothing to do, nothing restarted.
    pid = machine.show("MainPID")
    again = machine.run("hantu", "install")
    assert "done " not in again
    assert machine.show("MainPID") == pid
    assert machine.show("User") == "hantu"
    assert machine.run("stat", "-c", "%a %U", "/var/lib/hantu", "/var/lib/hantu/hantu.db").split() == [
        *("700", "hantu", "600", "hantu")
    ]
    assert [text for priority, text in machine.lines() if priority <= 4 and "Docker" not in text] == []
    # A wrong setting is one line of an error, and no start after start.
    machine.run("sh", "-c", "echo 'port = \"many\"' > /etc/hantu/hantu.toml")
    machine.run("systemctl", "restart", "hantu", code=1)
    wait_until(lambda: machine.show("ActiveState") == "failed")
    assert machine.show("ExecMainStatus") == "2"
    assert machine.show("NRestarts") == "0"
    assert [text for priority, text in machine.lines("-p", "err")][-1].startswith(
        "hantu: /etc/hantu/hantu.toml: port is 'many'"
    )


@pytest.mark.promise("M82")
def test_a_service_that_dies_hangs_or_is_stopped_goes_on_where_it_was(installed: Machine) -> None:
    machine = installed
    write(machine, "beforekill")
    wait_until(lambda: is_shown(machine, "beforekill"))
    for victim in ("main", "all"):
        pid = machine.show("MainPID")
        killed = pid if victim == "main" else f"{pid} {worker(machine)}"
        machine.run("sh", "-c", f"kill -KILL {killed}")
        write(machine, f"during{victim}")
        wait_until(lambda old=pid: machine.show("MainPID") not in ("0", old) and answers(machine), 60)
        wait_until(lambda word=f"during{victim}": is_shown(machine, word), 60)
        assert count(machine, f"during{victim}") == 1
    assert count(machine, "beforekill") == 1

    # A hang: systemd misses its sign of life.
    dropin = "mkdir -p /etc/systemd/system/hantu.service.d; printf '[Service]\\nWatchdogSec=3\\n' > "
    machine.run("sh", "-c", dropin + "/etc/systemd/system/hantu.service.d/50-test.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "hantu")
    wait_until(lambda: answers(machine))
    restarts = int(machine.show("NRestarts"))
    machine.run("sh", "-c", f"kill -STOP {worker(machine)}")
    wait_until(lambda: int(machine.show("NRestarts")) > restarts and answers(machine), 60)
    assert "Watchdog timeout" in machine.run("journalctl", "-u", "hantu", "-o", "cat")
    write(machine, "afterhang")
    wait_until(lambda: is_shown(machine, "afterhang"), 60)

    began = time.monotonic()
    machine.run("systemctl", "stop", "hantu")
    assert time.monotonic() - began < 5
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0")
    assert "exit status -15" not in " ".join(text for _, text in machine.lines())
    left = machine.run("ls", "/var/lib/hantu").split()
    assert "hantu.db" in left
    assert not {"hantu.db-wal", "control.json"} & set(left)


def ask(machine: Machine, path: str) -> Any:
    """A decoded answer of the API."""
    status, text = machine.get(path)
    assert status == 200, text
    return json.loads(text)


@pytest.mark.promise("M11")
def test_an_older_versions_database_is_copied_and_brought_to_this_version(machine: Machine) -> None:
    """With the file for hosts with Python; hantu-v4.db.xz was written by a hantu of schema version 4."""
    machine.run(
        "sh", "-c", "mkdir -m 700 /etc/credstore; echo 1:secret > /etc/credstore/hantu.telegram_token"
    )
    machine.run("/dist/hantu", "install", "--no-start")
    database = "/var/lib/hantu/hantu.db"
    (machine.root / database.lstrip("/")).write_bytes(lzma.decompress(OLD_DATABASE.read_bytes()))
    machine.run("chown", "hantu:hantu", database)
    machine.run("sh", "-c", "echo 'retention_days = 3650' > /etc/hantu/hantu.toml")
    assert schema(machine, database) == OLD_VERSION
    said = machine.run("/dist/hantu", "install")
    assert f"done  copy {database} to hantu.db.before-" in said
    wait_until(lambda: answers(machine))
    assert schema(machine, database) == VERSION
    copy = machine.run("sh", "-c", f"ls {database}.before-*")
    assert schema(machine, copy) == OLD_VERSION
    assert machine.run("stat", "-c", "%a %U", copy) == "600 hantu"
    assert ask(machine, "/api/logs?limit=1&sources=app")["total"] == OLD_LINES
    assert ask(machine, "/api/logs?limit=1&q=%EC%A3%BC%EB%AC%B8")["total"] == OLD_ORDERS
    (group,) = ask(machine, "/api/errors")["errors"]
    assert (group["errorType"], group["count"]) == ("InsufficientBalance", 12)
    assert ask(machine, "/api/executions?status=COMPLETED")["total"] == 3
    assert "kept" in machine.run("hantu", "token", "list")

    write(machine, "withpython")
    wait_until(lambda: is_shown(machine, "withpython"))
    assert machine.run("head", "-n1", "/usr/local/bin/hantu") == "#!/usr/bin/python3.11 -I"
    # Compiled when it was installed: the service's user may not.
    compiled = "/opt/hantu/current/lib/hantu/__pycache__/serve.cpython-311.pyc"
    assert machine.run("stat", "-c", "%U %a", compiled) == "root 644"
    # Handed over by systemd, and readable for nobody else.
    environment = machine.run(
        "sh", "-c", "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID hantu)/environ"
    )
    assert "CREDENTIALS_DIRECTORY=/run/credentials/hantu.service" in environment
    assert "secret" not in environment
    assert machine.run("cat", "/run/credentials/hantu.service/hantu.telegram_token") == "1:secret"
