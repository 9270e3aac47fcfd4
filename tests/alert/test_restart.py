"""The process may end at any moment: no error is lost, and what is repeated is the message on its way."""

from __future__ import annotations

import pytest

from hantu.alert.state import CHECKPOINT
from tests.alert.desk import Desk, kinds
from tests.client.bot_api import DROP


def test_errors_stored_while_nobody_looked_are_told_at_the_next_start(desk: Desk) -> None:
    desk.error()
    desk.start()
    assert len(desk.settle()) == 1
    desk.start()
    assert len(desk.settle()) == 1


@pytest.mark.parametrize("steps", range(8))
def test_wherever_the_process_ends_every_error_is_told_and_one_twice_at_most(
    desk: Desk, steps: int
) -> None:
    for kind in kinds(6):
        desk.error(kind=kind)
    for _ in range(steps):
        desk.engine.step()
    desk.start()
    texts = desk.settle()
    assert len(set(texts)) == 6
    assert len(texts) <= 7


def test_messages_that_wait_outlive_the_process(desk: Desk) -> None:
    desk.api.answer(DROP)
    desk.error()
    desk.until(lambda: desk.engine.figures().error)
    desk.start()
    assert len(desk.settle()) == 1


@pytest.mark.promise("M71")
def test_a_cooldown_and_its_repeats_outlive_the_process(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.error()
    desk.settle()
    desk.start()
    desk.error()
    assert len(desk.settle()) == 1
    assert "2번 더" in desk.after(300)[1]


def test_repeats_counted_since_the_last_checkpoint_are_counted_again(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.clock.forward(10)
    desk.error()
    desk.error()
    # Counted, and not yet committed: only what is to be sent is committed at once.
    desk.engine.step()
    desk.start()
    desk.settle()
    assert "2번 더" in desk.after(300)[1]


def test_what_was_gathered_outlives_the_process(desk: Desk) -> None:
    for kind in kinds(40):
        desk.error(kind=kind)
    desk.settle()
    desk.clock.forward(6)
    desk.engine.step()
    desk.start()
    assert "30종류 30건" in desk.after(15)[-1]


def test_a_checkpoint_that_cannot_be_read_begins_anew(desk: Desk) -> None:
    desk.error()
    desk.settle()
    desk.store.write_batch([], {CHECKPOINT: b"?"})
    desk.start()
    assert len(desk.settle()) == 1
    desk.error("다음 에러")
    assert len(desk.settle()) == 2


def test_the_end_waits_for_the_message_on_its_way(desk: Desk) -> None:
    desk.error()
    desk.engine.step()
    desk.engine.finish()
    assert len(desk.api.texts) == 1
    desk.start()
    assert len(desk.settle()) == 1
