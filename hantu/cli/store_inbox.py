"""The database as a place of errors, with no service running over it."""

from __future__ import annotations

import time
from pathlib import Path

from hantu.client.migration.inbox import FileInbox, InboxError
from hantu.store import open_store
from hantu.store.base import StoreError


class StoreInbox(FileInbox):
    """Looks at the file as FileInbox does, and resolves by the store."""

    def __init__(self, database: Path) -> None:
        super().__init__(database)
        self._database = database

    def resolve(self, group_no: int) -> None:
        """See Inbox."""
        try:
            store = open_store(self._database)
        except StoreError as error:
            raise InboxError(str(error), f"hantu errors resolve {group_no}") from error
        try:
            store.resolve(group_no, at_ns=time.time_ns(), by="hantu migrate")
        except StoreError as error:
            raise InboxError(str(error), f"hantu errors resolve {group_no}") from error
        finally:
            store.close()
