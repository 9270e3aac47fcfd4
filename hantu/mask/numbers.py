"""Numbers that name a person or their money: cards, resident registration, accounts."""

from __future__ import annotations

import re
from typing import Final

from hantu.mask.rule import digits_of, with_value

_CARDS: Final = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2[2-7]|9[0-9]|35"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3[068]"), (14,)),
    (re.compile(r"6"), (16, 17, 18, 19)),
)
_RESIDENT_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


def is_card(digits: str) -> bool:
    """Whether `digits` have a card's first digits, length and check digit.

    Source: ISO/IEC 7812-1 (Luhn); 9… are Korean local cards."""
    if not any(head.match(digits) and len(digits) in lengths for head, lengths in _CARDS):
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def is_resident_number(digits: str, *, checked: bool) -> bool:
    """Whether 13 digits are a Korean resident or foreigner registration number.

    Six digits of a date, then 1 to 8. checked: the last digit must be the check digit, too; numbers
    given since October 2020 have none."""
    month, day = int(digits[2:4]), int(digits[4:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and digits[6] in "12345678"):
        return False
    if not checked:
        return True
    total = sum(int(digit) * weight for digit, weight in zip(digits, _RESIDENT_WEIGHTS, strict=False))
    return int(digits[12]) in ((11 - total % 11) % 10, (13 - total % 11) % 10)


def card(match: re.Match[str]) -> str:
    """A card's last four digits; anything else as it is."""
    digits = digits_of(match.group())
    return "****" + digits[-4:] if is_card(digits) else match.group()


def resident_number(match: re.Match[str]) -> str:
    """A mask in place of a resident registration number; anything else as it is."""
    digits = digits_of(match.group())
    # Thirteen digits in a row are more often a time in milliseconds: they need the check digit.
    if is_resident_number(digits, checked=len(match.group()) == len(digits)):
        return "[masked:resident-number]"
    return match.group()


def account(match: re.Match[str]) -> str:
    """The last four digits of an account number; a date or another short number as it is."""
    digits = digits_of(match["value"])
    if not 8 <= len(digits) <= 16 or ("-" in match["value"] and len(digits) < 10):
        return match.group()
    return with_value(match, "value", "****" + digits[-4:])
