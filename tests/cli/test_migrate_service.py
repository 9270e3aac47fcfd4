"""`hantu migrate` beside the running service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_migrate import data_dir, hantu, logs, no_settings, rows
from tests.running import NOTHING, RunningService

__all__ = ["data_dir", "logs", "no_settings"]


@pytest.fixture
def service(data_dir: Path, logs: Path) -> Iterator[RunningService]:
    """The real service over that folder, which reads the folder of logs."""
    service = RunningService(data_dir, {**NOTHING, "HANTU_LOG_DIR": str(logs)})
    try:
        yield service.start()
    finally:
        service.close()


@pytest.mark.e2e
@pytest.mark.promise("M89", "M90")
def test_with_the_service_up_the_test_error_goes_all_the_way_and_out_of_the_inbox(
    logs: Path, service: RunningService
) -> None:
    ran = hantu(service.data_dir, "migrate", "--log-dir", str(logs), "--json")
    found = rows(ran)
    assert ran.exit_code == 0, ran.output
    for key in ("prepare.table", "verify.database", "verify.inbox"):
        assert found[key]["state"] == "done", found[key]
    assert service.token not in ran.output
    [group] = service.get("/api/errors?service=hantu-migrate&status=all")["errors"]
    assert (group["status"].upper(), group["count"]) == ("RESOLVED", 1)
