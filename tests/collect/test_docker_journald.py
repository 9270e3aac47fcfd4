"""Containers whose log driver is journald: read from the engine, and not a second time from the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collect.desk import Desk
from tests.collect.journaldesk import Desk as JournalDesk
from tests.engine import PrivateEngine, private_engine
from tests.fault import tally
from tests.journald import PrivateJournal
from tests.journald import journald as private

journald = private
pytestmark = [pytest.mark.docker, pytest.mark.journal]

MOUNTS = """
set -e
mkdir "$1/written" "$1/kept"
mount --bind "$2" "$1/written"
mount --bind "$3" "$1/kept"
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/journal
mount --bind "$1/written" /run/systemd/journal
mount -t tmpfs tmpfs /var/log/journal
mkdir "/var/log/journal/$4"
mount --bind "$1/kept" "/var/log/journal/$4"
shift 4
exec "$@"
"""
"""dockerd writes to the machine's journal: here it takes a private one for that."""
LINES = 200


@pytest.fixture
def journald_engine(journald: PrivateJournal) -> Iterator[PrivateEngine]:
    machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()

    def within(folder: Path) -> list[str]:
        places = [str(place) for place in (folder, journald.run, journald.folder)]
        return ["unshare", "-m", "sh", "-c", MOUNTS, "sh", *places, machine]

    yield from private_engine(within)


@pytest.mark.promise("M17", "M28")
@pytest.mark.fault
@pytest.mark.fault_row("R9")
def test_lines_of_the_journald_driver_are_read_once(
    journald_engine: PrivateEngine, journald: PrivateJournal
) -> None:
    engine = journald_engine
    script = (
        f"for i in $(seq 0 {LINES - 1}); do echo line $i; done; until test -e /go; do usleep 20000; done; "
    )
    script += f"for i in $(seq {LINES} {2 * LINES - 1}); do echo line $i; done; sleep 100"
    with Desk(engine.environment) as desk:
        desk.watching()
        driver = ("--log-driver", "journald")
        container = engine.run(script, name="shop", options=driver)
        other = engine.run("echo left out; sleep 100", name="other", options=driver)
        desk.wait_messages("shop", LINES)
        store = desk.store
        with JournalDesk(journald.namespace, read_by_engine=lambda _id, name: name == "shop") as journal:
            journal.wait(1, other[:12])
            assert journal.messages(other[:12]) == ["left out"]
            assert journal.messages(container[:12]) == []
            # Without Docker they come from the journal.
            with JournalDesk(journald.namespace) as alone:
                alone.wait(LINES, container[:12])
    # Down for a while.
    engine.docker("exec", container, "sh", "-c", "echo > /go")
    with Desk(engine.environment, store) as desk:
        desk.wait_messages("shop", 2 * LINES)
        found = [int(message.split()[1]) for message in desk.messages("shop")]
        assert tally.account(found, range(2 * LINES)) == (0, 0)
        assert found == sorted(found)
        desk.watching()
        assert desk.source.reads(container, "shop")
