"""The way of every entry to the store: submit → processors → bounded queue → one writer."""

from hantu.pipeline.buffer import COMMIT_ENTRIES_MOST, QUEUE_ENTRIES, LogBatchBuffer
from hantu.pipeline.changes import Changes
from hantu.pipeline.submission import (
    PipelineStopped,
    Processor,
    QueueFull,
    Rewind,
    Settled,
    Submission,
)
from hantu.pipeline.writer import Pipeline

__all__ = [
    "COMMIT_ENTRIES_MOST",
    "QUEUE_ENTRIES",
    "Changes",
    "LogBatchBuffer",
    "Pipeline",
    "PipelineStopped",
    "Processor",
    "QueueFull",
    "Rewind",
    "Settled",
    "Submission",
]
