"""SIGKILL at every write of a seal, a grouping of filters and a clean-up: nothing is lost or doubled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store.keeping import Deadlines, rules_of
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.snapshot import GROUP
from tests.store.killing import VFS, Fuse, changes
from tests.store.made import START_NS, asked, many, opened, write_all

LINES = 400
STEP_S = 600.0
NOW_NS = START_NS + int(LINES * STEP_S) * 10**9

DAYS = 2
RULES = rules_of(("level:<=debug=12h", "docker:svc-3=30d"))

Act = Callable[[SqliteStore], object]


def acted(path: Path, act: Act, kill_at: int | None) -> int:
    """As changes(): do something with a store that was opened before."""

    def with_store() -> None:
        store = SqliteStore.open(path, vfs=VFS, background=False)
        Fuse.light()
        act(store)

    return changes(with_store, kill_at)


def numbers(store: SqliteStore) -> list[int]:
    """Which of the lines are stored, in order of arrival."""
    return [int(each.message.split()[1]) for each in store.arrivals(LogQuery(), most=10**6).entries]


def _seal(store: SqliteStore) -> None:
    assert store.seal() > 0


def _clean(store: SqliteStore) -> None:
    store.cleanup(1, now_ns=NOW_NS)


def _keep_some(store: SqliteStore) -> None:
    store.cleanup(DAYS, now_ns=NOW_NS, rules=RULES)


SCENES: dict[str, tuple[list[int], Act]] = {
    "seal": ([], _seal),
    # One more segment makes a full group.
    "group": ([1] * (GROUP - 1), _seal),
    "cut": ([LINES], _clean),
    "drop": ([20] * (LINES // 20), _clean),
    "rules": ([50] * (LINES // 50), _keep_some),
}
"""The sizes of the segments that there are first, what else there is being hot, and what is done then."""


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Act, list[int]]:
    """A file, what is done with it, and which lines it holds after that."""
    sizes, act = SCENES[request.param]
    path = tmp_path / "before.db"
    lines = many(LINES, step_s=STEP_S)
    with opened(path, seal_entries=10**6, background=False) as store:
        at = 0
        for size in sizes:
            store.write_batch(lines[at : at + size])
            store.seal()
            at += size
        write_all(store, lines[at:], size=50)
    days = {_clean: 1.0, _keep_some: DAYS}.get(act, 10_000)
    deadlines = Deadlines(days, RULES if act is _keep_some else (), NOW_NS)
    after = [
        number
        for number, line in enumerate(lines)
        if line.time_ns >= deadlines.before_ns[deadlines.of(line.source, line.source_id, line.level)]
    ]
    return path, act, after


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.fault_row("R1")
def test_a_kill_at_any_write_loses_and_doubles_nothing(
    scene: tuple[Path, Act, list[int]], tmp_path: Path
) -> None:
    path, act, after = scene
    copy = tmp_path / "copy.db"

    def fresh() -> None:
        for old in tmp_path.glob("copy.db*"):
            old.unlink()
        shutil.copy(path, copy)

    fresh()
    writes = acted(copy, act, None)
    assert writes > 5
    steps = range(writes) if writes <= 60 else sorted({round(at * writes / 60) for at in range(60)})
    for kill_at in steps:
        fresh()
        assert acted(copy, act, kill_at) == -1
        with opened(copy, background=False) as store:
            found = numbers(store)
            # In order and once each; only lines that were to go may be gone.
            assert found == sorted(set(found))
            assert set(after) <= set(found) <= set(range(LINES))
            assert store.count(asked("line"), cap=10**6).count == len(found) == store.stats().entries
            store.seal()
            if act in (_clean, _keep_some):
                act(store)
            assert numbers(store) == after
            assert store.maintain(10_000, now_ns=NOW_NS, pause=lambda: False).problems == ()
