"""When the entries lie that a query can find."""

from __future__ import annotations

import time
from collections.abc import Callable

from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage


def extent(store: LogStorage, query: LogQuery, *, limit_ms: Callable[[], int]) -> tuple[int, int]:
    """The query's own bounds, else the times of the first and the last entry there is; the last one not
    before now. limit_ms: what each look may take. Raises QueryTimeout."""

    def edge(order: Order, default_ns: int) -> int:
        first = store.search(LogQuery(order=order, limit=1), time_limit_ms=limit_ms())
        return first.entries[0].time_ns if first.entries else default_ns

    now_ns = time.time_ns()
    start = query.start_ns if query.start_ns is not None else edge(Order.OLDEST, now_ns)
    end = query.end_ns if query.end_ns is not None else max(edge(Order.NEWEST, now_ns) + 1, now_ns)
    return start, max(end, start + 1)
