"""One service for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.desk import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The real service, and a folder that commands run in."""
    folder: Path = tmp_path_factory.mktemp("desk")
    made = Desk(folder)
    yield made
    made.service.close()
