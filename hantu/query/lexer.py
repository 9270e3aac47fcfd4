"""Query text → tokens, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum, auto
from typing import Final

from hantu import text as words
from hantu.query.error import QueryError
from hantu.query.expr import Field, Op, Regex, Substring, Word
from hantu.query.fields import FIELDS, canonical
from hantu.query.regex import compile_regex
from hantu.query.times import day_of, end_of, start_of

TIME_NAMES: Final = ("since", "until", "on")
TERMS_MOST: Final = 32

_BLANK: Final = re.compile(r"\s*")
_CHUNK: Final = re.compile(r'[^\s"()]*')
_KEYWORD: Final = re.compile(r"(OR|AND|NOT)(?=[\s()\"]|\Z)")
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.@-]*):")
_OP: Final = re.compile(r"<=|>=|<|>")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_ESCAPE: Final = re.compile(r'\\(["\\])')
# The first slash that is not escaped must end the word, else it is a path such as /api/v1/orders.
_REGEX: Final = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)(?=[\s)]|\Z)", re.DOTALL)
_REGEX_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_BORDER: Final = re.compile(r"[\s)]|\Z")
_HEX_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,}")
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")


class Kind(Enum):
    """What a token is."""

    TERM = auto()
    ALL = auto()
    """A lone star: everything."""
    TIME = auto()
    OPEN = auto()
    CLOSE = auto()
    OR = auto()
    AND = auto()
    NOT = auto()
    END = auto()


Term = Word | Substring | Regex | Field


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from `position` to `end`. term: for TERM; start_ns, end_ns: for TIME."""

    kind: Kind
    position: int
    end: int
    term: Term | None = None
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def length(self) -> int:
        """Characters in the text."""
        return self.end - self.position


def tokenize(text: str, *, now_ns: int, tz: tzinfo) -> list[Token]:
    """All tokens of the text, with END last. Raises QueryError."""
    return list(_Lexer(text, now_ns, tz).tokens())


class _Lexer:
    def __init__(self, text: str, now_ns: int, tz: tzinfo) -> None:
        self._text = text
        self._now_ns = now_ns
        self._tz = tz

    def tokens(self) -> Iterator[Token]:
        at = terms = 0
        while True:
            blank = _BLANK.match(self._text, at)
            at = blank.end() if blank else at
            if at == len(self._text):
                break
            token = self._token(at)
            terms += token.kind is Kind.TERM
            if terms > TERMS_MOST:
                raise QueryError(
                    f"a query has at most {TERMS_MOST} terms; put words that belong together in quotes",
                    token.position,
                    len(self._text) - token.position,
                )
            yield token
            at = token.end
        yield Token(Kind.END, at, at)

    def _token(self, at: int) -> Token:
        text = self._text
        char = text[at]
        if char == "(":
            return Token(Kind.OPEN, at, at + 1)
        if char == ")":
            return Token(Kind.CLOSE, at, at + 1)
        if char == '"':
            return self._phrase(at)
        if char == "-" and self._negates(at):
            return Token(Kind.NOT, at, at + 1)
        if char == "/" and (regex := _REGEX.match(text, at)):
            return self._regex(at, regex)
        if text.startswith('*"', at):
            return self._substring(at)
        if keyword := _KEYWORD.match(text, at):
            return Token(Kind[keyword.group()], at, keyword.end())
        if (name := _NAME.match(text, at)) and not self._is_word(at, name.end()):
            return self._field(at, name.group(1), name.end())
        return self._word(at)

    def _negates(self, at: int) -> bool:
        """A minus sign excludes what follows at once; `- x`, `--option` and `->` are words."""
        following = self._text[at + 1 : at + 2]
        return following != "" and following not in "->)" and not following.isspace()

    def _is_word(self, at: int, after_colon: int) -> bool:
        """Whether what looks like a field is none: http://…, std::vector, C:\\x, 00:1a:2b, `note: …`."""
        text = self._text
        if text.startswith(("//", ":"), after_colon) or _DRIVE.match(text, at):
            return True
        if _HEX_ADDRESS.fullmatch(text, at, self._chunk_end(at)):
            return True
        name = text[at : after_colon - 1].lower()
        return name not in FIELDS and name not in TIME_NAMES and bool(_BORDER.match(text, after_colon))

    def _chunk_end(self, at: int) -> int:
        """Where the word that begins at `at` ends: at a blank, a quote or a parenthesis that is not
        opened and closed inside the word, as in main()."""
        text = self._text
        opened: list[int] = []
        while True:
            chunk = _CHUNK.match(text, at)
            at = chunk.end() if chunk else at
            char = text[at : at + 1]
            if char == "(":
                opened.append(at)
            elif char == ")" and opened:
                opened.pop()
            else:
                return opened[0] if opened else at
            at += 1

    def _quoted(self, at: int) -> tuple[str, int]:
        """The text inside the quotes that open at `at`, and where it goes on after them."""
        match = _QUOTED.match(self._text, at)
        if match is None:
            raise QueryError('a quote is opened here but never closed; end it with "', at, 1)
        return _QUOTED_ESCAPE.sub(r"\1", match.group(1)), match.end()

    def _star_ends(self, at: int) -> bool:
        return self._text.startswith("*", at) and bool(_BORDER.match(self._text, at + 1))

    def _phrase(self, at: int) -> Token:
        value, end = self._quoted(at)
        prefix = self._star_ends(end)
        end += prefix
        if not value:
            raise QueryError("empty quotes search for nothing; write the words between them", at, end - at)
        return Token(Kind.TERM, at, end, _word(value, quoted=True, prefix=prefix))

    def _substring(self, at: int) -> Token:
        value, end = self._quoted(at + 1)
        end += self._star_ends(end)
        if not value:
            raise QueryError("empty quotes search for nothing; write the text between them", at, end - at)
        return Token(Kind.TERM, at, end, Substring(value))

    def _regex(self, at: int, match: re.Match[str]) -> Token:
        pattern = _REGEX_ESCAPE.sub(
            lambda pair: "/" if pair.group(1) == "/" else pair.group(), match.group(1)
        )
        if match.group(2):
            pattern = f"(?i){pattern}"
        try:
            compile_regex(pattern)
        except QueryError as error:
            raise error.at(at, match.end() - at) from None
        return Token(Kind.TERM, at, match.end(), Regex(pattern))

    def _word(self, at: int) -> Token:
        end = self._chunk_end(at)
        chunk = self._text[at:end]
        core = chunk.strip("*")
        if not core:
            return Token(Kind.ALL, at, end)
        if "*" in core:
            raise QueryError(
                "a * stands at the start or the end of a word; in between write a regular expression "
                'such as /a.*b/, or "quotes" to search for the star itself',
                at,
                end - at,
            )
        if chunk.startswith("*"):
            return Token(Kind.TERM, at, end, Substring(core))
        return Token(Kind.TERM, at, end, _word(core, prefix=chunk.endswith("*")))

    def _field(self, at: int, name: str, after_colon: int) -> Token:
        text = self._text
        operator = _OP.match(text, after_colon)
        value_at = operator.end() if operator else after_colon
        if text.startswith('"', value_at):
            value, end = self._quoted(value_at)
        else:
            end = self._chunk_end(value_at)
            value = text[value_at:end]
            if not value:
                raise self._no_value(name, at, value_at)
        try:
            if name.lower() in TIME_NAMES:
                start_ns, end_ns = self._time(name.lower(), text[after_colon:end] if operator else value)
                return Token(Kind.TIME, at, end, None, start_ns, end_ns)
            op = Op(operator.group()) if operator else Op.EQ
            return Token(Kind.TERM, at, end, canonical(Field(name, op, value)))
        except QueryError as error:
            raise error.at(at, end - at) from None

    def _no_value(self, name: str, at: int, value_at: int) -> QueryError:
        known = FIELDS.get(name.lower())
        example = known.example if known else "2h" if name.lower() in TIME_NAMES else "value"
        if self._text.startswith("(", value_at):
            said = f"{name}: takes one value; write ({name}:one OR {name}:other)"
            return QueryError(said, at, value_at - at)
        said = f"{name}: needs a value directly after it, for example {name}:{example}"
        return QueryError(said, at, value_at - at)

    def _time(self, name: str, word: str) -> tuple[int | None, int | None]:
        if name == "since":
            return start_of(word, now_ns=self._now_ns, tz=self._tz), None
        if name == "until":
            return None, end_of(word, now_ns=self._now_ns, tz=self._tz)
        return day_of(word, now_ns=self._now_ns, tz=self._tz)


def _word(value: str, *, quoted: bool = False, prefix: bool = False) -> Word | Substring:
    """A text without index tokens (`!!!`, 🚨, `_`) is searched as it stands."""
    if not words.needle(value).tokens:
        return Substring(value)
    return Word(value, quoted, prefix)
