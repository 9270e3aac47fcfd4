"""docs/store-format.md tells how entries lie in the file: a reader that knows nothing else finds all."""

from __future__ import annotations

import random
import re
from pathlib import Path

import apsw
import msgspec
import pytest

from hantu.model import LogEntry, LogLevel
from hantu.store.sqlite.snapshot import GROUP
from hantu.text import tokens
from tests.store.by_document import Contents, held, joined, read, token_hash
from tests.store.made import START_NS, entry, many, opened

_DIGIT = re.compile("[0-9]")
_VALUE_LEAST = 5
_PLAIN_LEAST = 3


def _hard() -> list[list[LogEntry]]:
    """Entries by segment, with everything that the format provides for."""
    chance = random.Random(3)

    def digits(size: int) -> str:
        return "".join(chance.choice("0123456789abcdef") for _ in range(size))

    odd = [
        "",
        " ",
        "two\nlines\x00 and \x1b[1;31mcolour\x1b[0m of 12 \x1b[m",
        "주문 42 체결 é\u2028🦜 \x1e\x1f\x7f",
        "a\\b \\n %s {} \ufeff \ufffd \uffff",
        "once only, from 10.1.2.3 to ::1",
        " ".join(str(number) for number in range(1_200)),
    ]
    ids = [
        entry(
            f"job {digits(32)} ({digits(16).upper()}) of {number % 7} at 0x{number:04x} took {number}ms",
            metadata={"trace_id": digits(32), "at": number % 300} if number % 3 else None,
            time_ns=START_NS + number * 1_000_003,
        )
        for number in range(1_500)
    ]
    long = [entry(f"key {digits(300)} of {'9' * 400} in {'z1' * 200}", at=number) for number in range(6)]
    spread = [
        entry(f"of source {number % 3}", source_id=f"unit-{number}", level=LogLevel(number % 6), at=-number)
        for number in range(700)
    ]
    ranked = [
        entry(
            f"tick {at}",
            source_id=f"unit-{chance.randrange(400)}",
            time_ns=START_NS + chance.randrange(10**9),
        )
        for at in range(2_000)
    ]
    units = [
        entry(
            f"step {number} of {'abcd'[number % 4]}-kind",
            time_ns=START_NS + chance.randrange(10**6) * 10**9 + chance.randrange(10**9) // unit * unit,
            source_id=f"clock-{unit}",
        )
        for number in range(200)
        for unit in (10**9, 10**6, 10**3, 1)
    ]
    repeated = [entry(f"turn {number}", metadata={"turn": number % 400}) for number in range(1_200)]
    # Each line its own words: none has a shape.
    words = ["".join(chance.choices("ghijklmno주문체결é", k=1 + chance.randrange(5))) for _ in range(40)]
    stories = [entry(" ".join(chance.choices(words, k=6)) + f" v{at}x") for at in range(60)]
    before = [entry("long before", time_ns=-5), entry("long after", time_ns=2**62)]
    texts = [entry(message) for message in odd for _ in range(2)]
    one = [entry("alone")]
    return [many(300), ids, long * 2, spread, ranked, units, repeated, stories, before, texts, one]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contents, list[list[LogEntry]]]:
    """What the document's reader finds in a file, and what was written, by segment."""
    path = tmp_path_factory.mktemp("format") / "hantu.db"
    written = _hard()
    written += [many(10, first=1_000 * number) for number in range(GROUP - len(written) + 1)]
    with opened(path, background=False) as store:
        for batch in written:
            # Twice: a shape is known from its second sight on.
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                store.write_batch(half)
            store.seal()
    return read(path), written


def test_every_entry_is_where_the_document_says(
    file: tuple[Contents, list[list[LogEntry]]],
) -> None:
    contents, written = file
    assert len(contents.segments) == len(written)
    key = 0
    for segment, batch in zip(contents.segments, written, strict=True):
        for found, own in zip(segment.entries, batch, strict=True):
            key += 1
            assert found.key == key
            assert (found.time_ns, found.source, found.source_id) == (
                own.time_ns,
                own.source,
                own.source_id,
            )
            assert (found.level, found.message) == (int(own.level), own.message)
            assert (found.metadata and msgspec.json.decode(found.metadata)) == own.metadata
    assert all(each.created_ns > START_NS // 2 for each in contents.segments[0].entries)


FORMS = {
    *(
        "codec 0",
        "codec 1",
        "values 0",
        "values 1",
        "values 2",
        "long values",
        "halves",
        "capitals",
        "colour",
    ),
    *("high ranks 0", "high ranks 1", "times in steps of unit 3", "metadata", "high metadata"),
    *("times of unit 0", "times of unit 1", "times of unit 2", "times of unit 3"),
}


def test_the_entries_need_every_form_that_the_document_tells_of(
    file: tuple[Contents, list[list[LogEntry]]],
) -> None:
    contents, _ = file
    assert contents.met >= FORMS
    assert {segment.place is None for segment in contents.segments} == {True, False}


def test_filters_hold_what_the_document_says_and_little_else(
    file: tuple[Contents, list[list[LogEntry]]],
) -> None:
    contents, _ = file
    grams = 0
    for segment in contents.segments:
        sought = {value.lower() for value in segment.values if len(value) >= _VALUE_LEAST}
        for message in segment.plain:
            sought |= {
                token.encode()
                for token in tokens(message)
                if not token.isascii() or len(token) >= _PLAIN_LEAST
            }
        for each in segment.entries:
            sought |= {
                run.encode().lower()
                for run in re.findall("[A-Za-z0-9]{5,}", (each.metadata or b"").decode())
                if _DIGIT.search(run)
            }
        assert all(held(contents, segment, token_hash(token)) for token in sorted(sought)[::7])
        # A short number under its name, the first three numbers of an address, parts of words.
        for each in segment.entries[::50]:
            for name, number in re.findall(rb'"([a-z]+)":([0-9]{1,4})\b', each.metadata or b""):
                assert held(contents, segment, joined(token_hash(name), token_hash(number)))
            if "10.1.2.3" in each.message:
                assert held(contents, segment, token_hash(b"10.1.2"))
        for message in segment.plain:
            for run in re.findall("[a-z0-9]{3,}", message.lower()):
                for at in range(len(run) - 2):
                    if _DIGIT.search(run[at : at + 3]):
                        grams += 1
                        gram = joined(token_hash(run[at : at + 3].encode()), token_hash(b"gram"))
                        assert held(contents, segment, gram)
    assert grams > 100
    asked_in_vain = [
        held(contents, segment, token_hash(b"never%d" % number))
        for segment in contents.segments
        for number in range(20)
    ]
    assert sum(asked_in_vain) * 10 < len(asked_in_vain)
    assert {"filter 3", "filters together, marks 3"} <= contents.met


def test_words_are_those_of_the_lines_without_a_shape(
    file: tuple[Contents, list[list[LogEntry]]],
) -> None:
    contents, _ = file
    checked = 0
    for segment in contents.segments:
        if segment.words is None:
            continue
        rows: dict[str, set[int]] = {}
        for row, message in enumerate(segment.plain):
            for token in tokens(message):
                digit = _DIGIT.search(token)
                word = token if digit is None else token[: digit.start()] + "0"
                if digit is None or digit.start():
                    rows.setdefault(word, set()).add(row)
        assert {word: set(found) for word, found in segment.words.items()} == rows
        checked += len(rows)
    assert checked > 40


def test_shapes_are_indexed_as_the_document_says(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, background=False) as store:
        store.write_batch(many(50))
        store.seal()
    index = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = index.execute("SELECT rowid FROM shape_word WHERE shape_word MATCH '\"line ꙮ of ꙮ took ꙮ ms\"'")
    assert len(found.fetchall()) == 1
    index.close()
