"""A short form of bench/soak.py: nothing lost, nothing doubled, memory within its bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.soak import TAILS, slope_mb_min, soak

RSS_MOST_MB = 130
"""Some 105 on a quiet machine; ten minutes of it stay below 150 (docs/performance.md)."""


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_steady_load_loses_nothing_and_stays_small(tmp_path: Path) -> None:
    # Short lives of entries: clean-ups run beside all else, and take most of what was written.
    seen = soak(tmp_path, seconds=13, per_second=2_000, keep_s=5, clean_every_s=2)
    assert min(seen.written.values()) > 0
    assert seen.missing == dict.fromkeys(seen.written, 0)
    assert seen.doubled == 0
    assert seen.removed > 0
    assert seen.entries == sum(seen.written.values()) + seen.others - seen.removed
    assert seen.refused == ()
    assert len(seen.asked) >= len(TAILS)
    assert seen.tailed[0] + seen.skipped >= sum(seen.written.values())
    assert seen.rss_most < RSS_MOST_MB


def test_a_slope_is_that_of_the_line_through_its_points() -> None:
    assert slope_mb_min([(0, 100), (30, 101), (60, 102)]) == pytest.approx(2.0)
    assert slope_mb_min([(0, 100), (30, 103), (60, 100)]) == pytest.approx(0.0)
    assert slope_mb_min([(5, 100)]) == 0
