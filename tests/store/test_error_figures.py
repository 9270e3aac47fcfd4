"""Figures of a fingerprint: the group's while it is alone there, its own while it shares the group."""

from pathlib import Path

import pytest

from hantu.store.sqlite import SqliteStore
from tests.store.made import made_by_version, opened, rows

ADD = """
INSERT INTO error_logs (
  id, time_ns, level, service, fingerprint, error_type, module, function,
  message, stack_trace, trace_id, source, source_id, created_ns
)
VALUES (
  randomblob(16), {time_ns}, 'ERROR', 'shop', '{name}', 'E', '', '',
  '{name} {time_ns}', '', '', 'app', '', 1
)
"""


def add(store: SqliteStore, name: str, time_ns: int) -> None:
    """As another program writes: the trigger counts it."""
    store._database.writer().execute(ADD.format(name=name, time_ns=time_ns))


def figures(store: SqliteStore) -> list[tuple[object, ...]]:
    """(number, message, count, first, last) of each group."""
    return rows(
        store, "SELECT group_no, message, count, first_ns, last_ns FROM error_group ORDER BY group_no"
    )


def own(store: SqliteStore) -> list[tuple[object, ...]]:
    """(name, message, count, first, last) of each fingerprint."""
    statement = (
        "SELECT fingerprint, message, count, first_ns, last_ns FROM error_fingerprint ORDER BY fingerprint"
    )
    return rows(store, statement)


@pytest.mark.promise("M11")
def test_a_file_of_version_5_keeps_the_figures_of_what_shares_a_group(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    occurrences = [("a", 1), ("b", 2), ("a", 3), ("c", 4)]
    merged = """
    UPDATE error_fingerprint SET group_no = 1 WHERE fingerprint = 'b';
    DELETE FROM error_group WHERE group_no = 2;
    UPDATE error_group SET count = 3 WHERE group_no = 1;
    """
    made_by_version(
        path, 5, ";".join([ADD.format(name=name, time_ns=at) for name, at in occurrences]) + ";" + merged
    )
    with opened(path) as store:
        assert own(store) == [("a", "a 3", 2, 1, 3), ("b", "b 2", 1, 2, 2), ("c", "", 0, 0, 0)]
        for name in "abc":
            add(store, name, 5)
        assert figures(store) == [(1, "b 5", 5, 1, 5), (3, "c 5", 2, 4, 5)]
        assert own(store) == [("a", "a 5", 3, 1, 5), ("b", "b 5", 2, 2, 5), ("c", "", 0, 0, 0)]


def test_counts_stay_exact_when_groups_are_merged_split_and_merged_again(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        add(store, "a", 1)
        add(store, "b", 2)
        add(store, "b", 3)
        assert own(store) == [("a", "", 0, 0, 0), ("b", "", 0, 0, 0)]
        store.merge([1, 2], 1, at_ns=4)
        add(store, "b", 5)
        assert own(store) == [("a", "a 1", 1, 1, 1), ("b", "b 5", 3, 2, 5)]
        assert store.split("shop", "b", at_ns=6).group_no == 3
        assert own(store) == [("a", "", 0, 0, 0), ("b", "", 0, 0, 0)]
        add(store, "a", 7)
        add(store, "b", 8)
        assert figures(store) == [(1, "a 7", 2, 1, 7), (3, "b 8", 4, 2, 8)]
        store.merge([1, 3], 3, at_ns=9)
        assert figures(store) == [(3, "b 8", 6, 1, 8)]
        assert own(store) == [("a", "a 7", 2, 1, 7), ("b", "b 8", 4, 2, 8)]
