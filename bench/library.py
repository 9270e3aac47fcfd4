"""`python -m bench.library`: what a logging call costs its caller, beside logging and loguru; the import; ten writers.

All contenders run in one process in turns, so that a busy machine is busy for each of them alike."""

from __future__ import annotations

import json
import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import table

ROUNDS = 40
CALLS = 1_000
WRITERS = 10
LINES = 10_000
FORM = "%(asctime)s [%(levelname)s] %(name)s: %(message)s"
Call = Callable[[], object]


def tables() -> dict[str, str]:
    """Title → table, for the report."""
    with tempfile.TemporaryDirectory(prefix="hantu-bench-") as name:
        folder = Path(name)
        return {
            "Log library: microseconds a call": _calls(folder),
            "Log library: import in a fresh interpreter (ms, median of 21)": _imports(folder),
            "Log library: ten processes, one file": _writers(folder),
        }


def _calls(folder: Path) -> str:
    """Measure in a process of its own, whose standard streams are files."""
    result = folder / "calls.json"
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        subprocess.run(
            [sys.executable, "-m", "bench.library", "--calls", str(folder), str(result)],
            stdout=out,
            stderr=err,
            check=True,
        )
    rows = json.loads(result.read_text())
    base = {kind: us for name, kind, us in rows if name == "logging, FileHandler"}
    shown = [(name, kind, us, f"{us / base[kind]:.2f}×") for name, kind, us in rows]
    return table(("library", "call", "µs (median)", "logging = 1"), shown)


def measure_calls(folder: Path) -> list[tuple[str, str, float]]:
    """Median microseconds of each contender and kind of call."""
    contenders = {**_of_logging(folder), **_of_loguru(folder), **_of_hantu(folder)}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in contenders}
    for _ in range(ROUNDS):
        for key, call in contenders.items():
            began = time.perf_counter()
            for _ in range(CALLS):
                call()
            times[key].append((time.perf_counter() - began) / CALLS * 1e6)
    return [(name, kind, statistics.median(found)) for (name, kind), found in times.items()]


def _kinds(name: str, logger: object) -> dict[tuple[str, str], Call]:
    def failing() -> None:
        try:
            raise ValueError("잔고 부족")
        except ValueError:
            logger.error("주문 실행 실패", exc_info=True)  # type: ignore[attr-defined]

    return {
        (name, "info"): lambda: logger.info("주문 %s 접수, 금액 %d원", "A-1234", 71200),  # type: ignore[attr-defined]
        (name, "error"): lambda: logger.error("주문 %s 실행 실패", "A-1234"),  # type: ignore[attr-defined]
        (name, "error, exc_info"): failing,
        (name, "debug, switched off"): lambda: logger.debug("not written"),  # type: ignore[attr-defined]
    }


def _of_logging(folder: Path) -> dict[tuple[str, str], Call]:
    def logger(name: str, *handlers: logging.Handler) -> logging.Logger:
        found = logging.getLogger(name)
        found.propagate = False
        found.setLevel(logging.INFO)
        for handler in handlers:
            handler.setFormatter(logging.Formatter(FORM))
            found.addHandler(handler)
        return found

    alone = logger("bench.alone", logging.FileHandler(folder / "alone.log"))
    both = logger("bench.both", logging.FileHandler(folder / "both.log"), logging.StreamHandler(sys.stdout))
    return _kinds("logging, FileHandler", alone) | _kinds("logging, FileHandler + stdout", both)


def _of_loguru(folder: Path) -> dict[tuple[str, str], Call]:
    from loguru import logger

    logger.remove()
    logger.add(folder / "loguru.log", level="INFO")

    def failing() -> None:
        try:
            raise ValueError("잔고 부족")
        except ValueError:
            logger.exception("주문 실행 실패")

    name = "loguru, file"
    return {
        (name, "info"): lambda: logger.info("주문 {} 접수, 금액 {}원", "A-1234", 71200),
        (name, "error"): lambda: logger.error("주문 {} 실행 실패", "A-1234"),
        (name, "error, exc_info"): failing,
        (name, "debug, switched off"): lambda: logger.debug("not written"),
    }


def _of_hantu(folder: Path) -> dict[tuple[str, str], Call]:
    from hantu import configure, get_logger

    configure(log_dir=folder / "logs", level="INFO")
    return _kinds("hantu, files + stdout + stderr, masked", get_logger("bench.hantu"))


def _imports(folder: Path) -> str:
    codes = {
        "nothing": "pass",
        "from hantu import get_logger": "from hantu import get_logger",
        "import logging": "import logging",
        "import loguru": "import loguru",
        "hantu, first line written": "from hantu import get_logger; get_logger('x').info('y')",
    }
    times: dict[str, list[float]] = {name: [] for name in codes}
    env = {**os.environ, "HANTU_LOG_DIR": str(folder / "imports"), "PYTHONPATH": os.getcwd()}
    for _ in range(21):
        for name, code in codes.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL, check=True)
            times[name].append((time.perf_counter() - began) * 1000)
    base = statistics.median(times["nothing"])
    rows = [
        (name, statistics.median(found), statistics.median(found) - base) for name, found in times.items()
    ]
    return table(("program", "ms", "more than nothing"), rows)


_WRITER = """
import sys
from hantu import get_logger
logger = get_logger("bench")
for at in range(int(sys.argv[2])):
    logger.info("writer %s line %d of an order that was taken", sys.argv[1], at)
"""
_WHOLE = re.compile(
    r"[\d :-]{19} \[INFO\] bench: writer \d+ line \d+ of an order that was taken \(trace_id=\w{8}\)"
)


def _writers(folder: Path) -> str:
    logs = folder / "writers"
    env = {**os.environ, "HANTU_LOG_DIR": str(logs), "HANTU_STDOUT": "off", "PYTHONPATH": os.getcwd()}
    began = time.perf_counter()
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(number), str(LINES)], env=env)
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.wait()
    wall_s = time.perf_counter() - began
    lines = [
        line for path in sorted(logs.glob("info/*.log")) for line in path.read_text("utf-8").splitlines()
    ]
    torn = sum(1 for line in lines if _WHOLE.fullmatch(line) is None)
    row = (f"{WRITERS} × {LINES:,}", f"{len(set(lines)):,}", torn, f"{len(lines) / wall_s:,.0f}")
    return table(("lines written", "different lines found", "torn", "lines/s, start included"), [row])


def main() -> None:
    """Print the tables, or measure the calls for the process that asked."""
    if sys.argv[1:2] == ["--calls"]:
        Path(sys.argv[3]).write_text(json.dumps(measure_calls(Path(sys.argv[2]))))
        return
    for title, shown in tables().items():
        print(f"## {title}\n\n{shown}\n", flush=True)


if __name__ == "__main__":
    main()
