"""Korean for the sentences of the layers below: what is wrong with a query, a collector, the store.

Those layers speak English, to programs and to the log. A page finds the Korean by the shape of the
sentence: {names} stand for values, which stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from hantu.web import i18n
from hantu.web.sentences_ko import COMMANDS, DOOR, REASONS, SENTENCES

INNER: Final = "inner"
"""The name of a value that is a sentence itself."""

_VALUE: Final = re.compile(r"\{(\w+)\}")
_PARAMETER: Final = re.compile(r"([A-Za-z]\w*): (.+)", re.DOTALL)


def say(sentence: str) -> str:
    """A sentence in the reader's language; as it is when nobody translated it."""
    if i18n.language() != "ko":
        return sentence
    return korean(sentence) or sentence


def say_parts(sentence: str) -> str:
    """As say(), for parts set off by commas: 3 files, 1 left alone."""
    if i18n.language() != "ko":
        return sentence
    return ", ".join(korean(part) or part for part in sentence.split(", "))


@lru_cache(maxsize=512)
def korean(sentence: str) -> str | None:
    """The Korean of an English sentence, None when there is none."""
    # `minLevel: …` before a sentence names the parameter that it speaks of.
    named = _PARAMETER.fullmatch(sentence)
    if named is not None and (inner := korean(named.group(2))) is not None:
        return f"{named.group(1)}: {inner}"
    for shape, text in _SHAPES:
        if (found := shape.fullmatch(sentence)) is not None:
            return _filled(text, found.groupdict())
    return None


def _filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with its values; braces in a value mean nothing."""
    shown = {name: (korean(value) or value) if name == INNER else value for name, value in values.items()}
    return _VALUE.sub(lambda found: shown[found.group(1)], text)


def _shapes() -> Iterator[tuple[re.Pattern[str], str]]:
    """The sentences as patterns: first those around another sentence, then by the words of their own."""
    every = {**SENTENCES, **DOOR, **REASONS, **{command: command for command in COMMANDS}}

    def rank(text: str) -> tuple[bool, int]:
        return f"{{{INNER}}}" in text, len(_VALUE.sub("", text))

    for sentence in sorted(every, key=rank, reverse=True):
        yield re.compile(pattern(sentence), re.DOTALL), every[sentence]


def pattern(sentence: str) -> str:
    """A regular expression for what is said by this sentence, whatever its values are."""
    seen: set[str] = set()
    out: list[str] = []
    at = 0
    for found in _VALUE.finditer(sentence):
        name = found.group(1)
        out.append(re.escape(sentence[at : found.start()]))
        out.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
        seen.add(name)
        at = found.end()
    return "".join((*out, re.escape(sentence[at:])))


_SHAPES: Final = tuple(_shapes())
