"""The store in one SQLite file. SQL and apsw live here and nowhere else."""

from hantu.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
