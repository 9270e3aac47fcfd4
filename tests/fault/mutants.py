"""`python -m tests.fault.mutants [ROW …]`: breaks the product on purpose, a line for each row of the fault
matrix, in a copy of the checkout, and sees that the row's test fails. Prints which mutants lived."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken: text `before` in a file of hantu/ becomes `after`, and `test` must notice."""

    row: str
    what: str
    file: str
    before: str
    after: str
    test: str

    @property
    def path(self) -> Path:
        """The file."""
        return ROOT / "hantu" / self.file


DOCKER: Final = "tests/collect/test_docker_faults.py"
JOURNAL: Final = "tests/collect/test_journal.py"

MUTANTS: Final = (
    Mutant(
        "R1",
        "some commits leave the place behind",
        "store/sqlite/entries.py",
        "            if checkpoints:\n",
        "            if checkpoints and len(entries) % 7:\n",
        "tests/fault/test_kills.py -k killed_again",
    ),
    Mutant(
        "R2",
        "durable writes are not synced",
        "store/sqlite/database.py",
        '                    connection.execute("PRAGMA synchronous = FULL")\n',
        '                    connection.execute("PRAGMA synchronous = OFF")\n',
        "tests/fault/test_kills.py -k power_cut",
    ),
    Mutant(
        "R3",
        "a commit that failed counts as stored",
        "store/sqlite/database.py",
        "                self._drop_writer()\n                raise failure",
        "                self._drop_writer()\n                return\n                raise failure",
        "tests/fault/test_io.py",
    ),
    Mutant(
        "R5",
        "the ballast stays",
        "service/disk_full.py",
        "            self._ballast.unlink(missing_ok=True)\n        with suppress(StoreError):",
        "            pass\n        with suppress(StoreError):",
        "tests/fault/test_disk_full.py",
    ),
    Mutant(
        "R6",
        "a store that refuses is not shown",
        "service/service.py",
        '            problems.append(f"the database refuses writes: {self.pipeline.failing}")\n',
        "            pass\n",
        "tests/fault/test_read_only.py",
    ),
    Mutant(
        "R7",
        "damage is not seen",
        "store/sqlite/rescue.py",
        'return tuple(text for (text,) in rows if text != "ok")',
        "return ()",
        "tests/fault/test_damage.py",
    ),
    Mutant(
        "R7",
        "the copy for a rescue is not used",
        "store/sqlite/rescue_copy.py",
        "    if copy is None or _sound(connection):\n",
        "    if True:\n",
        "tests/fault/test_damage.py",
    ),
    Mutant(
        "R8",
        "cooldowns by the time of day",
        "alert/engine.py",
        "clock: Callable[[], float] = time.monotonic,\n",
        "clock: Callable[[], float] = time.time,\n",
        "tests/fault/test_clock.py",
    ),
    Mutant(
        "R8",
        "rotated files are told apart by a clock that was set back",
        "collect/files/rounds.py",
        "        if bound_ns is None:\n            return\n        log.info",
        "        if True:\n            return\n        log.info",
        "tests/collect/test_files_clock.py",
    ),
    Mutant(
        "R9",
        "the last line read comes twice",
        "collect/docker_place.py",
        "                    return at + 1\n",
        "                    return at\n",
        f"{DOCKER} -k killed_at_random",
    ),
    Mutant(
        "R10",
        "reading goes on three seconds later",
        "collect/docker_reading.py",
        "since_text(since_ns)",
        "since_text(since_ns + 5 * 10**9)",
        f"{DOCKER} -k engine_dies",
    ),
    Mutant(
        "R11",
        "a follower that lags is trusted",
        "collect/docker_reading.py",
        "        if self._risk_ns is None:\n            return False\n        firsts",
        "        if True:\n            return False\n        firsts",
        f"{DOCKER} -k held_up",
    ),
    Mutant(
        "R12",
        "what the engine repeats is new",
        "collect/docker_channel.py",
        "Window() if repeats else None",
        "None",
        f"{DOCKER} tests/collect/test_docker_place.py -k repeat",
    ),
    Mutant(
        "R12",
        "no gap for a log that outran its files",
        "collect/docker_channel.py",
        "            self.lost = self._resume.lost and self._expected\n",
        "            self.lost = False\n",
        f"{DOCKER} -k outruns",
    ),
    Mutant(
        "R12",
        "packed files that the engine skips are not asked for",
        "collect/docker_reading.py",
        "        if not whole and any(",
        "        if not whole and not self._stop and any(",
        f"{DOCKER} -k packed_meanwhile",
    ),
    Mutant(
        "R13",
        "files missed between two looks are not looked for",
        "collect/files/history.py",
        "        until = None if here is None else here.identity\n",
        "        return []\n        until = None if here is None else here.identity\n",
        "tests/fault/test_rotations.py tests/fault/test_anything.py tests/collect/test_files_anyhow.py",
    ),
    Mutant(
        "R14",
        "no copy of a truncated file is looked for",
        "collect/files/logpath.py",
        "        copy = self._locate(replace(mark, device=0, inode=0), None)\n",
        "        copy = None\n",
        "tests/collect/test_files.py -k copytruncate",
    ),
    Mutant(
        "R15",
        "entries from before the machine's start are not read",
        "collect/journal.py",
        "        if boot_of(cursor) != this_boot() and not",
        "        if False and not",
        "tests/collect/test_journal_odd.py",
    ),
    Mutant(
        "R15",
        "the entry at the place comes twice",
        "collect/journal_reading.py",
        "            self._looking = False\n            return True\n",
        "            self._looking = False\n            return False\n",
        f"{JOURNAL} -k nine_kills",
    ),
    Mutant(
        "R16",
        "missing numbers are not told",
        "formats/journal_lines.py",
        "        return gap_entry(self.from_ns, self.last_ns, missing) if missing > 0 else None\n",
        "        return None\n",
        f"{JOURNAL} -k vacuumed",
    ),
    Mutant(
        "R17",
        "tails are not woken",
        "tail.py",
        "            self._changed.notify_all()\n",
        "            pass\n",
        "tests/fault/test_many_tails.py",
    ),
    Mutant(
        "R18",
        "a client that stops reading is waited for",
        "web/streams.py",
        "        until = time.monotonic() + self._stalled_s\n",
        "        until = time.monotonic() + 3_600\n",
        "tests/web/test_live.py -k stops_reading",
    ),
    Mutant(
        "R19",
        "there is no cap",
        "web/live.py",
        "    if not desk.tails.acquire():\n",
        "    if not desk.tails.acquire() and not desk.tails:\n",
        "tests/web/test_live.py -k beyond_the_cap",
    ),
    Mutant(
        "R20",
        "the store is not closed at the end",
        "service/service.py",
        "        self.store.close()\n",
        "        pass\n",
        "tests/e2e/test_stopping.py -k open_tails",
    ),
    Mutant(
        "R21",
        "the length of what was kept counts as the true one",
        "collect/files/logfile.py",
        '"truncated_bytes": true_bytes}',
        '"truncated_bytes": len(long.head)}',
        "tests/fault/test_long_line.py",
    ),
    Mutant(
        "R22",
        "a refused token is tried again and again",
        "alert/sender.py",
        "        if error.permanent:\n",
        "        if error.permanent and not error:\n",
        "tests/e2e/test_alerts.py -k refused_token",
    ),
    Mutant(
        "R23",
        "two may write",
        "store/sqlite/database.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/store/test_file.py -k second_process",
    ),
)


def main() -> int:
    """Try the mutants of these rows, or all; how many lived."""
    rows = set(sys.argv[1:])
    lived = 0
    with tempfile.TemporaryDirectory(prefix="hantu-mutants-") as folder:
        copy = Path(folder) / "copy"
        _git("worktree", "add", "--quiet", "--detach", str(copy), "HEAD")
        try:
            for mutant in MUTANTS:
                if rows and mutant.row not in rows:
                    continue
                killed = _try(mutant, copy)
                lived += not killed
                print(f"{mutant.row:<4} {'killed' if killed else 'LIVED'}: {mutant.what}", flush=True)
        finally:
            _git("worktree", "remove", "--force", str(copy))
    return lived


def _try(mutant: Mutant, copy: Path) -> bool:
    """Whether the row's test notices."""
    path = copy / mutant.path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.before) == 1, mutant
    path.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        # Waiting for what will never come may be short.
        command = [sys.executable, "-m", "pytest", "-q", "-x", *mutant.test.split()]
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=copy, env=environment, check=False, capture_output=True, text=True, timeout=900
        )
    finally:
        path.write_text(text, encoding="utf-8")
    # 1: tests failed; anything else is no verdict.
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return done.returncode == 1


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
