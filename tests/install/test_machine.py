"""hantu on a clean Debian machine: one file, one command, and what systemd does with the service."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.machine import Machine, booted
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FIRST_LINE_S = 60.0
NEXT = "/root/next"
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
        wait_until(lambda old=pid: machine.show("MainPID") not in ("0", old) and answers(machine), 30)
        wait_until(lambda word=f"during{victim}": is_shown(machine, word), 30)
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
    wait_until(lambda: is_shown(machine, "afterhang"), 30)

    began = time.monotonic()
    machine.run("systemctl", "stop", "hantu")
    assert time.monotonic() - began < 5
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0")
    left = machine.run("ls", "/var/lib/hantu").split()
    assert "hantu.db" in left
    assert not {"hantu.db-wal", "control.json"} & set(left)


def next_version(machine: Machine, *, works: bool) -> str:
    """Another build of the same; returns its folder."""
    folder = f"{NEXT}-{works}"
    machine.run("sh", "-c", f"cp -a /var/cache/hantu-files/* {folder}")
    machine.run("sh", "-c", f"echo {'00ff' if works else '00ee'} > {folder}/_internal/hantu/files/build-id")
    if not works:
        refuse = r'#!/bin/sh\n[ "$1" != serve ] || { echo "<3>this version is broken" >&2; exit 1; }\n'
        machine.run("mv", f"{folder}/hantu", f"{folder}/real")
        machine.run("sh", "-c", f"printf '{refuse}exec {folder}/real \"$@\"\\n' > {folder}/hantu")
        machine.run("chmod", "755", f"{folder}/hantu")
    return folder


def test_an_upgrade_goes_back_when_the_new_version_does_not_start(installed: Machine) -> None:
    machine = installed
    write(machine, "oldversion")
    wait_until(lambda: is_shown(machine, "oldversion"))
    first = machine.run("readlink", "/opt/hantu/current")
    machine.run("sh", "-c", "echo 'batch_ms = 200' > /etc/hantu/hantu.toml")

    said = machine.run(f"{next_version(machine, works=False)}/hantu", "install", code=1)
    assert "this version is broken" in said
    assert "as it was before" in said
    assert machine.run("readlink", "/opt/hantu/current") == first
    wait_until(lambda: answers(machine))
    assert is_shown(machine, "oldversion")

    machine.run(f"{next_version(machine, works=True)}/hantu", "install")
    assert machine.run("readlink", "/opt/hantu/current").endswith("-00ff")
    wait_until(lambda: answers(machine))
    assert is_shown(machine, "oldversion")
    assert machine.run("cat", "/etc/hantu/hantu.toml") == "batch_ms = 200"
    assert len(machine.run("ls", "/opt/hantu/releases").split()) == 2

    said = machine.run("hantu", "uninstall")
    assert "The data and the settings are still there" in said
    assert machine.said("systemctl", "is-active", "hantu") == "inactive"
    machine.run("/dist/hantu-standalone", "install")
    wait_until(lambda: is_shown(machine, "oldversion"))
    machine.run("hantu", "uninstall", "--purge", "--yes")
    left = machine.run("find", "/etc", "/opt", "/usr/local", "/var", "-xdev", "-name", "*hantu*")
    assert left == ""
    machine.run("id", "hantu", code=1)


def test_the_file_for_hosts_with_python_is_installed_the_same_way(machine: Machine) -> None:
    machine.run(
        "sh", "-c", "mkdir -m 700 /etc/credstore; echo 1:secret > /etc/credstore/hantu.telegram_token"
    )
    machine.run("/dist/hantu", "install")
    wait_until(lambda: answers(machine))
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
