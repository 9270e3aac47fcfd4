"""A regular expression over many lines finds what it finds in each."""

import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.query.error import QueryError
from hantu.query.regex import compile_regex
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.regex_scan import lines_matching
from hantu.text import plain

PARTS = (
    *(
        "a",
        "b",
        "ab",
        "1",
        " ",
        ".",
        "^",
        "$",
        "|",
        "*",
        "+?",
        "(a|b)",
        "(?:a)?",
        "[^a]",
        "[^b]+",
        r"\s",
        r"\S",
    ),
    *(
        r"\W",
        r"\w+",
        r"\D",
        r"\b",
        r"\B",
        r"\n",
        r"[\n]",
        r"[a\n]",
        "(?s)",
        "(?m)",
        "(?-m)",
        "(?i)",
        "(?-s:.)",
    ),
    *(r"\A", r"\z", r"\x0a", r"[[:space:]]", r"\Qa\E", "주", "{2}", r"\PL", "x*", r"\x00", r"\x1b", "(?U)"),
)
MESSAGES = st.lists(
    st.text("ab1 주A\n\x00\r", max_size=6) | st.sampled_from(("\x1b[31ma\x1b[0mb", "a\x1b(Bb", "")),
    min_size=1,
    max_size=8,
)


@settings(max_examples=2_000, deadline=None)
@given(MESSAGES, st.lists(st.sampled_from(PARTS), max_size=5).map("".join))
def test_lines_at_once_are_found_as_each_alone(messages: list[str], pattern: str) -> None:
    try:
        search = compile_regex(pattern).search
    except (QueryError, re2.error):
        return
    found = lines_matching(pattern, escape_lines(messages), len(messages))
    assert found.tolist() == [search(plain(message)) is not None for message in messages]
