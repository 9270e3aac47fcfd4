"""`python -m bench.page REPORT…`: put the tables of bench reports in the place of those in docs/performance.md.

A table stands under the heading that it has in the report, without what that says in parentheses; a later
report's table takes the place of an earlier one's. What the page says around its tables stays."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

PAGE = Path("docs/performance.md")
_SECTION = re.compile(r"^## (?P<title>[^\n(]+?)(?: \([^\n]*\))?\n(?P<body>.*?)(?=^## |\Z)", re.M | re.S)
_TABLE = re.compile(r"(?:^\|[^\n]*\n)+", re.M)


def tables(report: str) -> dict[str, list[str]]:
    """The tables of a report by the titles that they stand under."""
    found: dict[str, list[str]] = {}
    for section in _SECTION.finditer(report):
        for table in _TABLE.findall(section["body"] + "\n"):
            found.setdefault(section["title"], []).append(table)
    return found


def renewed(page: str, reports: Iterable[str]) -> tuple[str, list[str]]:
    """The page with the reports' tables, and the titles whose tables found no place."""
    fresh: dict[str, list[str]] = {}
    for report in reports:
        fresh.update(tables(report))
    placed: set[str] = set()

    def renew(section: re.Match[str]) -> str:
        new = fresh.get(section["title"])
        if new is None or len(_TABLE.findall(section[0])) != len(new):
            return section[0]
        placed.add(section["title"])
        rest = iter(new)
        return _TABLE.sub(lambda _: next(rest), section[0])

    return _SECTION.sub(renew, page), sorted(set(fresh) - placed)


def main(paths: list[str]) -> int:
    """Renew the page; 1 when a table found no place."""
    page, homeless = renewed(PAGE.read_text("utf-8"), [Path(path).read_text("utf-8") for path in paths])
    PAGE.write_text(page, "utf-8")
    for title in homeless:
        print(f"no place on the page for {title}", file=sys.stderr)
    return 1 if homeless else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
