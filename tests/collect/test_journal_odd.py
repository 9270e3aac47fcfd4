"""The journal across starts of the machine, and with damaged files."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

import pytest

from hantu.collect.journal_process import boot_of, this_boot
from hantu.store.memory import MemoryStore
from tests.collect.journaldesk import Desk
from tests.fault import tally
from tests.journald import PrivateJournal
from tests.journald import journald as private
from tests.waiting import wait_until

journald = private
pytestmark = pytest.mark.journal


def numbers(desk: Desk) -> list[int]:
    return [int(message.split()[1]) for message in desk.messages() if message.startswith("line ")]


@pytest.mark.promise("M27", "M31")
@pytest.mark.fault
@pytest.mark.fault_row("R15")
@pytest.mark.parametrize("known", [True, False])
def test_what_was_written_before_the_machine_started_again_is_read(
    journald: PrivateJournal, tmp_path: Path, *, known: bool
) -> None:
    store = MemoryStore()
    boots = itertools.count()

    def start_machine() -> None:
        boot = tmp_path / f"boot{next(boots)}"
        boot.write_text(f"{uuid.uuid4()}\n")
        journald.end()
        journald.start(boot=boot)

    start_machine()
    journald.write_lines(0, 400)
    journald.journalctl("--sync")
    if known:
        with Desk(journald.namespace, store) as desk:
            desk.wait(400)
    # Two starts of the machine without hantu, and the one that it runs in.
    start_machine()
    journald.write_lines(400, 700)
    start_machine()
    journald.write_lines(700, 1_000)
    journald.end()
    journald.start()
    journald.write_lines(1_000, 1_300)
    journald.journalctl("--sync")
    assert len({fields["_BOOT_ID"] for fields in journald.stored()}) >= 4
    with Desk(journald.namespace, store) as desk:
        desk.wait(1_300)
        journald.write_lines(1_300, 1_600)
        desk.wait(1_600)
        assert tally.account(numbers(desk), range(1_600)) == (0, 0)
        assert numbers(desk) == sorted(numbers(desk))
        assert desk.gaps() == []
        assert not desk.errors


def test_the_start_of_the_machine_is_known_from_a_cursor(journald: PrivateJournal) -> None:
    journald.write_lines(0, 1)
    cursor = journald.stored()[0]["__CURSOR"]
    assert boot_of(cursor) == this_boot() != ""
    assert boot_of("no cursor") == ""


@pytest.mark.promise("M28")
@pytest.mark.fault
@pytest.mark.fault_row("R16")
@pytest.mark.parametrize("zeroed", [True, False])
def test_entries_in_a_damaged_file_are_a_counted_gap(journald: PrivateJournal, *, zeroed: bool) -> None:
    store = MemoryStore()
    journald.write_lines(0, 200)
    with Desk(journald.namespace, store) as desk:
        desk.wait(200)
    journald.write_lines(200, 1_500)
    journald.journalctl("--sync")
    journald.rotate()
    path = journald.archived()[-1]
    raw = path.read_bytes()
    at = raw.index(b"MESSAGE=line 900") // 4096 * 4096
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(4096) if zeroed else bytes(255 - byte for byte in raw[at : at + 16_384]))
    journald.write_lines(1_500, 2_000)
    journald.journalctl("--sync")
    with Desk(journald.namespace, store) as desk:
        wait_until(lambda: "line 1999" in desk.messages())
        found = numbers(desk)
        missing = set(range(2_000)) - set(found)
        assert missing
        assert len(found) == len(set(found))
        assert found == sorted(found)
        assert sum(gap["lines"] for gap in desk.gaps()) >= len(missing)
        # Nothing else is told as missing but what lies in the damaged file.
        assert missing <= set(range(200, 1_500))
        tally.note(runs=1, lines=2_000, gaps=len(missing))


@pytest.mark.fault
@pytest.mark.fault_row("R16")
def test_a_file_whose_head_is_damaged_under_the_reader_loses_no_line(journald: PrivateJournal) -> None:
    journald.write_lines(0, 500)
    with Desk(journald.namespace) as desk:
        desk.wait(500)
        journald.end()
        with (journald.folder / "system.journal").open("r+b") as file:
            file.seek(16)
            file.write(b"\xff" * 200)
        # It puts the damaged file aside and numbers anew.
        journald.start()
        wait_until(lambda: list(journald.folder.glob("*.journal~")))
        journald.write_lines(500, 1_000)
        desk.wait(1_000)
        assert tally.account(numbers(desk), range(1_000)) == (0, 0)
        assert numbers(desk) == sorted(numbers(desk))
        # Whether anything was written into the damaged file meanwhile nobody knows.
        assert all(gap["lines"] is None for gap in desk.gaps())
