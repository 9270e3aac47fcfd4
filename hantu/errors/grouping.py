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

# In the order in which they are tried at each character. A mark that masking left stays what it is.
_FOLDED: Final = (
    ("id", r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])"),
    (
        "time",
        r"(?<!\d)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/][A-Z][a-z]{2}[-/]\d{4})"
        r"(?:[T :]\s?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?"
        r"(?:\s?(?:Z\b|UTC\b|GMT\b|KST\b|[+-]\d{2}:?\d{2}\b))?"
        r"|(?<!\d)\d{4}년\s?\d{1,2}월\s?\d{1,2}일(?:\s?\([월화수목금토일]\))?"
        r"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\ )?(?:\d{1,2}\ )?"
        r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ (?:\d{4}|\d{1,2})(?!\d)(?:,?\ \d{4}(?!\d))?"
        r"(?:\ \d{2}:\d{2}:\d{2})?(?:\ (?:UTC|GMT|KST|[+-]\d{4}))?"
        r"|(?:오전|오후)\s?\d{1,2}(?:시(?:\s?\d{1,2}분)?(?:\s?\d{1,2}초)?|:\d{2}(?::\d{2})?)"
        r"|(?<!\d)\d{1,2}시\s?\d{1,2}분(?:\s?\d{1,2}초)?"
        r"|(?<![\d:])\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?(?:\s?[AaPp][Mm])?(?![\d:])",
    ),
    ("address", r"(?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.-]*\w"),
    (
        "address",
        r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?![\d.]*\d)"
        r"|\[[0-9A-Fa-f:]*:[0-9A-Fa-f:.%\w]*\](?::\d{1,5})?"
        r"|(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"
        r"|(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}(?![0-9A-Za-z:])",
    ),
    (
        "text",
        r"'[^'\n\d]{0,200}\d[^'\n]{0,200}'|\"[^\"\n\d]{0,200}\d[^\"\n]{0,200}\"|`[^`\n\d]{0,200}\d[^`\n]{0,200}`",
    ),
    ("part", r"(?<=/)(?!v\d{1,2}\b)[^\s/?#&'\"<>(){}\[\],;:]*\d[^\s/?#&'\"<>(){}\[\],;:]*"),
    ("hex", r"0[xX][0-9A-Fa-f]+|(?<![0-9A-Za-z])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}(?![0-9A-Za-z])"),
    (
        "n",
        r"(?<![0-9A-Za-z_])[A-Za-z]++(?:[-_][A-Za-z]++){0,3}[-_]?\d{3,}\w*"
        r"|(?<![0-9A-Za-z_])(?:(?<!\w)[-+])?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?:\s?[조억만천]"
        r"\s?(?:\d+(?:[.,]\d+)*)?)*%?",
    ),
)
# Plain words are passed over in one step: nothing that is folded begins with one, but for names of months
# and days, and the Korean for morning and afternoon.
_WORDS: Final = (
    r"(?:(?!(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|오전|오후)\b)"
    r"[^\W\d_]++[.,:;?!)]?(?:\s++|$))++"
)
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
    folded = _pattern().sub(_mark, message[:_LOOK_AT]) if _CHANGING.search(message) else message
    return " ".join(folded.split())[:MESSAGE_MOST]


@cache
def _pattern() -> re.Pattern[str]:
    # Compiled at the first error: a program that only imports the library does not wait for it.
    rules = "|".join(f"(?P<{name}_{at}>{rule})" for at, (name, rule) in enumerate(_FOLDED))
    return re.compile(f"{_WORDS}|{rules}")


def _mark(match: re.Match[str]) -> str:
    name = match.lastgroup
    return match.group() if name is None else f"<{name.rpartition('_')[0]}>"
