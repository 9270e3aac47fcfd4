"""Files of the service are for its own user alone, whatever the umask (S20)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import NOTHING, RunningService


@pytest.fixture
def generous() -> Iterator[None]:
    """A umask that would let everybody in."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """What others than the owner may do anything with."""
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    return {str(path): oct(mode) for path, mode in found.items() if mode & 0o077}


@pytest.mark.e2e
@pytest.mark.usefixtures("generous")
def test_every_file_of_the_service_is_its_own_users(tmp_path: Path) -> None:
    service = RunningService(tmp_path / "data", NOTHING)
    try:
        service.start()
        service.call("POST", "/api/ingest", b'{"message": "one"}')
        service.call("POST", "/api/tokens", b'{"name": "shop", "scope": "read"}')
        run = service.call("POST", "/api/executions", b'{"prompt": "x", "jobName": "nightly"}')
        sent = service.call(
            "POST", f"/api/executions/{run['id']}/artifacts", b'{"fileName": "a.txt", "type": "DATA"}'
        )
        service.call("PUT", f"/api/artifacts/{sent['id']}/content", b"content")
        names = {path.name for path in (tmp_path / "data").rglob("*")}
        assert {"hantu.db", "hantu.db-wal", "hantu.db-shm", "hantu.db.lock", "control.json"} <= names
        assert any(
            path.read_bytes() == b"content" for path in (tmp_path / "data").rglob("*") if path.is_file()
        )
        assert open_to_others(tmp_path / "data") == {}
        assert service.stop() == 0
        assert open_to_others(tmp_path / "data") == {}
    finally:
        service.close()
