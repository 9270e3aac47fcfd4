"""The column ARRIVAL: keys and times of arrival, both in arrival order.

first key                                   8 bytes
gaps                                        array: what each key exceeds its predecessor by, less one;
                                            width 0 when keys have no gaps
starts of runs                              array: entries stored together have one time of arrival; the
                                            first index, then differences
times of runs                               steps"""

from __future__ import annotations

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter


def write_arrival(keys: IntArray, created: IntArray) -> bytes:
    """The raw column. Raises ValueError when keys do not ascend."""
    gaps = np.diff(keys) - 1
    if len(gaps) and int(gaps.min()) < 0:
        raise ValueError("keys do not ascend")
    out = FieldWriter()
    out.number(int(keys[0]) if len(keys) else 0)
    out.array(np.concatenate((np.zeros(min(1, len(keys)), np.int64), gaps)))
    first = np.ones(len(created), np.bool_)
    np.not_equal(created[1:], created[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    out.array(np.diff(starts, prepend=0))
    out.steps(created[starts])
    return out.raw()


def read_arrival(raw: bytes) -> tuple[IntArray, IntArray]:
    """Keys and times of arrival. Raises ValueError when `raw` is damaged."""
    reader = FieldReader(raw)
    first = reader.number()
    gaps = reader.array()
    keys = first + np.arange(len(gaps)) + np.cumsum(gaps)
    starts = np.cumsum(reader.array())
    times = reader.steps()
    if len(starts) != len(times):
        raise ValueError("times of arrival are missing")
    return keys, np.repeat(times, np.diff(starts, append=len(keys)))
