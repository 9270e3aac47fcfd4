"""The slow-down of guesses."""

from __future__ import annotations

import threading

import pytest

from hantu.accounts.throttle import FORGET_S, KEYS_MOST, LOCK_S, Budget, Slowed, Throttle


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def wait_for(throttle: Throttle, clock: Clock, name: str = "jin", address: str = "10.0.0.1") -> int:
    """Seconds until the next attempt is taken, which it then is."""
    began = clock.now_s
    while True:
        try:
            throttle.begin(name, address)
        except Slowed as slowed:
            clock.now_s += slowed.retry_after_s
        else:
            return round(clock.now_s - began)


def test_each_failure_makes_the_next_wait_longer_and_ten_lock(throttle: Throttle, clock: Clock) -> None:
    waits = [wait_for(throttle, clock) for _ in range(11)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3:10] == sorted(waits[3:10])
    assert waits[3] <= 2
    assert 64 <= waits[9] <= 66
    assert LOCK_S <= waits[10] <= LOCK_S + 2


def test_the_lock_says_so_and_when_it_ends(throttle: Throttle, clock: Clock) -> None:
    for _ in range(10):
        wait_for(throttle, clock)
    with pytest.raises(Slowed) as refused:
        throttle.begin("JIN", "192.168.9.9")
    assert refused.value.locked
    assert LOCK_S <= refused.value.retry_after_s <= LOCK_S + 2
    throttle.begin("minsu", "192.168.9.9")
    throttle.forgive("jin")
    throttle.begin("jin", "192.168.9.9")


def test_one_address_that_guesses_many_names_is_slowed(throttle: Throttle, clock: Clock) -> None:
    for number in range(10):
        wait_for(throttle, clock, f"name{number}", "2001:db8::1")
    with pytest.raises(Slowed):
        throttle.begin("another", "2001:db8::ffff")
    throttle.begin("another", "2001:db8:1::1")


def test_many_attempts_at_once_are_many(throttle: Throttle) -> None:
    taken: list[bool] = []
    gate = threading.Barrier(40)

    def attempt() -> None:
        gate.wait()
        try:
            throttle.begin("jin", "10.0.0.1")
        except Slowed:
            return
        taken.append(True)

    crowd = [threading.Thread(target=attempt) for _ in range(40)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert len(taken) == 3


def test_a_right_password_frees_the_account(throttle: Throttle, clock: Clock) -> None:
    for _ in range(5):
        wait_for(throttle, clock)
    throttle.succeeded("jin", "10.0.0.1")
    throttle.begin("jin", "10.0.0.77")
    throttle.begin("jin", "10.0.0.77")


def test_failures_are_forgotten_after_a_while(throttle: Throttle, clock: Clock) -> None:
    for _ in range(9):
        wait_for(throttle, clock)
    clock.now_s += FORGET_S + 1
    assert [wait_for(throttle, clock) for _ in range(3)] == [0, 0, 0]


def test_endless_names_take_no_endless_memory(throttle: Throttle, clock: Clock) -> None:
    for number in range(KEYS_MOST + 100):
        throttle.begin(f"n{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._failures) == KEYS_MOST


def test_what_is_beyond_a_budget_is_counted(clock: Clock) -> None:
    budget = Budget(2, 10.0, clock)
    assert [budget.take() for _ in range(4)] == [0, 0, None, None]
    clock.now_s += 10
    assert [budget.take() for _ in range(3)] == [2, 0, None]
