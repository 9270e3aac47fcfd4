"""What every store keeps of the times that hantu could not see."""

from __future__ import annotations

import pytest

from hantu.model import LogEntry, LogLevel
from hantu.store import gap_base
from hantu.store.base import LogStorage
from hantu.store.gap_base import Gap, GapSum
from hantu.store.sqlite import gaps as sqlite_gaps
from tests.contract.conftest import MakeStore
from tests.contract.samples import entry


def gap(start: int, end: int, source_id: str = "api", **parts: object) -> Gap:
    fields: dict[str, object] = {"source": "docker", "reason": "the engine rotated past it"}
    return Gap(source_id=source_id, from_ns=start, to_ns=end, **(fields | parts))  # type: ignore[arg-type]  # parts are the test's own


def telling(start: object, end: object, **told: object) -> LogEntry:
    """The entry by which a collector tells of a gap."""
    said = {"from_ns": start, "to_ns": end, "reason": "vacuumed", "lines": None, **told}
    return entry("lines may be missing", level=LogLevel.WARN, metadata={"gap": said})


def spans(store: LogStorage, **asked: object) -> list[tuple[int, int]]:
    return [(found.from_ns, found.to_ns) for found in store.gaps(**asked)]  # type: ignore[arg-type]  # the test names what it asks


def test_an_entry_that_tells_of_a_gap_is_in_the_ledger_with_it(store: LogStorage) -> None:
    store.write_batch([entry("before"), telling(10, 20, lines=7), entry("after")], {"reader": b"3"})
    (found,) = store.gaps()
    told = store.get(found.entry_id)
    assert told is not None
    assert told.message == "lines may be missing"
    assert (found.source, found.source_id, found.from_ns, found.to_ns) == ("docker", "api", 10, 20)
    assert (found.reason, found.lines, found.size_bytes) == ("vacuumed", 7, None)
    assert found.noted_ns > 0


def test_a_gap_is_known_however_it_is_told(store: LogStorage) -> None:
    store.write_batch([telling(None, 30), telling(50, 40, bytes=900)])
    assert spans(store) == [(40, 40), (30, 30)]
    assert [found.size_bytes for found in store.gaps()] == [900, None]


@pytest.mark.parametrize(
    "told", [None, "x", [], {}, {"to_ns": "soon"}, {"to_ns": True}, {"to_ns": 1 << 80}]
)
def test_what_only_looks_like_a_gap_is_stored_and_not_in_the_ledger(
    store: LogStorage, told: object
) -> None:
    store.write_batch([entry("line", level=LogLevel.WARN, metadata={"gap": told})])
    assert store.stats().entries == 1
    assert store.gaps() == ()


def test_a_line_of_another_level_with_such_a_field_is_no_gap(store: LogStorage) -> None:
    store.write_batch([entry("line", metadata={"gap": {"from_ns": 1, "to_ns": 2}})])
    assert store.gaps() == ()


def test_an_entry_that_was_stored_before_is_in_the_ledger_once(store: LogStorage) -> None:
    told = LogEntry(
        "docker", "api", LogLevel.WARN, "gap", 9, {"gap": {"from_ns": 1, "to_ns": 9}}, b"x" * 16
    )
    store.write_batch([told])
    store.write_batch([told])
    assert spans(store) == [(1, 9)]


def test_gaps_are_asked_for_by_the_time_they_reach_into(store: LogStorage) -> None:
    store.note_gaps([gap(10, 20), gap(15, 40), gap(50, 60)])
    assert spans(store) == [(50, 60), (15, 40), (10, 20)]
    assert spans(store, start_ns=21, end_ns=50) == [(15, 40)]
    assert spans(store, start_ns=20, end_ns=51) == [(50, 60), (15, 40), (10, 20)]
    assert spans(store, start_ns=61) == []
    assert spans(store, most=2) == [(50, 60), (15, 40)]


def test_gaps_are_asked_for_by_whom_they_concern(store: LogStorage) -> None:
    store.note_gaps(
        [gap(1, 2), gap(1, 3, "web"), gap(1, 4, "", source="journal"), gap(1, 5, "", source="")]
    )
    assert spans(store, sources=["docker"]) == [(1, 5), (1, 3), (1, 2)]
    assert spans(store, sources=["journal", "app"]) == [(1, 5), (1, 4)]
    assert spans(store, source_id="api") == [(1, 5), (1, 4), (1, 2)]


def test_gaps_are_counted_for_each_source(store: LogStorage) -> None:
    store.note_gaps([gap(1, 2, lines=3), gap(5, 6, lines=4), gap(5, 7, "web"), gap(5, 8, "", source="")])
    assert store.gap_sums() == (
        GapSum("", "", 1, 0),
        GapSum("docker", "api", 2, 7),
        GapSum("docker", "web", 1, 0),
    )
    assert store.gap_sums(start_ns=7) == (GapSum("", "", 1, 0), GapSum("docker", "web", 1, 0))


def test_the_ledger_is_bounded_and_its_oldest_go(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (gap_base, sqlite_gaps):
        monkeypatch.setattr(module, "GAPS_MOST", 3)
    monkeypatch.setattr("hantu.store.memory_gaps.GAPS_MOST", 3)
    store = make_store()
    store.note_gaps([gap(at, at + 1) for at in range(5)])
    store.write_batch([telling(7, 8)])
    assert spans(store) == [(7, 8), (4, 5), (3, 4)]
