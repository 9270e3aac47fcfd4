"""Rules that keep some entries longer than others: segments are written anew, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.keeping import Deadlines, rule_of, rules_of
from hantu.store.sqlite import SqliteStore
from tests.store.made import DAY_NS, START_NS, asked, entry, many, opened, write_all

LINES = 12_000
NOW_NS = START_NS + 3 * DAY_NS
RULES = rules_of(("level:<=debug=1d", "docker:svc-1=24h", "docker:svc-3=30d"))
"""Of many(): level is number % 6, stream is svc-(number % 4)."""


def kept(entries: list[LogEntry]) -> list[LogEntry]:
    """What stays of entries that are 3 days old."""
    deadlines = Deadlines(7, RULES, NOW_NS)
    return [
        each
        for each in entries
        if each.time_ns >= deadlines.before_ns[deadlines.of(each.source, each.source_id, each.level)]
    ]


def numbered() -> list[LogEntry]:
    """Entries of three days, each with an id of its sender."""
    lines = many(LINES, step_s=0.001)
    return [
        msgspec.structs.replace(each, event_id=number.to_bytes(16)) for number, each in enumerate(lines)
    ]


def contents(store: SqliteStore) -> list[tuple[str, int, str]]:
    return [(each.message, each.time_ns, each.source_id) for each in store.export(LogQuery())]


def test_what_stays_of_small_segments_becomes_few_and_keeps_its_ids(tmp_path: Path) -> None:
    entries = numbered()
    with opened(tmp_path / "hantu.db", seal_entries=200, background=False) as store:
        write_all(store, entries, size=200)
        assert store.storage().segments == LINES // 200
        before = {each.message: (each.id, each.key, each.metadata) for each in store.export(LogQuery())}
        rest = kept(entries)
        assert store.cleanup(7, now_ns=NOW_NS, rules=RULES) == LINES - len(rest)
        assert 0 < len(rest) < LINES * 3 // 4
        assert store.storage().segments == 1
        after = list(store.export(LogQuery()))
        assert sorted(each.message for each in after) == sorted(each.message for each in rest)
        assert all(before[each.message] == (each.id, each.key, each.metadata) for each in after)
        # What is found by words, by values, by counts is still that.
        one = next(each for each in rest if each.message.startswith("line 8 "))
        assert [each.message for each in store.search(asked(f'"{one.message}"')).entries] == [one.message]
        assert store.count(asked("주문"), cap=LINES).count == len(rest) == store.stats().entries
        # Those that went may come again, those that stayed are known.
        again = store.write_batch(entries[:1_000])
        assert again.accepted == 1_000 - len(kept(entries[:1_000]))
        assert store.maintain(7, now_ns=NOW_NS, pause=lambda: False, rules=RULES).problems == ()


def test_a_segment_that_is_kept_lies_between_those_that_are_written_anew(tmp_path: Path) -> None:
    """Keys of one segment must never reach over another's: a live view reads them in their order."""
    with opened(tmp_path / "hantu.db", seal_entries=100, background=False) as store:
        for part in range(6):
            source_id = "svc-3" if part % 3 == 2 else ""
            lines = [
                entry(f"part {part} line {number}", source_id=source_id or f"svc-{number % 2}")
                for number in range(100)
            ]
            store.write_batch(lines)
        assert store.cleanup(7, now_ns=NOW_NS, rules=RULES) == 200
        found = store.arrivals(LogQuery(after_key=0), most=1_000)
        keys = [each.key for each in found.entries]
        assert keys == sorted(keys)
        assert len(keys) == 400
        assert store.storage().segments == 4


def test_rules_that_fit_nothing_write_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=500, background=False) as store:
        write_all(store, many(3_000))
        before = store.storage().segments
        rules = (rule_of("docker:svc-1", 30), rule_of("level:fatal", 365), rule_of("journal", 0.001))
        assert store.cleanup(7, now_ns=NOW_NS, rules=rules) == 0
        assert (store.storage().segments, store.removals()) == (before, ())


def test_what_is_removed_is_the_same_however_often_it_is_broken_off(tmp_path: Path) -> None:
    entries = numbered()
    path = tmp_path / "hantu.db"
    with opened(path, seal_entries=100, background=False) as store:
        write_all(store, entries, size=100)
    gone = calls = 0

    def pause() -> bool:
        nonlocal calls
        calls += 1
        return calls % 3 == 0

    for _ in range(1_000):
        with opened(path, seal_entries=100, background=False) as store:
            some = store.cleanup(7, now_ns=NOW_NS, pause=pause, rules=RULES)
            gone += some
            assert store.stats().entries == LINES - gone == len(contents(store))
            left = sum(each.entries for each in store.removable(7, now_ns=NOW_NS, rules=RULES))
        if not left:
            break
    assert gone == LINES - len(kept(entries))
    with opened(path) as store:
        assert sum(each.entries for each in store.removals(most=10_000)) == gone
        assert sorted(contents(store)) == sorted(
            (each.message, each.time_ns, each.source_id) for each in kept(entries)
        )


def test_what_is_newest_of_a_source_is_what_stays(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for at in range(4):
            store.write_batch(
                [
                    entry("kept", at=2 * at, level=LogLevel.INFO, source_id="both"),
                    entry("removed", at=2 * at + 1, level=LogLevel.WARN, source_id="both"),
                    entry("kept", at=at, level=LogLevel.INFO, source_id="other"),
                ]
            )
            store.seal()
        assert store.cleanup(1, now_ns=NOW_NS, rules=rules_of(["level:<=info=100d"])) == 4
        store.write_batch([entry("not sealed", at=3, source_id="hot")])
        assert {each.source_id: each.newest_ns - START_NS for each in store.source_ids()} == {
            "both": 6 * 10**9,
            "other": 3 * 10**9,
            "hot": 3 * 10**9,
        }


@pytest.mark.parametrize("scope", ["", "docker journal", "level:loud", "level:>>warn"])
def test_a_rule_that_says_nothing_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match=r"rule|level"):
        rule_of(scope, 1)
