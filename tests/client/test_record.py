"""What may be written, of whatever was given."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hantu.client.record import Plain, as_repr, fields_text, formatted, one_record, short, unformatted

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.uuids(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=30,
)


@given(st.text())
def test_any_text_is_one_record_of_lines_that_begin_with_blanks(text: str) -> None:
    found = one_record(text)
    found.encode("utf-8")
    assert found.splitlines() == found.split("\n") if found else True
    assert all(line.startswith("    ") for line in found.split("\n")[1:])
    assert all(line.replace("\t", "").isprintable() or not line.isascii() for line in found.split("\n"))


@given(st.dictionaries(st.text(), anything))
def test_any_context_becomes_json(context: dict[str, Any]) -> None:
    plain = Plain().dict_of(context)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    assert json.loads(text) == plain
    assert "\n" not in fields_text(plain) or "\n" in "".join(plain)


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=97, max_codepoint=122)), st.integers(-(2**62), 2**62)
    )
)
def test_plain_values_stay_as_they_are(context: dict[str, Any]) -> None:
    plain = Plain()
    assert plain.dict_of({**context, "nested": [context, "text", True, None]}) == {
        **context,
        "nested": [context, "text", True, None],
    }
    assert plain.odd == ""


@given(st.text(max_size=50), st.lists(st.integers() | st.text(max_size=20), max_size=3))
def test_a_message_and_arguments_are_always_a_text(message: str, args: list[Any]) -> None:
    try:
        assert formatted(message, tuple(args)) == (message % tuple(args) if args else message)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        shown = unformatted(message, tuple(args), error)
        assert shown.startswith(message)
        assert all(as_repr(arg) in shown for arg in args)


@given(st.text(min_size=100, max_size=400))
def test_a_long_text_keeps_its_ends_and_loses_words_as_a_whole(text: str) -> None:
    found = short(text, 100)
    assert len(found) <= 100 + len(" … (400 characters left out) … ")
    if len(text) > 100:
        first, _, rest = found.partition(" … (")
        last = rest.partition(" characters left out) … ")[2]
        assert text.startswith(first)
        assert text.endswith(last)
        assert not first or text[len(first)] == " "
        assert not last or text[-len(last) - 1] == " "
