"""A page that was asked before takes few statements: beside a writer each may wait for Python's lock."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from hantu.model import LogEntry
from tests.store.made import asked, many, opened

# The snapshot's begin and end, what it holds, which shapes there are, the senders' ids.
MOST = 5


def _with_id(entry: LogEntry, number: int) -> LogEntry:
    return LogEntry(
        entry.source,
        entry.source_id,
        entry.level,
        entry.message,
        entry.time_ns,
        entry.metadata,
        number.to_bytes(16) if number % 3 else None,
    )


@pytest.mark.parametrize("text", ["", "line", "level:error", "주문을", "line took level:warn"])
def test_a_page_takes_few_statements(tmp_path: Path, text: str) -> None:
    lines = [_with_id(line, number) for number, line in enumerate(many(120))]
    with opened(tmp_path / "hantu.db", background=False) as store:
        for at in range(0, 80, 40):
            store.write_batch(lines[at : at + 40])
            store.seal()
        store.write_batch(lines[80:])
        first = store.search(asked(text))
        own = {line.message: line.event_id for line in lines}
        assert {entry.message: entry.event_id for entry in first.entries} == {
            entry.message: own[entry.message] for entry in first.entries
        }
        assert first.entries
        (reader,) = store._database._idle
        said: list[str] = []

        def note(event: dict[str, object]) -> None:
            said.append(str(event["sql"]))

        reader.connection.trace_v2(apsw.SQLITE_TRACE_STMT, note)
        try:
            assert store.search(asked(text)) == first
        finally:
            reader.connection.trace_v2(0, None)
        assert 3 <= len(said) <= MOST, said
