"""Following a store: the commit signal, and the cursor loop behind every live view."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from hantu.query.logquery import LogQuery
from hantu.store.base import Arrivals, LogStorage, StoreError

BATCH_ENTRIES_MOST: Final = 5_000
TICK_S: Final = 0.25
SHARED_BATCHES: Final = 16
RESTED_STEPS: Final = 5
"""So many steps of the finer grid are one of the common grid."""


class CommitSignal:
    """Tells waiting readers that something was committed; carries the cursor and nothing else."""

    def __init__(self, cursor: int = 0) -> None:
        self._cursor = cursor
        self._changed = threading.Condition()

    @property
    def cursor(self) -> int:
        """The newest cursor published."""
        return self._cursor

    def publish(self, cursor: int) -> None:
        """Make `cursor` known and wake every waiting reader."""
        with self._changed:
            self._cursor = max(self._cursor, cursor)
            self._changed.notify_all()

    def wait(self, after: int, timeout_s: float) -> int:
        """The newest cursor, as soon as it is beyond `after` or timeout_s has passed."""
        with self._changed:
            if self._cursor <= after:
                self._changed.wait(timeout_s)
            return self._cursor


class PolledSignal(CommitSignal):
    """The signal for another process than the writer's: asks the store for its cursor."""

    def __init__(self, store: LogStorage, *, poll_ms: int = 100) -> None:
        super().__init__(store.cursor())
        self._store = store
        self._poll_s = poll_ms / 1000

    def wait(self, after: int, timeout_s: float) -> int:
        """As CommitSignal.wait, by asking every poll_ms."""
        until = time.monotonic() + timeout_s
        while True:
            cursor = self._store.cursor()
            if cursor > after or time.monotonic() >= until:
                return cursor
            time.sleep(min(self._poll_s, max(0.0, until - time.monotonic())))


class Batch:
    """What one step of following brought: arrivals, and their renderings, made once for all readers."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self._rendered: dict[str, str] = {}
        self._lock = threading.Lock()

    def rendered(self, name: str, render: Callable[[Arrivals], str]) -> str:
        """render(arrivals), made by the first reader that asks for `name`."""
        with self._lock:
            text = self._rendered.get(name)
            if text is None:
                text = self._rendered[name] = render(self.arrivals)
            return text


class TailHub:
    """Lets readers which follow the same query from the same place share one search.

    Readers step on a common grid of batch_ms, so that 20 tails of one query cost one search and one
    rendering a step, not 20. Whoever has had nothing for batch_ms steps on a finer one: the first line
    after a rest does not wait."""

    def __init__(self, store: LogStorage, signal: CommitSignal, *, batch_ms: int = 100) -> None:
        self._store = store
        self._signal = signal
        self._batch_s = batch_ms / 1000
        self._lock = threading.Lock()
        self._shared: OrderedDict[tuple[LogQuery, int, int, int], _Shared] = OrderedDict()
        self.skipped_total = 0

    def follow(
        self,
        query: LogQuery,
        *,
        after_key: int | None = None,
        stopping: Callable[[], bool],
        most: int = BATCH_ENTRIES_MOST,
    ) -> Iterator[Batch | None]:
        """Batches of matching entries that arrive after `after_key` (None: from now on), for ever.

        Yields None at least every 250 ms without news, so that the caller can look after its
        connection. More than `most` at once: the newest `most`, the rest counted as skipped.
        Ends when stopping() is true."""
        cursor = self._signal.cursor if after_key is None else after_key
        next_at = 0.0
        while not stopping():
            newest = self._signal.wait(cursor, TICK_S)
            if newest <= cursor:
                yield None
                continue
            self._wait_for_grid(rested=time.monotonic() >= next_at)
            next_at = time.monotonic() + self._batch_s
            newest = self._signal.cursor
            batch = self._batch(query, cursor, newest, most)
            cursor = max(cursor, batch.arrivals.cursor)
            if batch.arrivals.entries or batch.arrivals.skipped:
                self.skipped_total += batch.arrivals.skipped
                yield batch
            else:
                yield None

    def _wait_for_grid(self, *, rested: bool) -> None:
        step_s = self._batch_s / RESTED_STEPS if rested else self._batch_s
        time.sleep(step_s - time.monotonic() % step_s)

    def _batch(self, query: LogQuery, cursor: int, newest: int, most: int) -> Batch:
        key = (query, cursor, newest, most)
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = _Shared()
                while len(self._shared) > SHARED_BATCHES:
                    self._shared.popitem(last=False)
        with shared.lock:
            if shared.error is not None:
                raise type(shared.error)(str(shared.error))
            if shared.batch is None:
                try:
                    shared.batch = Batch(self._store.arrivals(query.after(cursor), most=most))
                except StoreError as error:
                    # Those who wait fail with it, not each after its own time limit; who asks later
                    # asks anew.
                    shared.error = error
                    with self._lock:
                        self._shared.pop(key, None)
                    raise
            return shared.batch


class _Shared:
    """A place for a batch that the first reader fills while the others wait."""

    __slots__ = ("batch", "error", "lock")

    def __init__(self) -> None:
        self.batch: Batch | None = None
        self.error: StoreError | None = None
        self.lock = threading.Lock()
