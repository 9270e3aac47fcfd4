"""What the service's unit gives to the journal: every line at its priority."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journald import PrivateJournal
from tests.journald import journald as private
from tests.running import NOTHING, ROOT
from tests.waiting import wait_until

journald = private


def serve(data_dir: Path, stream: socket.socket, **settings: str) -> subprocess.Popen[bytes]:
    """`app.py serve` with the standard streams that hantu.service gives it."""
    found = os.fstat(stream.fileno())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
    return subprocess.Popen(
        [sys.executable, "app.py", "--data-dir", str(data_dir), "serve"],
        cwd=ROOT,
        env={
            **kept,
            **NOTHING,
            "HANTU_PORT": "0",
            "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}",
            **settings,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stream,
    )


@pytest.mark.e2e
@pytest.mark.journal
@pytest.mark.promise("M82")
def test_the_services_lines_and_errors_are_in_the_journal_at_their_priority(
    tmp_path: Path, journald: PrivateJournal
) -> None:
    with journald.stream("hantu") as stream:
        process = serve(tmp_path / "data", stream)
        try:
            wait_until(lambda: journald.stored("hantu"), 30)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        wrong = serve(tmp_path / "data", stream, HANTU_PORT="many")
        assert wrong.wait(20) == 2
    found = [(int(entry["PRIORITY"]), str(entry["MESSAGE"])) for entry in journald.stored("hantu")]
    assert not [text for _, text in found if text.startswith("<")]
    assert [priority for priority, text in found if "HANTU_PORT is 'many'" in text] == [3]
    assert {priority for priority, text in found if "HANTU_PORT" not in text} <= {5, 6}
    errors = journald.journalctl("-t", "hantu", "-p", "err", "-o", "cat")
    assert errors.splitlines() == [text for priority, text in found if priority <= 3]
