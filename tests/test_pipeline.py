"""The pipeline: batches, back-pressure, checkpoints, and what happens when the store fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry, LogLevel
from hantu.pipeline import (
    COMMIT_ENTRIES_MOST,
    LogBatchBuffer,
    Pipeline,
    PipelineStopped,
    QueueFull,
    Rewind,
    Submission,
)
from hantu.pipeline.buffer import COMMIT_CHARS_MOST, QUEUE_CHARS
from hantu.pipeline.processors import DropCopies, DropSelf, Mask, bound
from hantu.query.logquery import LogQuery
from hantu.store.base import StoreError, WriteResult
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.waiting import wait_until


def entry(message: str = "line", **parts: object) -> LogEntry:
    fields: dict[str, object] = {"source": "app", "source_id": "a", "level": LogLevel.INFO, "time_ns": 1}
    return LogEntry(message=message, **(fields | parts))  # type: ignore[arg-type]  # parts are the test's own


def lines(*messages: str, **parts: object) -> Submission:
    return Submission([entry(message) for message in messages], **parts)  # type: ignore[arg-type]  # as above


class FailingStore(MemoryStore):
    """A store whose next commits fail when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.bug: Exception | None = None
        self.batches: list[int] = []

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug
        self.batches.append(len(entries))
        return super().write_batch(entries, checkpoints, durable=durable)


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def pipeline(store: FailingStore) -> Iterator[Pipeline]:
    pipeline = Pipeline(store, CommitSignal(), batch_entries=100, batch_ms=50)
    pipeline.start()
    yield pipeline
    pipeline.stop(5)


@pytest.mark.promise("M34")
def test_batch_is_due_at_its_size_or_after_its_time() -> None:
    buffer = LogBatchBuffer(entries=3, wait_ms=200)
    buffer.offer(lines("a", "b"))
    began = time.monotonic()
    assert len(buffer.take() or []) == 1
    assert time.monotonic() - began >= 0.15
    buffer.offer(lines("c", "d", "e"))
    began = time.monotonic()
    assert len(buffer.take() or []) == 1
    assert time.monotonic() - began < 0.15


@pytest.mark.promise("M34")
def test_timer_starts_at_the_first_add_not_at_the_last() -> None:
    buffer = LogBatchBuffer(entries=1000, wait_ms=300)
    began = time.monotonic()
    buffer.offer(lines("a"))
    adder = threading.Timer(0.2, lambda: buffer.offer(lines("b")))
    adder.start()
    taken = buffer.take() or []
    adder.join()
    assert [len(submission.entries) for submission in taken] == [1, 1]
    assert time.monotonic() - began < 0.48


def test_nothing_waits_long_while_somebody_follows() -> None:
    buffer = LogBatchBuffer(entries=100, wait_ms=3_600_000, watched=lambda: True)
    buffer.offer(lines("a"))
    assert len(buffer.take() or []) == 1


@pytest.mark.promise("M34")
def test_batches_grow_under_load_up_to_a_bound() -> None:
    buffer = LogBatchBuffer(entries=100, wait_ms=1000, most=50_000)
    for _ in range(100):
        buffer.offer(lines(*["x"] * 150))
    taken = buffer.take() or []
    assert 100 < sum(len(submission.entries) for submission in taken) <= COMMIT_ENTRIES_MOST


@pytest.mark.promise("M34", "M15")
def test_stop_writes_what_waits(store: FailingStore) -> None:
    pipeline = Pipeline(store, CommitSignal(), batch_ms=60_000)
    pipeline.start()
    pipeline.submit(lines("one", "two", checkpoints={"file:a": b"2"}))
    assert store.cursor() == 0
    assert pipeline.stop(5)
    assert [found.message for found in store.search(LogQuery()).entries] == ["two", "one"]
    assert store.checkpoint("file:a") == b"2"
    with pytest.raises(PipelineStopped):
        pipeline.offer(lines("late"))


@pytest.mark.promise("M15")
def test_offer_refuses_when_full_and_submit_waits() -> None:
    pipeline = Pipeline(MemoryStore(), CommitSignal(), queue_entries=3)
    pipeline.offer(lines("a", "b"))
    with pytest.raises(QueueFull):
        pipeline.offer(lines("c", "d"))
    assert pipeline.refused_total == 2
    assert pipeline.submit(lines("c"))
    assert not pipeline.submit(lines("d"), stopping=lambda: True)


def test_room_is_bounded_by_text_too_not_by_lines_alone() -> None:
    megabyte = "주" * 1_000_000
    in_message = LogBatchBuffer()
    while in_message.put(lines(megabyte), stopping=lambda: in_message.half_full):
        assert len(in_message) <= QUEUE_CHARS // 10**6
    with pytest.raises(QueueFull):
        in_message.offer(lines(megabyte))
    taken = in_message.take() or []
    assert len(taken) * 10**6 <= COMMIT_CHARS_MOST
    in_metadata = LogBatchBuffer()
    long = Submission([entry(metadata={"a": {"b": [megabyte]}, "c": "d"})])
    while in_metadata.put(long, stopping=lambda: in_metadata.half_full):
        assert len(in_metadata) <= QUEUE_CHARS // 10**6
    checkpoints = LogBatchBuffer()
    alone = Submission([], {"file:a": b"1"})
    count = 0
    while checkpoints.put(alone, stopping=lambda: checkpoints.half_full):
        count += 1
        assert count < 200_000


def test_push_larger_than_the_queue_is_taken_when_it_is_empty() -> None:
    buffer = LogBatchBuffer(most=3)
    buffer.offer(lines(*"abcdef"))
    assert len(buffer) == 6


def test_commit_is_published_and_settled(pipeline: Pipeline) -> None:
    settled: list[WriteResult | None] = []
    pipeline.offer(lines("a", "b", durable=True, settled=settled.append))
    wait_until(lambda: settled)
    assert settled == [WriteResult(cursor=2, accepted=2)]


def test_each_submitter_hears_of_its_own_duplicates(store: FailingStore) -> None:
    pipeline = Pipeline(store, CommitSignal(), batch_ms=20)
    known = bytes(16)
    store.write(entry(event_id=known))
    settled: dict[str, WriteResult | None] = {}
    pipeline.offer(Submission([entry("new")], settled=lambda r: settled.update(first=r)))
    pipeline.offer(
        Submission([entry("x"), entry("again", event_id=known)], settled=lambda r: settled.update(second=r))
    )
    pipeline.start()
    wait_until(lambda: len(settled) == 2)
    pipeline.stop(5)
    first, second = settled["first"], settled["second"]
    assert first is not None
    assert second is not None
    assert (first.accepted, first.duplicates) == (1, ())
    assert (second.accepted, second.duplicates) == (1, (1,))


def test_failed_commit_sends_readers_back_to_their_checkpoint(
    store: FailingStore, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    epoch = pipeline.epoch
    pipeline.submit(lines("a", checkpoints={"file:a": b"1"}, epoch=epoch))
    wait_until(lambda: store.checkpoint("file:a"))
    store.failures = 1
    with caplog.at_level(logging.CRITICAL):
        pipeline.submit(lines("b", checkpoints={"file:a": b"2"}, epoch=epoch))
        wait_until(lambda: pipeline.epoch != epoch)
        assert pipeline.failing == "the disk is full"
        with pytest.raises(Rewind):
            pipeline.submit(lines("c", checkpoints={"file:a": b"3"}, epoch=epoch))
    assert store.checkpoint("file:a") == b"1"
    again = pipeline.epoch
    pipeline.submit(lines("b", "c", checkpoints={"file:a": b"3"}, epoch=again))
    wait_until(lambda: store.checkpoint("file:a") == b"3")
    assert [found.message for found in store.search(LogQuery()).entries] == ["c", "b", "a"]
    assert pipeline.failing == ""


def test_failed_commit_tells_pushers(
    store: FailingStore, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    store.failures = 1
    settled: list[WriteResult | None] = []
    with caplog.at_level(logging.CRITICAL):
        pipeline.offer(lines("a", durable=True, settled=settled.append))
        wait_until(lambda: settled)
    assert settled == [None]
    assert store.cursor() == 0


def test_a_store_that_works_again_is_seen_without_anything_to_write(
    store: FailingStore,
    pipeline: Pipeline,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hantu.pipeline.writer.PROBE_AFTER_S", 0.1)
    monkeypatch.setattr("hantu.pipeline.writer.RETRY_S", 0.05)
    store.failures = 2
    with caplog.at_level(logging.CRITICAL):
        pipeline.offer(lines("a", durable=True))
        wait_until(lambda: pipeline.failing)
        wait_until(lambda: not pipeline.failing)
    assert store.failures == 0
    assert store.cursor() == 0


def test_a_bug_in_the_store_is_told_and_the_writer_goes_on(
    store: FailingStore, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    epoch = pipeline.epoch
    settled: list[WriteResult | None] = []
    store.bug = RuntimeError("nobody foresaw this")
    with caplog.at_level(logging.CRITICAL):
        pipeline.submit(lines("a", epoch=epoch, durable=True, settled=settled.append))
        wait_until(lambda: settled)
        assert settled == [None]
        assert pipeline.failing == "RuntimeError: nobody foresaw this"
        with pytest.raises(Rewind):
            pipeline.submit(lines("b", epoch=epoch))
        pipeline.submit(lines("a", epoch=pipeline.epoch, durable=True))
        wait_until(lambda: store.cursor() == 1)
    assert pipeline.failing == ""


def test_submissions_are_not_compared_with_each_other(store: FailingStore) -> None:
    compared: list[int] = []

    class Entries(list[LogEntry]):
        def __eq__(self, other: object) -> bool:
            compared.append(1)
            return super().__eq__(other)

        __hash__ = None  # type: ignore[assignment]  # as every list

    # 8,000 submissions of one line took 9 s when each was looked for among the others.
    pipeline = Pipeline(store, CommitSignal(), processors=[Entries])
    for number in range(20):
        pipeline.submit(lines(str(number), epoch=0))
    pipeline.start()
    assert pipeline.stop(5)
    assert store.cursor() == 20
    assert not compared


def test_other_writers_take_turns_with_the_writer(store: FailingStore, pipeline: Pipeline) -> None:
    def work(_store: object) -> int:
        pipeline.offer(lines("during", durable=True))
        before = store.cursor()
        assert not pipeline.pause()
        wait_until(lambda: pipeline.pause() or store.cursor() > before)
        return store.cursor()

    assert pipeline.with_store(work) == 1


def test_own_journal_lines_are_dropped_and_others_kept() -> None:
    drop = DropSelf(pid=77)
    kept = entry("other", source="journal", source_id="ssh.service", metadata={"pid": 78})
    entries = [
        entry("a", source="journal", source_id="hantu.service"),
        entry("b", source="journal", source_id="session-1.scope", metadata={"pid": 77}),
        kept,
    ]
    assert drop(entries) == [kept]
    assert drop([entry("c", source="app", source_id="hantu.service")])


def test_errors_of_the_librarys_text_files_are_dropped_for_its_error_files_hold_them() -> None:
    drop = DropCopies(Path("/srv/logs"))
    text, errors = "/srv/logs/info/info_20261121.log", "/srv/logs/errors/error_20261121.json"
    own = {"logger": "shop", "trace_id": "abc12345"}
    kept = [
        entry("info", source="app", source_id=text, metadata=own),
        entry("error", source="app", source_id=errors, level=LogLevel.ERROR, metadata=own),
        entry("no line of the library", source="app", source_id=text, level=LogLevel.ERROR),
        entry("another's", source="app", source_id="/srv/a/info/x.log", level=LogLevel.ERROR, metadata=own),
    ]
    copy = entry("error", source="app", source_id=text, level=LogLevel.ERROR, metadata=own)
    assert drop([*kept, copy]) == kept


def test_lines_of_an_older_program_with_the_same_pid_are_kept() -> None:
    drop = DropSelf(pid=77, since_ns=1_000)
    older = entry("sshd", source="journal", source_id="ssh.service", metadata={"pid": 77}, time_ns=999)
    own = entry("own", source="journal", source_id="session-1.scope", metadata={"pid": 77}, time_ns=1_000)
    assert drop([older, own]) == [older]


def test_long_message_keeps_its_head_and_true_length() -> None:
    long = "주" * MESSAGE_LIMIT_BYTES
    (kept,) = bound([entry(long)])
    assert len(kept.message.encode()) <= MESSAGE_LIMIT_BYTES
    assert kept.metadata == {"truncated_bytes": len(long.encode())}


def test_lone_surrogates_are_replaced_and_clean_entries_kept_as_they_are() -> None:
    clean = [entry("plain"), entry("another")]
    assert bound(clean) is clean
    assert bound([entry("a\ud800b")])[0].message == "a\ufffdb"


def test_masking_rebuilds_only_what_changed() -> None:
    def mask(
        messages: Sequence[str], metadatas: Sequence[object]
    ) -> tuple[Sequence[str], Sequence[object]]:
        return [message.replace("secret", "****") for message in messages], metadatas

    entries = [entry("my secret"), entry("nothing")]
    masked = Mask(mask)(entries)  # type: ignore[arg-type]  # a stand-in of the same shape
    assert masked[0].message == "my ****"
    assert masked[1].message == "nothing"
