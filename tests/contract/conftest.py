"""The stores that must keep the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.store.sqlite import SqliteStore

MakeStore = Callable[[], LogStorage]


def _memory(_path: Path) -> LogStorage:
    return MemoryStore()


def _sqlite(path: Path) -> LogStorage:
    return SqliteStore.open(path)


STORES: dict[str, Callable[[Path], LogStorage]] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=STORES)
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Makes new, empty stores of one implementation; closes them at the end."""
    opened: list[LogStorage] = []

    def make() -> LogStorage:
        store = STORES[request.param](tmp_path / f"store-{len(opened)}.db")
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> LogStorage:
    """One new, empty store."""
    return make_store()
