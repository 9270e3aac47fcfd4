"""The fingerprint: equal for errors that a person would call the same one.

It is made of the type, the place and the message with everything folded that differs from one
occurrence to the next. docs/errors.md has the rules in words; a change here makes new groups of all
errors that come after it."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Final

from hantu.errors.stack import cut, top_frame

MESSAGE_MOST: Final = 1_000
"""Characters of a folded message that count."""

_LOOK_AT: Final = 4_000

# Each rule begins with one character, and looks behind that where it has to: such a rule is passed over
# without being tried. A mark that masking left stays what it is.
_HEX: Final = "[0-9A-Fa-f]"
_NOT_WITHIN: Final = rf"{_HEX}(?<![0-9A-Za-z]{_HEX})"
_GROUP_NOT_WITHIN: Final = rf"{_HEX}(?<![0-9A-Za-z:]{_HEX}){_HEX}{{0,3}}:"
_DIGIT: Final = r"\d(?<!\d\d)"
_PART: Final = r"[^\s/?#&'\"<>(){}\[\],;:]"
_MAIL: Final = r"[\w.+-](?<![\w.+-][\w.+-])[\w.+-]*+@[\w-]+\.[\w.-]*\w"
_NEVER: Final = "(?!)"
_REST_OF_MONTH: Final = (
    r"(?:(?<=J)(?:an|un|ul)|(?<=F)eb|(?<=M)a[ry]|(?<=A)(?:pr|ug)|(?<=S)ep|(?<=O)ct|(?<=N)ov|(?<=D)ec)"
)
_MONTH: Final = rf"[JFMASOND]{_REST_OF_MONTH}"
_REST_OF_DAY: Final = r"(?:(?<=M)on|(?<=T)(?:ue|hu)|(?<=W)ed|(?<=F)ri|(?<=S)(?:at|un))"
_IN_MONTH: Final = (
    r"\ (?:\d{4}|\d{1,2})(?!\d)(?:,?\ \d{4}(?!\d))?(?:\ \d{2}:\d{2}:\d{2})?(?:\ (?:UTC|GMT|KST|[+-]\d{4}))?"
)
_NUMBER_GOES_ON: Final = r"(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?:\s?[조억만천]\s?(?:\d+(?:[.,]\d+)*)?)*%?"
# In the order in which they are tried at each character.
_FOLDED: Final = (
    ("id", rf"{_NOT_WITHIN}{_HEX}{{7}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?![0-9A-Za-z])"),
    (
        "time",
        rf"{_DIGIT}(?:\d{{3}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d?[-/][A-Z][a-z]{{2}}[-/]\d{{4}})"
        r"(?:[T :]\s?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?"
        r"(?:\s?(?:Z\b|UTC\b|GMT\b|KST\b|[+-]\d{2}:?\d{2}\b))?",
    ),
    ("time", rf"{_DIGIT}\d{{3}}년\s?\d{{1,2}}월\s?\d{{1,2}}일(?:\s?\([월화수목금토일]\))?"),
    ("time", rf"[MTWFS]{_REST_OF_DAY},?\ (?:\d{{1,2}}\ )?{_MONTH}{_IN_MONTH}"),
    ("time", rf"\d\d?\ {_MONTH}{_IN_MONTH}"),
    ("time", rf"{_MONTH}{_IN_MONTH}"),
    ("time", r"오[전후]\s?\d{1,2}(?:시(?:\s?\d{1,2}분)?(?:\s?\d{1,2}초)?|:\d{2}(?::\d{2})?)"),
    ("time", rf"{_DIGIT}\d?시\s?\d{{1,2}}분(?:\s?\d{{1,2}}초)?"),
    ("time", r"\d(?<![\d:]\d)\d?:\d{2}:\d{2}(?:[.,]\d+)?(?:\s?[AaPp][Mm])?(?![\d:])"),
    ("address", _MAIL),
    ("address", r"\d(?<![\d.]\d)\d{0,2}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?![\d.]*\d)"),
    ("address", r"\[[0-9A-Fa-f:]*:[0-9A-Fa-f:.%\w]*\](?::\d{1,5})?"),
    ("address", rf"{_GROUP_NOT_WITHIN}(?:{_HEX}{{1,4}}:){{2,6}}{_HEX}{{1,4}}(?![0-9A-Za-z:])"),
    ("address", rf"{_GROUP_NOT_WITHIN}(?:{_HEX}{{1,4}}:){{0,5}}(?::{_HEX}{{1,4}}){{1,6}}(?![0-9A-Za-z:])"),
    ("text", r"'[^'\n\d]{0,200}\d[^'\n]{0,200}'"),
    ("text", r"\"[^\"\n\d]{0,200}\d[^\"\n]{0,200}\""),
    ("text", r"`[^`\n\d]{0,200}\d[^`\n]{0,200}`"),
    ("part", rf"{_PART}(?<=/{_PART})(?!(?<=v)\d{{1,2}}\b)(?:(?<=\d)|{_PART}*\d){_PART}*"),
    ("hex", r"0[xX][0-9A-Fa-f]+"),
    (
        "hex",
        r"[0-9a-f](?<![0-9A-Za-z][0-9a-f])(?:(?<=\d)|(?=[a-f]*\d))(?:(?<=[a-f])|(?=\d*[a-f]))"
        r"[0-9a-f]{5,}(?![0-9A-Za-z])",
    ),
    ("n", r"[A-Za-z](?<![0-9A-Za-z_][A-Za-z])[A-Za-z]*+(?:[-_][A-Za-z]++){0,3}[-_]?\d{3,}\w*"),
    ("n", rf"[-+](?<!\w[-+])\d+{_NUMBER_GOES_ON}"),
    ("n", rf"\d(?<![0-9A-Za-z_]\d)\d*{_NUMBER_GOES_ON}"),
)
# Plain words are passed over in one step: nothing that is folded begins with one, but for names of months
# and days, and the Korean for morning and afternoon.
_LETTER: Final = r"[^\W\d_]"
_OTHER_WORD: Final = (
    rf"{_LETTER}(?<!{_LETTER}{_LETTER})(?!(?:{_REST_OF_MONTH}|{_REST_OF_DAY}|(?<=오)[전후])\b)"
    rf"{_LETTER}*+[.,:;?!)]?(?:\s++|$)"
)
_WORDS: Final = rf"{_OTHER_WORD}(?:{_OTHER_WORD})*+"
_MARKS: Final = tuple(f"<{name}>" for name, _ in _FOLDED)
_CHANGING: Final = re.compile(r"[\d@]|:[0-9A-Fa-f]{0,4}:")


def fingerprint(error_type: str, place: str, message: str, stack_trace: str = "") -> str:
    """16 hex digits, equal for errors of the same type, place and message.

    place: "module.function"; when "" the innermost frame of the application in stack_trace counts, or
    in the stack trace that message may end with. The same in every process and on every machine."""
    said, own_stack = cut(message)
    if not place:
        place = ".".join(filter(None, top_frame(stack_trace or own_stack)))
    parts = "\0".join((error_type, place, fold_message(said)))
    return hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=8).hexdigest()


def fold_message(message: str) -> str:
    """`message` with what differs between occurrences as a word in angle brackets, one blank between
    words."""
    if _CHANGING.search(message):
        message = _pattern(mail="@" in message).sub(_mark, message[:_LOOK_AT])
    return " ".join(message.split())[:MESSAGE_MOST]


@cache
def _pattern(*, mail: bool) -> re.Pattern[str]:
    # Compiled at the first error: a program that only imports the library does not wait for it. Without the
    # rule for mail addresses, which tries each word, it takes a fifth less.
    rules = [rule if mail or rule is not _MAIL else _NEVER for _, rule in _FOLDED]
    # An empty group at the end of each tells which it was; a name around it would have to be tried.
    return re.compile("|".join((_WORDS, *(f"{rule}()" for rule in rules))))


def _mark(match: re.Match[str]) -> str:
    rule = match.lastindex
    return match.group() if rule is None else _MARKS[rule - 1]
