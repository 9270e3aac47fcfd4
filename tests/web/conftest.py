"""A service, its application and a client on the same machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from hantu.collect.base import CollectorStatus
from hantu.service import Service
from tests.web.desk import Collecting, app_of, running_service, served


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "data") as started:
        yield started


@pytest.fixture
def app(service: Service) -> flask.Flask:
    return app_of(service)


@pytest.fixture
def base(app: flask.Flask) -> Iterator[str]:
    """Where a browser finds the pages."""
    with served(app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    """A program on this machine, without a token."""
    return app.test_client()


@pytest.fixture
def collecting(service: Service, monkeypatch: pytest.MonkeyPatch) -> Collecting:
    """Call it with the collectors there are to be."""

    def these(*statuses: CollectorStatus) -> None:
        monkeypatch.setattr(service.manager, "statuses", lambda: list(statuses))

    return these
