"""How often codes occur, counted two at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hantu.store.sqlite.buckets import counted


@given(
    st.integers(1, 100).flatmap(lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1))))
)
def test_codes_are_counted_as_one_by_one(drawn: tuple[int, list[int]]) -> None:
    size, codes = drawn
    assert counted(np.array(codes, np.uint8), size).tolist() == [codes.count(code) for code in range(size)]
