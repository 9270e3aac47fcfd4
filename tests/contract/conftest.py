"""The stores that must keep the contract."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from tests.parts import require

MakeStore = Callable[[], LogStorage]


def _memory(_path: Path) -> LogStorage:
    return MemoryStore()


def _sqlite(path: Path) -> LogStorage:
    present = importlib.util.find_spec("hantu.store.sqlite.store") is not None or _sqlite_is_there()
    require("hantu.store.sqlite.SqliteStore", present, "the SQLite store is not part of this build")
    from hantu.store.sqlite import SqliteStore

    return SqliteStore.open(path)


def _sqlite_is_there() -> bool:
    import hantu.store.sqlite

    return hasattr(hantu.store.sqlite, "SqliteStore")


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
