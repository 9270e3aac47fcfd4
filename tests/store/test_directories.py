"""Directories in memory: read once, within their bound."""

from __future__ import annotations

import numpy as np
import pytest

from hantu.store.sqlite.directories import Directories
from hantu.store.sqlite.snapshot import Directory, Part


def part(segment_no: int, groups: int = 100) -> Part:
    numbers = np.arange(groups)
    return numbers + segment_no, numbers % 7, numbers % 5 + 1


class Book:
    """A Directories, and which segments it read."""

    def __init__(self, size_most: int) -> None:
        self.directories = Directories(size_most)
        self.read: list[int] = []

    def get(self, *block: int) -> Directory:
        def one(at: int) -> Part:
            self.read.append(block[at])
            return part(block[at])

        found = self.directories.get(block, one)
        for at, segment_no in enumerate(block):
            own = slice(int(found.starts[at]), int(found.starts[at + 1]))
            for got, right in zip((found.cells, found.shapes, found.counts), part(segment_no), strict=True):
                assert got[own].tolist() == right.tolist()
        return found

    def newly_read(self) -> list[int]:
        read, self.read = self.read, []
        return read


@pytest.fixture
def book() -> Book:
    return Book(1 << 20)


def test_a_block_is_read_once(book: Book) -> None:
    book.get(1, 2, 3)
    assert book.newly_read() == [1, 2, 3]
    book.get(1, 2, 3)
    assert book.newly_read() == []


def test_of_a_block_that_grew_only_what_came_is_read(book: Book) -> None:
    for last in range(2, 6):
        book.get(*range(1, last))
    assert book.newly_read() == [1, 2, 3, 4]
    # One size of it is kept, not each.
    assert book.directories.size_bytes == book.get(1, 2, 3, 4).size_bytes


def test_a_segment_taken_out_of_a_block_is_not_mistaken_for_its_neighbour(book: Book) -> None:
    book.get(1, 2, 3, 4)
    book.newly_read()
    book.get(1, 3, 4)
    assert book.newly_read() == [3, 4]
    # An older snapshot still has it.
    book.get(1, 2, 3, 4)
    assert book.newly_read() == [2, 3, 4]


def test_blocks_asked_for_long_ago_make_room() -> None:
    one = Directory.of([part(1)]).size_bytes
    book = Book(3 * one)
    for number in (1, 2, 3, 1, 4):
        book.get(number)
    assert book.directories.size_bytes <= 3 * one
    book.newly_read()
    for number in (1, 3, 4):
        book.get(number)
    assert book.newly_read() == []
    book.get(2)
    assert book.newly_read() == [2]


def test_a_block_that_is_gone_is_kept_no_longer(book: Book) -> None:
    book.get(1, 2)
    book.get(3, 4)
    left = book.get(3, 4).size_bytes
    book.newly_read()
    book.directories.forget(lambda first: first == 1)
    assert book.directories.size_bytes == left
    book.get(3, 4)
    assert book.newly_read() == []
    book.get(1, 2)
    assert book.newly_read() == [1, 2]


@pytest.mark.parametrize("most", [0, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, (1 << 62)])
def test_numbers_of_any_size_come_back(most: int) -> None:
    numbers = np.array([0, most], np.int64)
    directory = Directory.of([(numbers, numbers, numbers), (numbers[:0],) * 3])
    assert directory.cells.tolist() == directory.shapes.tolist() == directory.counts.tolist() == [0, most]
    assert directory.starts.tolist() == [0, 2, 2]


def test_groups_of_the_same_kinds_take_four_bytes() -> None:
    directory = Directory.of([part(3, groups=1_000)] * 32)
    assert directory.size_bytes < 4 * 32_000 + 12 * 1_000 + 300
