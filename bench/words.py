"""Words among many shapes: `python -m bench.words SHAPES …` asks stores that know so many.

The corpus has some two hundred shapes; programs that print free text have tens of thousands. Each store
is made of lines in which every word is drawn anew, and is opened for each question, so that its first
answer is the first: only the directories of segments were read before. Milliseconds, newest 100."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import queries
from bench.corpus import START_NS
from bench.measure import peak_rss_mb, percentiles, table
from bench.streams import scratch
from hantu.model import DOCKER, LogEntry, LogLevel
from hantu.store.sqlite import SqliteStore

SHAPES = (5_000, 25_000, 50_000)
RUNS = 3
MEMORY = "MB more after a rare word; after a substring"
QUESTIONS = {
    "rare word": "{rare}",
    "common word": "request",
    "common words, 0 hits": "request answer",
    "two words": "request gateway",
    "phrase across a value": '"port 4711"',
    "values alone": '"31.7"',
    "prefix": "gate*",
    "Korean": "주문",
    "substring": "*{part}*",
}
_SYLLABLES = (
    "ra",
    "to",
    "min",
    "su",
    "lor",
    "vek",
    "pio",
    "nu",
    "gra",
    "shi",
    "tol",
    "wen",
    "xi",
    "zor",
    "ky",
)
_KOREAN = (
    "주문",
    "결제",
    "승인",
    "지연",
    "배치",
    "정산",
    "오류",
    "연결",
    "재시도",
    "완료",
    "사용자",
    "로그인",
)


def lines(shapes: int) -> Iterator[str]:
    """Each shape twice, with values of its own each time; half of them say `request`."""
    drawn = random.Random(20261121)
    words = ["".join(drawn.choices(_SYLLABLES, k=drawn.randint(2, 4))) for _ in range(4_000)]
    weights = [1 / (at + 10) for at in range(len(words))]
    for number in range(shapes):
        said = drawn.choices(words, weights, k=6)
        said.insert(2, ("request", "answer")[number % 2])
        if number % 10 == 3:
            said[3:4] = drawn.choices(_KOREAN, k=2)
        if number % 50 == 1:
            said.append("gateway")
        if number % 1_000 == 7:
            said.append("unusual" + words[number // 1_000])
        for time_no in range(2):
            value = number * 7919 + time_no
            tail = f"port {value % 60_000} in {value % 97}.{value % 13} ms" if number % 2 else f"id={value}"
            yield f"{' '.join(said[:4])}: {' '.join(said[4:])} {tail}"


def fill(path: Path, shapes: int) -> None:
    """A store of these lines."""
    store = SqliteStore.open(path, background=False)
    entries = [
        LogEntry(DOCKER, f"svc-{at % 9}", LogLevel(1 + at % 4), line, START_NS + at * 1_000_000_000)
        for at, line in enumerate(lines(shapes))
    ]
    # The second sight of a shape is in the same batch as the first.
    for at in range(0, len(entries), 2_000):
        store.write_batch(entries[at : at + 2_000])
    store.seal()
    store.close()


def questions(shapes: int) -> dict[str, str]:
    """What is asked, by its name."""
    rare = next(word for line in lines(shapes) for word in line.split() if word.startswith("unusual"))
    return {name: text.format(rare=rare, part=rare[3:10]) for name, text in QUESTIONS.items()}


def first(path: Path, text: str) -> tuple[float, float]:
    """Milliseconds of the first answer, and of later ones (p50)."""
    store = SqliteStore.open(path, read_only=True)
    store.count(queries.parse("level:fatal"))
    query = queries.parse(text)
    began = time.perf_counter()
    store.search(query)
    took = (time.perf_counter() - began) * 1000
    later, _, _ = percentiles(lambda: store.search(query), runs=30, most_s=1)
    store.close()
    return took, later


def memory(path: Path, text: str) -> float:
    """MB of a process that asked this once more than of one that only counted."""
    sizes = [
        float(
            subprocess.run(
                [sys.executable, "-m", "bench.words", "--ask", str(path), each],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for each in ("level:fatal", text)
    ]
    return sizes[1] - sizes[0]


def measure(shapes: int) -> dict[str, tuple[object, object]]:
    """Two cells of each row: the first answer and later ones; memory for words and for substrings."""
    with scratch() as folder:
        path = Path(folder) / "hantu.db"
        fill(path, shapes)
        texts = questions(shapes)
        cells: dict[str, tuple[object, object]] = {}
        for name, text in texts.items():
            took = sorted(first(path, text) for _ in range(RUNS))
            cells[name] = took[RUNS // 2]
        cells[MEMORY] = memory(path, texts["rare word"]), memory(path, texts["substring"])
    return cells


def report(sizes: tuple[int, ...] = SHAPES) -> str:
    """The table."""
    head = ["question", *(f"{size:,} shapes: {which}" for size in sizes for which in ("first", "later"))]
    columns = [measure(size) for size in sizes]
    rows = [(name, *(cell for column in columns for cell in column[name])) for name in columns[0]]
    return table(tuple(head), rows)


def main() -> None:
    """The table of the sizes named, or one question for memory()."""
    if sys.argv[1:2] == ["--ask"]:
        store = SqliteStore.open(Path(sys.argv[2]), read_only=True)
        store.count(queries.parse(sys.argv[3]))
        store.close()
        print(peak_rss_mb())
        return
    print(report(tuple(map(int, sys.argv[1:])) or SHAPES))


if __name__ == "__main__":
    main()
