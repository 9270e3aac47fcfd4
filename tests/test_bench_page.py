"""The tables of a bench report take their places on the page of figures."""

from __future__ import annotations

from bench.page import renewed

PAGE = """# Performance

## Queries

Words before.

| query | p50 |
|---|---:|
| old | 1 |

Words after.

## At rest

| old |
"""


def test_a_table_takes_the_place_of_the_one_under_its_heading() -> None:
    report = "## Machine\n\n2 cores\n\n## Queries (ms)\n\n| query | p50 |\n|---|---:|\n| new | 2 |\n"
    page, homeless = renewed(PAGE, [report])
    assert page == PAGE.replace("| old | 1 |\n", "| new | 2 |\n")
    assert homeless == []


def test_what_has_no_place_is_told_and_changes_nothing() -> None:
    assert renewed(PAGE, ["## Unknown\n\n| a |\n"]) == (PAGE, ["Unknown"])
    assert renewed(PAGE, ["## At rest\n\n| a |\n\n| b |\n"]) == (PAGE, ["At rest"])


def test_the_later_report_counts() -> None:
    page, _ = renewed(PAGE, ["## At rest\n\n| a |\n", "## At rest\n\n| b |\n"])
    assert page.endswith("## At rest\n\n| b |\n")
