"""Log files: found by patterns, followed through every kind of rotation, each line once."""

from hantu.collect.files.collector import DEFAULT_GLOBS, FileLogCollector, file_collectors, watches
from hantu.collect.files.ledger import Patience
from hantu.collect.files.mark import FileMark
from hantu.collect.files.reader import FileReader
from hantu.collect.files.watch import Watch

__all__ = [
    "DEFAULT_GLOBS",
    "FileLogCollector",
    "FileMark",
    "FileReader",
    "Patience",
    "Watch",
    "file_collectors",
    "watches",
]
