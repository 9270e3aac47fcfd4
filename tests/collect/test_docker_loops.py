"""A container that ends and is started again by the engine, again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collect.desk import Desk
from tests.engine import PrivateEngine, private_engine
from tests.fault import tally
from tests.fault.length import pick
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

LIVES = pick(5, 9)
LINES = 40
SCRIPT = f"""
life=$(cat /life 2>/dev/null || echo 0)
echo $((life + 1)) > /life
for i in $(seq 0 {LINES - 1}); do echo line $((life * {LINES} + i)); done
echo ended $life >&2
exit 1
"""


@pytest.fixture
def own_engine() -> Iterator[PrivateEngine]:
    """The late starts of a loop are news to whoever asks another test's engine for its last events."""
    yield from private_engine()


@pytest.mark.promise("M17", "M26a")
@pytest.mark.fault
@pytest.mark.fault_row("R9")
def test_a_restart_loop_is_read_once_also_by_a_hantu_that_is_started_again(
    own_engine: PrivateEngine,
) -> None:
    # The engine waits twice as long each time, from 0.1 s on.
    restart = ("--restart", f"on-failure:{LIVES - 1}")
    with Desk(own_engine.environment) as desk:
        desk.watching()
        own_engine.run(SCRIPT, name="loop", options=restart)
        desk.wait_messages("loop", 2 * (LINES + 1))
        store = desk.store
    with Desk(own_engine.environment, store) as desk:
        wait_until(lambda: f"ended {LIVES - 1}" in desk.messages("loop", "stderr"), 60, 0.1)
        desk.wait_messages("loop", LIVES * (LINES + 1))
        found = [int(message.split()[1]) for message in desk.messages("loop", "stdout")]
        assert tally.account(found, range(LIVES * LINES), runs=LIVES) == (0, 0)
        assert found == sorted(found)
        assert desk.messages("loop", "stderr") == [f"ended {life}" for life in range(LIVES)]
        assert not [entry for entry in desk.entries() if "gap" in (entry.metadata or {})]
