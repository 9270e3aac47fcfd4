"""What is kept of a file: made once, within its bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hantu.store.sqlite.kept import Kept


@dataclass(frozen=True)
class Thing:
    size_bytes: int = 100


class Book:
    """A Kept, and what was made for it."""

    def __init__(self, most_bytes: int, *, unused_s: float = math.inf, stays_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.kept: Kept[int, Thing] = Kept(
            most_bytes, unused_s=unused_s, stays_s=stays_s, clock=lambda: self.now_s
        )
        self.made: list[int] = []

    def get(self, *names: int) -> None:
        for name in names:

            def make(name: int = name) -> Thing:
                self.made.append(name)
                return Thing()

            self.kept.get(name, make)


def test_a_thing_is_made_once() -> None:
    book = Book(1_000)
    book.get(7, 7, 8, 7)
    assert book.made == [7, 8]
    assert book.kept.size_bytes == 200


def test_things_asked_for_long_ago_make_room() -> None:
    book = Book(300)
    book.get(1, 2, 3, 1, 4)
    assert book.kept.size_bytes == 300
    book.get(1, 3, 4)
    assert book.made == [1, 2, 3, 4]
    book.get(2)
    assert book.made == [1, 2, 3, 4, 2]


def test_who_asks_for_more_than_there_is_room_for_again_and_again_finds_the_first() -> None:
    book = Book(200, stays_s=1)
    book.get(1, 2, 3, 4)
    book.get(1, 2, 3, 4)
    assert book.made == [1, 2, 3, 4, 3, 4]
    book.now_s = 2
    book.get(2, 5, 2, 5)
    assert book.made[6:] == [5]
    assert book.kept.size_bytes == 200


def test_one_that_is_larger_than_the_bound_is_kept_all_the_same() -> None:
    book = Book(10)
    book.get(1, 1)
    assert book.made == [1]
    book.get(2, 1)
    assert book.made == [1, 2, 1]


def test_what_is_gone_is_kept_no_longer() -> None:
    book = Book(1_000)
    book.get(1, 2, 3)
    book.kept.forget(lambda name: name < 3)
    assert book.kept.size_bytes == 100
    book.get(1, 3)
    assert book.made == [1, 2, 3, 1]


def test_what_nobody_asks_for_any_more_goes_when_another_comes() -> None:
    book = Book(1_000, unused_s=10)
    book.get(1, 2)
    book.now_s = 9
    book.get(1)
    book.now_s = 15
    book.get(3)
    assert book.kept.size_bytes == 200
    book.get(1, 3)
    assert book.made == [1, 2, 3]
    book.now_s = 30
    book.kept.forget(lambda _: False)
    assert book.kept.size_bytes == 0
