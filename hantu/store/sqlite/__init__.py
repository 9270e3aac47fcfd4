"""The store in one SQLite file. SQL and apsw live here and nowhere else."""

import os

# numpy's linear algebra is not used: without this it would keep a thread of its own for it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hantu.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
