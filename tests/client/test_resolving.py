"""A program marks an error of its own as resolved."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from hantu import get_logger, mark_resolved, shutdown
from hantu.errors import ErrorStatus
from hantu.store.error_base import Act, ErrorQuery
from tests.client.conftest import Configure
from tests.running import NOTHING, RunningService
from tests.store.made import opened
from tests.waiting import wait_until

logger = get_logger("core.trading")


@pytest.mark.promise("M55")
def test_an_error_is_resolved_in_the_services_file(tmp_path: Path, library: Configure) -> None:
    path = tmp_path / "hantu.db"
    with opened(path):
        pass
    logs = library(dsn=f"sqlite:///{path}", batch_s=0.01)
    logger.error("order failed")
    logger.error("order failed again", context={"n": 1})
    assert shutdown()
    library(dsn=f"sqlite:///{path}")
    first, other = (each["id"] for each in logs.errors)
    assert mark_resolved(first)
    assert mark_resolved(first)
    with opened(path) as store:
        by_message = {group.message: group for group in store.errors(ErrorQuery()).groups}
        assert by_message["order failed"].status is ErrorStatus.RESOLVED
        assert by_message["order failed again"].status is ErrorStatus.UNRESOLVED
        (event,) = store.group_events(by_message["order failed"].group_no)
        assert (event.act, event.by) == (Act.RESOLVED, "program")
    assert other != first


@pytest.mark.e2e
@pytest.mark.promise("M55")
def test_an_error_is_resolved_by_the_service(tmp_path: Path, library: Configure) -> None:
    service = RunningService(tmp_path / "data", NOTHING)
    try:
        service.start()
        logs = library(dsn=service.url.replace("://", f"://{service.token}@"), batch_s=0.01)
        logger.error("order failed")
        wait_until(lambda: service.get("/api/errors")["total"] == 1)
        (record,) = logs.errors
        assert mark_resolved(record["id"])
        assert service.get("/api/errors")["errors"][0]["status"] == "RESOLVED"
        assert mark_resolved(record["id"])
        made = service.call("POST", "/api/tokens", b'{"name": "scheduler", "scope": "ingest"}')
        library(dsn=service.url.replace("://", f"://{made['token']}@"))
        assert not mark_resolved(record["id"])
        assert "only a token with scope admin" in logs.text
        assert made["token"] not in logs.text
    finally:
        service.close()


@pytest.mark.parametrize(
    ("dsn", "error_id", "why"),
    [
        ("", str(uuid.UUID(int=7)), "there is no dsn"),
        ("sqlite:////nowhere/hantu.db", str(uuid.UUID(int=7)), "is not there"),
        ("http://127.0.0.1:9", str(uuid.UUID(int=7)), "127.0.0.1:9"),
        ("", "7", "no UUID"),
    ],
)
def test_what_cannot_be_resolved_is_told_and_harms_nobody(
    library: Configure, dsn: str, error_id: str, why: str
) -> None:
    logs = library(dsn=dsn)
    assert not mark_resolved(error_id)
    (line,) = logs.lines
    assert why in line
