"""A source that is silent for longer than it ever is is told; others are not."""

from __future__ import annotations

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.pipeline import Pipeline
from hantu.service.rhythm import FORGET_NS, PAUSES_LEAST, Rhythm, Silence
from hantu.store.base import SourceInfo
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal

MIN_NS = 60 * 10**9


def rhythm(store: MemoryStore | None = None) -> Rhythm:
    store = store or MemoryStore()
    return Rhythm(Pipeline(store, CommitSignal()), store)


def container(name: str, state: CollectorState = CollectorState.COLLECTING) -> CollectorStatus:
    return CollectorStatus(f"docker:{name}", name, "docker", name, state, 0)


def lived(found: Rhythm, source: str, source_id: str, *, pause_ns: int, pauses: int = 30) -> int:
    """Have the source print a line every pause_ns; when the last one came."""
    for number in range(pauses + 1):
        found.look([SourceInfo(source, source_id, 1, number * pause_ns)], [], now_ns=number * pause_ns)
    return pauses * pause_ns


def silent(
    found: Rhythm, source: str, source_id: str, last_ns: int, after_ns: int, *others: CollectorStatus
) -> bool:
    silences = found.look([SourceInfo(source, source_id, 1, last_ns)], others, now_ns=last_ns + after_ns)
    return [(each.source, each.source_id) for each in silences] == [(source, source_id)]


def test_a_silence_is_told_from_four_times_the_longest_pause_on() -> None:
    found = rhythm()
    last = lived(found, "app", "shop", pause_ns=5 * MIN_NS)
    assert not silent(found, "app", "shop", last, 19 * MIN_NS)
    assert silent(found, "app", "shop", last, 21 * MIN_NS)
    assert found.silences == (Silence("app", "shop", last, 5 * MIN_NS),)
    assert not silent(found, "app", "shop", last + 22 * MIN_NS, MIN_NS), "it speaks again"


def test_a_busy_source_may_be_quiet_for_ten_minutes() -> None:
    found = rhythm()
    last = lived(found, "journal", "sshd", pause_ns=10**9)
    assert not silent(found, "journal", "sshd", last, 9 * MIN_NS)
    assert silent(found, "journal", "sshd", last, 11 * MIN_NS)


def test_of_a_source_that_seldom_speaks_nothing_is_known() -> None:
    found = rhythm()
    last = lived(found, "app", "cron", pause_ns=MIN_NS, pauses=PAUSES_LEAST - 1)
    assert not silent(found, "app", "cron", last, 1_000 * MIN_NS)


def test_what_has_ended_or_was_stopped_or_is_gone_is_not_silent() -> None:
    found = rhythm()
    last = lived(found, "docker", "api", pause_ns=MIN_NS)
    after = 60 * MIN_NS
    assert silent(found, "docker", "api", last, after, container("api"))
    assert not silent(found, "docker", "api", last, after, container("api", CollectorState.ENDED))
    assert not silent(found, "docker", "api", last, after, container("api", CollectorState.STOPPED))
    assert not silent(found, "docker", "api", last, after, container("web"))
    assert not silent(found, "docker", "api", last, FORGET_NS + 1, container("api"))


def test_what_was_learned_outlives_the_process() -> None:
    store = MemoryStore()
    before = rhythm(store)
    last = lived(before, "app", "shop", pause_ns=MIN_NS)
    before.keep()
    after = rhythm(store)
    after.load()
    assert silent(after, "app", "shop", last, 11 * MIN_NS)
