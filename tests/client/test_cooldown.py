"""What is told now, what is counted, and what processes know of each other."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from hantu.client.cooldown import FILE_NAME, LOCK_NAME, Cooldown, Occurrence

SECOND_NS = 1_000_000_000


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def some(key: str = "a", count: int = 1, at_s: int = 100, until_s: int | None = None) -> Occurrence:
    last_s = at_s if until_s is None else until_s
    return Occurrence(key, count, at_s * SECOND_NS, last_s * SECOND_NS, {"message": f"of {key}"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.promise("M71", "M73")
def test_an_error_is_told_once_and_its_repeats_at_the_end(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    assert cooldown.rule([some(at_s=100)]).now == {"a": None}
    for second in range(101, 600):
        assert cooldown.rule([some(at_s=second)]).now == {}
    clock.now_s += 299
    assert cooldown.rule([]).ended == ()
    clock.now_s += 1
    ended = cooldown.rule([]).ended
    assert [(each.count, each.first_ns, each.last_ns) for each in ended] == [
        (499, 101 * SECOND_NS, 599 * SECOND_NS)
    ]
    assert ended[0].subject == {"message": "of a"}
    assert cooldown.rule([]).ended == ()


@pytest.mark.promise("M71")
def test_errors_that_go_on_are_told_once_each_cooldown(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    told = 0
    for _ in range(360):
        ruling = cooldown.rule([some(count=10)])
        told += len(ruling.now) + len(ruling.ended)
        clock.now_s += 10
    assert told == 12


@pytest.mark.promise("M71")
def test_equal_errors_that_come_together_are_one_and_its_repeats(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    assert cooldown.rule([some(count=500)]).now == {"a": None}
    clock.now_s += 300
    assert [each.count for each in cooldown.rule([]).ended] == [499]


@pytest.mark.promise("M71")
def test_a_different_error_is_told_at_once(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    cooldown.rule([some("a")])
    assert cooldown.rule([some("b"), some("a")]).now == {"b": None}


@pytest.mark.promise("M73")
def test_without_a_cooldown_every_error_is_told(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=0, clock=clock)
    assert [cooldown.rule([some()]).now for _ in range(3)] == [{"a": None}] * 3
    together = cooldown.rule([some(count=5)]).now["a"]
    assert together is not None
    assert together.count == 4
    assert cooldown.rule([]).ended == ()


@pytest.mark.promise("M71")
def test_an_error_that_comes_after_its_cooldown_brings_the_untold_repeats(
    tmp_path: Path, clock: Clock
) -> None:
    Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some(count=6)])
    clock.now_s += 3_000
    later = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    assert later.left_behind()
    ruling = later.rule([some()])
    quiet = ruling.now["a"]
    assert quiet is not None
    assert quiet.count == 5
    assert ruling.ended == ()


@pytest.mark.promise("M71")
def test_processes_of_one_folder_tell_an_error_once(tmp_path: Path, clock: Clock) -> None:
    one, other = (Cooldown(tmp_path, cooldown_s=300, clock=clock) for _ in range(2))
    assert one.rule([some()]).now == {"a": None}
    assert other.rule([some(count=3)]).now == {}
    clock.now_s += 300
    assert [each.count for each in one.rule([]).ended] == [3]
    assert other.rule([]).ended == ()


def compete(folder: str, rounds: int, keys: int, told: multiprocessing.SimpleQueue[int]) -> None:
    """The rounds of one process: how many errors it was to tell of, and how many it saw counted."""
    cooldown = Cooldown(Path(folder), cooldown_s=3_600, lock_wait_s=60)
    told.put(sum(len(cooldown.rule([some(f"k{number % keys}")]).now) for number in range(rounds)))


@pytest.mark.promise("M71")
def test_real_processes_count_every_repeat_exactly(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    told: multiprocessing.SimpleQueue[int] = context.SimpleQueue()
    processes = [context.Process(target=compete, args=(str(tmp_path), 60, 5, told)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert sum(told.get() for _ in processes) == 5
    kept = json.loads((tmp_path / FILE_NAME).read_text())["entries"]
    assert sum(entry["count"] for entry in kept.values()) == 4 * 60 - 5


def test_a_lock_that_is_never_given_back_holds_nothing_up(tmp_path: Path, clock: Clock) -> None:
    Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()])
    with (tmp_path / LOCK_NAME).open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock, lock_wait_s=0.05)
        assert cooldown.rule([some()]).now == {"a": None}
        assert cooldown.rule([some()]).now == {}
    assert cooldown.rule([some()]).now == {}
    kept = json.loads((tmp_path / FILE_NAME).read_text())["entries"]
    assert kept["a"]["count"] == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 9}',
        b"\xff\xfe",
        b'{"version": 1, "boot": "%s", "entries": {"a": 3}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, clock: Clock, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    assert cooldown.rule([some()]).now == {"a": None}
    assert Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()]).now == {}


def test_a_file_of_another_start_of_the_machine_holds_nothing_back(tmp_path: Path, clock: Clock) -> None:
    Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()])
    file = tmp_path / FILE_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | {"boot": "another"}))
    assert Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()]).now == {"a": None}


def test_no_clock_can_make_a_cooldown_longer_than_it_is(tmp_path: Path, clock: Clock) -> None:
    Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()])
    clock.now_s -= 900
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    assert cooldown.rule([some()]).now == {}
    clock.now_s += 300
    assert len(cooldown.rule([]).ended) == 1


def test_without_a_folder_a_process_counts_on_its_own(tmp_path: Path, clock: Clock) -> None:
    for folder in (None, tmp_path / "missing"):
        cooldown = Cooldown(folder, cooldown_s=300, clock=clock)
        assert cooldown.rule([some()]).now == {"a": None}
        assert cooldown.rule([some()]).now == {}
        assert not cooldown.left_behind()


def test_what_was_counted_without_the_file_is_added_when_it_can_be_written(
    tmp_path: Path, clock: Clock
) -> None:
    folder = tmp_path / "logs"
    cooldown = Cooldown(folder, cooldown_s=300, clock=clock)
    cooldown.rule([some(count=3)])
    folder.mkdir()
    cooldown.rule([some()])
    clock.now_s += 300
    assert [each.count for each in Cooldown(folder, cooldown_s=300, clock=clock).rule([]).ended] == [3]


def test_the_files_are_for_their_owner_only(tmp_path: Path, clock: Clock) -> None:
    Cooldown(tmp_path, cooldown_s=300, clock=clock).rule([some()])
    modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in (FILE_NAME, LOCK_NAME)}
    assert modes == {FILE_NAME: 0o600, LOCK_NAME: 0o600}


def test_the_file_stays_small_and_keeps_what_was_counted(tmp_path: Path, clock: Clock) -> None:
    cooldown = Cooldown(tmp_path, cooldown_s=300, clock=clock)
    cooldown.rule([some("counted", count=2)])
    cooldown.rule([some(f"k{number}") for number in range(5_000)])
    entries = json.loads((tmp_path / FILE_NAME).read_text())["entries"]
    assert len(entries) == 2_000
    assert "counted" in entries


def test_what_was_saved_goes_on_in_another_process(clock: Clock) -> None:
    before = Cooldown(None, cooldown_s=300, clock=clock)
    before.rule([some("a", count=3), some("b")])
    clock.now_s += 100
    after = Cooldown(None, cooldown_s=300, clock=clock)
    after.restore(json.loads(json.dumps(before.saved())))
    assert len(after) == 2
    assert after.rule([some("a"), some("b")]).now == {}
    clock.now_s += 200
    assert sorted(each.count for each in after.rule([]).ended) == [1, 3]


def test_after_another_start_of_the_machine_every_cooldown_is_over(clock: Clock) -> None:
    before = Cooldown(None, cooldown_s=300, clock=clock)
    before.rule([some("a", count=3), some("b")])
    after = Cooldown(None, cooldown_s=300, clock=clock)
    after.restore(before.saved() | {"boot": "another"})
    ruling = after.rule([some("b")])
    assert [each.count for each in ruling.ended] == [2]
    assert ruling.now == {"b": None}


@pytest.mark.parametrize("saved", [{}, {"boot": "x"}, {"boot": "x", "entries": {"a": {"until_s": 1}}}])
def test_what_is_no_saved_state_is_refused(clock: Clock, saved: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        Cooldown(None, cooldown_s=300, clock=clock).restore(saved)


def test_a_cooldown_can_be_ended_early_with_what_it_counted(clock: Clock) -> None:
    cooldown = Cooldown(None, cooldown_s=300, clock=clock)
    cooldown.rule([some("a", count=3), some("b", count=2)])
    ruling = cooldown.rule([some("a")], anew=["a", "unknown"])
    (quiet,) = ruling.now.values()
    assert quiet is not None
    assert (quiet.count, ruling.ended) == (2, ())
    assert cooldown.rule([some("a")]).now == {}


def test_repeats_that_no_longer_have_room_are_told_and_not_lost(clock: Clock) -> None:
    cooldown = Cooldown(None, cooldown_s=300, clock=clock)
    told = sum(each.count for each in cooldown.rule([some(f"{at}", count=2) for at in range(2_100)]).ended)
    clock.now_s += 300
    told += sum(each.count for each in cooldown.rule([]).ended)
    assert (told, len(cooldown)) == (2_100, 2_000)
