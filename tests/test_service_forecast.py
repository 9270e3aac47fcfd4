"""The forecast of the disk: what a day takes, what all days will, what fits."""

from __future__ import annotations

import pytest

from hantu.model import JOURNAL, LogLevel
from hantu.service.forecast import FREE_LEAST_BYTES, Bound, Forecast, forecast
from hantu.store.keeping import KeepRule, rules_of
from hantu.store.memory import MemoryStore
from tests.store.made import DAY_NS, START_NS, entry

GB = 10**9
ROOM = 100 * GB


def told(
    days: float,
    *,
    keep: float = 7,
    most: int | None = None,
    free: int = ROOM,
    rules: tuple[KeepRule, ...] = (),
) -> Forecast | None:
    """The forecast after so many days with 100 lines of docker and 20 of the journal each."""
    store = MemoryStore()
    now_ns = START_NS + round(days * DAY_NS)
    many = round(days * 100)
    store.write_batch([entry("x" * 100, at=86_400 * number / 100) for number in range(many)])
    store.write_batch(
        [
            entry("x" * 100, at=86_400 * number / 20, source=JOURNAL, source_id="ssh", level=LogLevel.DEBUG)
            for number in range(many // 5)
        ]
    )
    return forecast(
        store, now_ns=now_ns, retention_days=keep, rules=rules, most_bytes=most, disk_free_bytes=free
    )


def test_without_an_hour_of_lines_there_is_none() -> None:
    assert told(0.04) is None
    assert told(0) is None


@pytest.mark.parametrize("days", [0.5, 2.0, 7.0])
def test_what_fits_is_said_however_young_the_file_is(days: float) -> None:
    found = told(days)
    assert found is not None
    assert (found.bound, found.days_left, found.days_kept) == (Bound.AGE, None, None)
    assert found.final_bytes == pytest.approx(found.day_bytes * 7, rel=0.01)
    assert found.day_bytes == pytest.approx(found.now_bytes / days, rel=0.05)
    (docker, first), (journal, second) = found.by_source
    assert (docker, journal) == ("docker", "journal")
    assert first / second == pytest.approx(5, rel=0.05)


def test_the_setting_ends_the_growth_before_the_disk_does() -> None:
    full = told(2)
    assert full is not None
    found = told(2, most=round(full.day_bytes * 3.5))
    assert found is not None
    assert found.bound is Bound.SETTING
    assert found.days_left == pytest.approx(1.5, rel=0.1)
    assert found.days_kept == pytest.approx(3.5, rel=0.1)


def test_a_disk_that_is_too_small_is_foreseen() -> None:
    full = told(2)
    assert full is not None
    free = FREE_LEAST_BYTES + round(full.day_bytes * 2)
    for most in (None, 500 * GB):
        found = told(2, free=free, most=most)
        assert found is not None
        assert found.bound is Bound.DISK
        assert found.days_left == pytest.approx(2, rel=0.1)
    over = told(2, free=0)
    assert over is not None
    assert over.days_left == 0


def test_rules_count_for_what_they_speak_of() -> None:
    plain = told(3)
    ruled = told(3, rules=rules_of(("journal level:<=debug=70d", "docker:api=1d")))
    assert plain is not None
    assert ruled is not None
    line = plain.day_bytes / 120
    assert ruled.final_bytes == pytest.approx(line * (20 * 70 + 100 * 1), rel=0.05)
