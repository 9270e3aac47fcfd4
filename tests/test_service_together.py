"""Clean-ups at the same time come one after the other, and never wait for each other for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hantu.model import LogEntry
from hantu.service import Service
from tests.test_service import configured, hand_in, lines

DAY_NS = 86_400 * 10**9
WORDS = "가나다라마바사아자차카타파하"


def of_many_shapes(days: int) -> list[LogEntry]:
    """Lines of shapes that only this day has."""
    names = [first + second + third for first in WORDS for second in WORDS for third in WORDS][:900]
    return [
        msgspec.structs.replace(line, message=f"{name} {days * 'x'} 시작 {number % 7}")
        for number, (name, line) in enumerate(
            zip([*names, *names], lines(1_800, age_ns=days * DAY_NS), strict=True)
        )
    ]


@pytest.mark.timeout(60)
def test_a_second_clean_up_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(configured(tmp_path / "data", retention_days=30))
    service.start()
    try:
        for days in (9, 6, 3):
            hand_in(service, of_many_shapes(days))
        # Lines that are not sealed go without the segments and shapes that the two would meet at.
        service.store.seal()  # type: ignore[attr-defined]  # of the SQLite store
        done: list[int] = []
        second = threading.Thread(target=lambda: done.append(service.cleanup(5)))
        pause: Callable[[], bool] = service.pipeline.pause
        breaths = 0

        def slow_pause() -> bool:
            """The second one begins while the first lets others in although it keeps segments from being
            written, and has time to go as far as it can."""
            nonlocal breaths
            turn: Any = service.store._sealer.turn  # type: ignore[attr-defined]  # of the SQLite store
            if second.ident is None and turn._is_owned():
                second.start()
            if second.ident is not None:
                breaths += 1
            return [pause() for _ in range(30)][-1]

        monkeypatch.setattr(service.pipeline, "pause", slow_pause)
        first = service.cleanup(8)
        second.join(30)
        assert not second.is_alive()
        assert (first, done) == (1_800, [1_800])
        assert breaths > 0
        hand_in(service, lines(10))
    finally:
        service.stop()
