"""Metadata keys that say what their value is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from hantu.mask.rule import (
    ASSIGN,
    MASKED,
    VALUE,
    Needle,
    Rule,
    any_case,
    digits_of,
    says_nothing,
    tail,
    whole,
)

DEFAULT_KEYS: Final[tuple[str, ...]] = (
    *(
        "*password*",
        "*passwd*",
        "*passphrase*",
        "pass",
        "*_pass",
        "pwd",
        "*_pwd",
        "pw",
        "*secret*",
        "*token",
        "pin",
    ),
    *(
        "otp",
        "*apikey*",
        "*accesskey",
        "*privatekey*",
        "*secretkey*",
        "appkey",
        "servicekey",
        "*encryptionkey",
    ),
    *("*authorization", "*cookie", "cookies", "*credential", "*credentials", "cvc", "cvv", "ssn", "jwt"),
    *("*비밀번호*", "비번", "암호", "토큰", "인증키", "*인증번호*", "*주민등록번호*", "*주민번호*"),
)
"""Keys whose value is masked as a whole. Compared in lower case and also without `-_. `; `*` stands
for any characters."""

NUMBER_KEYS: Final[tuple[str, ...]] = (
    *("account", "accountno", "accountnum", "accountnumber", "*bankaccount*", "acct", "acctno", "cano"),
    *("*cardnumber", "*cardno", "*계좌번호*", "계좌", "*카드번호*"),
)
"""Keys of numbers whose last four digits stay."""

USER_ID_KEYS: Final[tuple[str, ...]] = (
    *(
        "userid",
        "*_userid",
        "*user_id",
        "userno",
        "사용자id",
        "사용자아이디",
        "회원번호",
        "회원id",
        "고객번호",
    ),
)
"""Keys of user ids, whose last two characters stay."""

_KNOWN_MOST: Final = 20_000
_JOINTS: Final = re.compile(r"[-_. ]+")


class Kind(StrEnum):
    """How the value of a key is masked."""

    PLAIN = ""
    """By the rules for texts."""
    WHOLE = "whole"
    NUMBER = "number"
    USER_ID = "user id"


class Keys:
    """Looks keys up; remembers those it has seen.

    plain: keys seen that say nothing, to be asked in bulk."""

    def __init__(self, whole_keys: Iterable[str], extra_keys: Iterable[str] = ()) -> None:
        extra = [key.lower() for key in extra_keys]
        self._patterns = (
            *((key.lower(), Kind.WHOLE) for key in whole_keys),
            # An operator's internal_code means internal-code and internalCode, too.
            *((key, Kind.WHOLE) for key in (*extra, *(_JOINTS.sub("", key) for key in extra))),
            *((key, Kind.NUMBER) for key in NUMBER_KEYS),
            *((key, Kind.USER_ID) for key in USER_ID_KEYS),
        )
        self._known: dict[str, Kind] = {}
        self.plain: set[str] = set()

    def kind(self, key: str) -> Kind:
        """How the value of `key` is masked."""
        kind = self._known.get(key)
        if kind is None:
            kind = self._look_up(key)
            if len(self._known) >= _KNOWN_MOST:
                self._known, self.plain = {}, set()
            self._known[key] = kind
            if kind is Kind.PLAIN:
                self.plain.add(key)
        return kind

    def _look_up(self, key: str) -> Kind:
        lower = key.lower()
        forms = (lower, _JOINTS.sub("", lower))
        for pattern, kind in self._patterns:
            if any(fnmatchcase(form, pattern) for form in forms):
                return kind
        return Kind.PLAIN


def masked_by_key(value: Any, kind: Kind, *, keep_number: bool) -> Any:
    """The masked value of a key of that kind; the same object when it says nothing.

    keep_number: a user id that is a number of up to nine digits stays."""
    text = value if isinstance(value, str) else str(value)
    if says_nothing(text) or value == []:
        return value
    if isinstance(value, dict | list) or kind is Kind.WHOLE:
        return MASKED
    if kind is Kind.NUMBER:
        digits = digits_of(text)
        return "****" + digits[-4:] if len(digits) >= 8 else MASKED
    if keep_number and text.isdigit() and len(text) <= 9:
        return value
    return tail(text, 2)


def rules_of(keys: Sequence[str]) -> list[Rule]:
    """A rule for `key=value` in texts for each key."""
    return [_rule_of(key) for key in keys if key.strip("*-_. ")]


def _rule_of(key: str) -> Rule:
    parts = [part for part in _JOINTS.split(key.strip("*").lower()) if part]
    longest = max(parts, key=len)
    pattern = any_case("[-_. ]?".join(re.escape(part) for part in parts) + ASSIGN + VALUE)
    needle = Needle(longest.encode()) if longest.isascii() else longest
    return Rule(f"key {key}", pattern, whole, (needle,))
