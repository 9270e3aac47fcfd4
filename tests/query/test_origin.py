"""Which origins a search leaves out, whatever their lines say."""

from __future__ import annotations

from datetime import UTC

import pytest

from hantu.query.logquery import LogQuery
from hantu.query.origin import could_match


@pytest.mark.parametrize(
    ("text", "could"),
    [
        ("", True),
        ("주문 level:error", True),
        ("source:docker", True),
        ("source:journal", False),
        ("source:journal OR 주문", True),
        ("source:journal OR container:web", False),
        ("NOT source:docker", False),
        ("NOT (source:docker 주문)", True),
        ("container:api", True),
        ("container:a*", True),
        ("container:web level:error", False),
        ("service:web", True),
        ("trace:abc", True),
    ],
)
def test_lines_of_a_container_could_answer(text: str, could: bool) -> None:
    search = LogQuery.parse(text, now_ns=0, tz=UTC).search
    assert could_match(search, "docker", "api") is could


@pytest.mark.parametrize(
    ("text", "could"),
    [
        ("source:docker", False),
        ("source:journal", True),
        ("unit:ssh.service", True),
        ("container:api", False),
        ("NOT container:api", True),
    ],
)
def test_of_a_whole_source_only_its_name_counts(text: str, could: bool) -> None:
    search = LogQuery.parse(text, now_ns=0, tz=UTC).search
    assert could_match(search, "journal", "") is could
    assert could_match(search, "", "")
