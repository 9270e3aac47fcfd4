"""The service keeps some lines longer than others, also when the file is too large."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hantu.model import JOURNAL, LogEntry
from hantu.query.logquery import LogQuery
from hantu.service import Service
from tests.test_service import configured, hand_in, spread

RULES = ("journal:sshd.service=90d",)


def audit(count: int, *, days: float) -> list[LogEntry]:
    """What is kept for long: as spread(), of another source."""
    lines = spread(count, days=days, size=100)
    return [msgspec.structs.replace(each, source=JOURNAL, source_id="sshd.service") for each in lines]


def left(service: Service) -> dict[str, int]:
    return dict(service.store.stats().by_source)


def test_the_daily_maintenance_follows_the_rules(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention=list(RULES)))
    service.start()
    try:
        hand_in(service, audit(300, days=30))
        hand_in(service, spread(300, days=30, size=100))
        report = service.maintenance.run()
        assert 220 <= report.removed <= 240
        assert report.problems == ()
        assert left(service) == {"journal": 300, "app": 300 - report.removed}
        assert {each.scope for each in service.store.removals()} == {""}
    finally:
        service.stop()


def test_a_file_that_is_too_large_takes_a_part_of_the_time_of_all(tmp_path: Path) -> None:
    """The oldest day is all audit: it must not go before the noise of yesterday."""
    service = Service(configured(tmp_path / "data", retention=list(RULES), retention_bytes=2_000_000))
    service.start()
    try:
        hand_in(service, audit(900, days=85))
        hand_in(service, spread(6_000, days=6, size=1_000))
        before = service.store.stats().size_bytes
        assert before > 4_000_000
        removed = service.maintenance.bound_size()
        assert service.store.stats().size_bytes <= 2_000_000
        kept = left(service)
        # The file had to become less than half, so both kinds lost more than half of their time, no more.
        share = {"journal": kept["journal"] / 900, "app": kept["app"] / 6_000}
        assert removed == 6_900 - sum(kept.values())
        assert 0.2 < share["journal"] < 0.6
        assert 0.2 < share["app"] < 0.6
        assert abs(share["journal"] - share["app"]) < 0.15
        newest = service.store.search(LogQuery(sources=("app",), limit=1)).entries[0]
        assert newest.message.startswith("5999 ")
        assert {each.reason for each in service.store.removals()} == {"size"}
        assert {each.scope for each in service.store.removals()} == {"", RULES[0].partition("=")[0]}
    finally:
        service.stop()


def test_a_bound_that_nothing_can_meet_ends(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention=list(RULES), retention_bytes=2**20))
    service.start()
    try:
        hand_in(service, spread(3_000, days=0.02, size=1_000))
        service.maintenance.bound_size()
        assert left(service)["app"] > 100
    finally:
        service.stop()
