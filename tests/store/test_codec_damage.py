"""Damaged columns are refused, and text that nobody expected is stored in little space and time."""

import base64
import contextlib
import random

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.store.sqlite.batch import Batch, Column
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.packing import pack, unpack
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.value_column import halved
from tests.store.codec_parts import Book, assert_same, batch_of, frame_of


def sample() -> Batch:
    messages = [f"user {at} from 10.0.0.{at} key={at * 7919:x} tag z{at}" for at in range(300)]
    return batch_of(
        [*messages, "once\nonly", "주문 12"],
        metadata=[b'{"pid":%d}' % (at % 7) if at % 3 else None for at in range(302)],
        times=[10**18 + at * 1_234_567 for at in range(302)],
    )


def read_all(frame: Frame) -> None:
    lines = np.arange(frame.size)
    frame.messages(lines)
    frame.times()
    frame.keys()
    frame.created()
    frame.line_of(lines)
    frame.metadata().texts  # noqa: B018  # reading it is the test
    frame.plain_lines(frame.plain_numbers())


@pytest.mark.fault_row("R7")
@settings(max_examples=400, deadline=None)
@given(st.sampled_from([column for column in Column if column != Column.FILTER]), st.data())
def test_a_damaged_column_raises_valueerror_if_anything(column: Column, data: st.DataObject) -> None:
    book = Book()
    raw = encode(sample(), book)
    if column is Column.HEX and data.draw(st.booleans()):
        raw[column] = halved(raw[column]) or b""
    damaged = bytearray(raw[column])
    at = data.draw(st.integers(0, len(damaged) - 1))
    if data.draw(st.booleans()):
        damaged[at] ^= data.draw(st.integers(1, 255))
    else:
        del damaged[at:]
    raw[column] = bytes(damaged)
    with contextlib.suppress(ValueError):
        read_all(Frame(raw.__getitem__, book))


@pytest.mark.parametrize("data", [b"", b"\x02abc", b"\x01", b"\x01not zstd", b"\x01\x28\xb5\x2f\xfd\x00"])
def test_packed_bytes_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="column plain"):
        unpack(Column.PLAIN, data)


def test_a_packed_column_cut_short_is_refused() -> None:
    for column, raw in encode(sample(), Book()).items():
        packed = pack(column, raw)
        assert unpack(column, packed) == (halved(raw) if column is Column.HEX else raw)
        if packed[:1] == b"\x01":
            with pytest.raises(ValueError, match=column.name.lower()):
                unpack(column, packed[:-3])


def test_a_segment_of_a_later_format_is_refused() -> None:
    raw = encode(sample(), Book())[Column.DIRECTORY]
    at = 1 + 4 * raw[0]
    later = raw[:at] + b"\x03" + raw[at + 1 :]
    with pytest.raises(ValueError, match="format 3"):
        _ = Frame(lambda _column: later, Book()).size


def test_keys_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        encode(batch_of(["a", "b"], keys=[2, 2]), Book())


_random = random.Random(7)
_WORDS = ["".join(_random.choices("bcdghijklmnopqrstuvw", k=_random.randint(3, 9))) for _ in range(2000)]


def _words(count: int) -> str:
    return " ".join(_random.choices(_WORDS, k=count))


def _base64(size: int) -> str:
    return base64.b64encode(_random.randbytes(size)).decode()


def _trace() -> str:
    lines = ["Traceback (most recent call last):"]
    for _ in range(8):
        name = _random.choice(_WORDS)
        lines.append(f'  File "/srv/app/{name}.py", line {_random.randrange(900)}, in handle_{name}')
        lines.append(f"    result = self.{name}.{_random.choice(_WORDS)}(request)")
    return "\n".join(lines)


ODD = {
    "random base64": [_base64(75) for _ in range(2000)],
    "20 kB lines": [_base64(15_000) for _ in range(20)],
    "traces": [_trace() for _ in range(500)],
    "own shapes": [_words(9) for _ in range(2000)],
    "random words": ["".join(_random.choices("ghijklmnop 0", k=90)) for _ in range(2000)],
    "hashes": [f"blob {_random.getrandbits(256):064x}" for _ in range(2000)],
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("sources", ["one source", "a source a line"])
def test_odd_text_takes_little_more_than_zstd(kind: str, sources: str) -> None:
    messages = ODD[kind]
    cells = range(8, 8 * len(messages) + 8, 8) if sources == "a source a line" else None
    batch = batch_of(messages, cells=cells, times=[10**18 + at * 10**6 for at in range(len(messages))])
    book = Book()
    size = sum(len(pack(column, raw)) for column, raw in encode(batch, book).items())
    size += sum(map(len, book.texts))
    text = "\n".join(messages).encode()
    assert size <= 1.15 * len(zstandard.ZstdCompressor(level=3).compress(text)) + 1024
    assert_same(frame_of(batch, book), batch)
