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


def _hot(path: Path) -> LogStorage:
    return SqliteStore.open(path)


def _mixed(path: Path) -> LogStorage:
    return SqliteStore.open(path, seal_entries=5, background=False)


def _sealed(path: Path) -> LogStorage:
    return SqliteStore.open(path, seal_entries=1, background=False)


STORES: dict[str, Callable[[Path], LogStorage]] = {
    "memory": _memory,
    "hot": _hot,
    "mixed": _mixed,
    "sealed": _sealed,
}
"""The SQLite store in each state of its tiers: nothing sealed, some of it, all of it."""


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
