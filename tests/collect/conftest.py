"""What the tests of collectors share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import PrivateEngine
from tests.engine import engine as whole_engine

engine = whole_engine


@pytest.fixture
def containers(engine: PrivateEngine) -> Iterator[PrivateEngine]:
    """The engine, whose containers are removed after the test."""
    yield engine
    engine.remove_containers()
