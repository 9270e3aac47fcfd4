"""docs/executions.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hantu.executions import ARTIFACT_MOVES, MOVES, ArtifactType, ExecutionStatus, cost_text, limits
from hantu.executions.cost import COST_MOST
from hantu.executions.record import MODEL_DEFAULT
from hantu.store.sqlite import SqliteStore

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "executions.md").read_text(encoding="utf-8")
STATEMENTS = re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def row(begins: str) -> str:
    """The line of a table that begins so."""
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {begins}"))


@pytest.mark.promise("M97", "M118")
def test_the_page_has_every_move() -> None:
    for status, then in MOVES.items():
        if then:
            assert row(f"`{status}`") == f"| `{status}` | {', '.join(f'`{to}`' for to in then)} |"
    for state, following in ARTIFACT_MOVES.items():
        last = row(f"`{state}`" if state not in ExecutionStatus else state).rpartition("|")[0]
        assert all(f"`{to}`" in last for to in following)


def test_the_page_has_every_limit() -> None:
    names = [name for name in vars(limits) if name.endswith(("_MOST", "_LEAST"))]
    assert len(names) > 15
    days = {"TIMEOUT_MS_MOST": "365 days"}
    boundless = {"TIME_NS_MOST", "SIZE_MOST", "FILE_PATH_MOST"}
    for name in set(names) - boundless:
        assert days.get(name) or re.search(rf"\b{getattr(limits, name):,}\b", PAGE), name
    assert cost_text(COST_MOST) in PAGE
    assert MODEL_DEFAULT in PAGE
    assert all(f"`{kind}`" in PAGE for kind in ArtifactType)


def test_the_page_has_every_column_and_its_statements_run(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "hantu.db", background=False)
    tables = PAGE.partition("## Tables")[2]
    for table in ("executions", "status_transitions", "artifacts"):
        _, columns = store.sql(f"SELECT name FROM pragma_table_xinfo('{table}')", most=99)
        assert len(columns) > 5
        for (name,) in columns:
            assert f"`{name}`" in tables, name
    assert STATEMENTS is not None
    statements = [each for each in STATEMENTS[1].split(";") if each.strip()]
    assert len(statements) == 3
    for statement in statements:
        assert store.sql(statement, most=9)[1] == []
    store.close()
