"""A writer that is behind waits for its turn to seal, but not for ever."""

from __future__ import annotations

import threading
from pathlib import Path

from hantu.query.logquery import LogQuery
from tests.store.made import many, opened


def test_a_writer_that_is_behind_does_not_wait_for_ever_for_its_turn(tmp_path: Path) -> None:
    """A clean-up lets writers in while it keeps segments from being written."""
    with opened(tmp_path / "hantu.db", seal_entries=10) as store:
        written = threading.Thread(target=lambda: store.write_batch(many(50)))
        with store._sealer.turn:
            written.start()
            written.join(20)
            assert not written.is_alive()
            assert store.stats().entries == 50
        store.write_batch(many(50, first=50))
        assert store.count(LogQuery(), cap=1_000).count == 100
