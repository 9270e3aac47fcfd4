"""The rules that are on by default, as data. docs/masking.md has a row for each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hantu.mask import numbers
from hantu.mask.rule import ASSIGN, VALUE, Needle, Rule, any_case, ascii_pattern, user_id, whole

_KEY_KINDS: Final = (
    "api", "access", "private", "secret", "encryption", "signing", "master", "auth", "service", "app",
    "client",
)  # fmt: skip
_ANY_KEY: Final = rf"(?:{'|'.join(_KEY_KINDS)})[-_ ]?key"
_SECRET_NAMES: Final = (
    r"password|passwd|passwort|passphrase|(?<![a-z])pass|pwd(?![\"']?[ \t]*[:=][ \t]*[\"']?/)"
    rf"|secret|(?<!expected )(?<!illegal )token|{_ANY_KEY}"
)
_SECRET_NAMES_KO: Final = ("비밀번호", "비번", "암호", "토큰", "인증키")
_BANKS: Final = ("계좌", "은행", "뱅크", "농협", "수협", "신협", "새마을금고", "우체국")
_PEOPLE: Final = ("사용자", "회원", "고객")
_ACCOUNT: Final = r"(?P<value>\d{2,6}-\d{2,6}-\d{2,7}(?:-\d{1,3})?|\d{8,16})(?![\d-]|\.\d)"
_END: Final = r"(?!\w|[.-]\d)"


def _needle(seek: str) -> Needle:
    return Needle(re.compile(seek.encode()))


def _after(names: Iterable[str], word: str) -> str:
    return "|".join(f"(?<={name}{joint}{word})" for name in names for joint in ("", "-"))


_K: Final = _needle(
    rf"k(?:ey(?:{_after(_KEY_KINDS, 'key')})|en(?<=token)|ie(?<=cookie)|-(?<=[^a-z0-9][prs]k-))"
)
_P: Final = _needle(r"p(?:ass(?:w|phrase|-{0,2}[:=\\\"'])|wd-{0,2}[:=\\\"'\]]|at-(?<=glpat-))")
_S: Final = Needle(b"secret")
_U: Final = _needle(r"u(?:thorization|ser-?(?:id|no)(?![a-z0-9])|nt(?<=account))")
_B: Final = Needle(b"bearer-")
_Z: Final = _needle(r"z(?<=aiz)a")
_AT: Final = Needle(b"@")
_FOUR_FOUR: Final = Needle(b"0000-0000")
_EIGHT_COLON: Final = Needle(b"00000000:")
# Eleven digits in a row are mostly a time or a size; these are a phone, a card, a birth date.
_ELEVEN: Final = Needle(
    b"00000000000",
    re.compile(
        rb"(?:82)?0?1[016789]\d{7,8}(?!\d)|[2-69]\d{12}|\d\d(?:0[1-9]|1[0-2])[0-3]\d[1-8]\d{6}(?!\d)"
    ),
)
LONG_RUN: Final = Needle(b"xxxxxxxxxxxxxxxx")
"""A run of 16 letters and digits behind the head of a known token; sought in a way of its own."""

_UNITS: Final = "service|socket|slice|scope|timer|target|mount|automount|device|swap|path"
_FILES: Final = "conf|py|js|ts|go|rs|java|so|jar|tgz|gz"
_NO_DOMAIN: Final = frozenset(f"{_UNITS}|{_FILES}".split("|"))


def _email(match: re.Match[str]) -> str:
    # user@1000.service is a unit; git@github.com is everybody.
    if match["top"].lower() in _NO_DOMAIN or match.group().startswith("git@"):
        return match.group()
    return f"{match['first']}***@{match['domain']}"


DEFAULT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "private-key",
        ascii_pattern(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
        "[masked:private-key]",
        (_K,),
    ),
    Rule(
        "jwt",
        ascii_pattern(r"(?<![\w-])eyJ[\w-]{13,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"),
        "[masked:jwt]",
        (LONG_RUN,),
    ),
    Rule(
        "aws-key",
        ascii_pattern(r"(?<![A-Za-z0-9])A[KS]IA[0-9A-Z]{16}(?![A-Za-z0-9])"),
        "[masked:aws-key]",
        (LONG_RUN,),
    ),
    Rule(
        "github-token",
        ascii_pattern(r"(?<![A-Za-z0-9])(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{22,})"),
        "[masked:github-token]",
        (LONG_RUN,),
    ),
    Rule(
        "gitlab-token",
        ascii_pattern(r"(?<![A-Za-z0-9])glpat-[\w-]{20,}"),
        "[masked:gitlab-token]",
        (_P,),
    ),
    Rule(
        "slack-token",
        ascii_pattern(r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        "[masked:slack-token]",
        (LONG_RUN,),
    ),
    Rule(
        "api-key",
        ascii_pattern(r"(?<![A-Za-z0-9])(?:sk-[\w-]{20,}|[prs]k_(?:live|test)_\w{16,})"),
        "[masked:api-key]",
        (_K,),
    ),
    Rule(
        "google-key",
        ascii_pattern(r"(?<![A-Za-z0-9])AIza[\w-]{35}(?![\w-])"),
        "[masked:google-key]",
        (_Z,),
    ),
    Rule(
        "telegram-token",
        ascii_pattern(r"(?<!\d)(\d{8,10}):[\w-]{35}(?![\w-])"),
        r"\1:[masked:telegram-token]",
        (_EIGHT_COLON,),
    ),
    Rule(
        "url-password",
        ascii_pattern(r"://[^\s/:@\"'<>]{0,256}:(?P<value>[^\s/\"'<>]{1,512})(?=@)"),
        whole,
        (_AT,),
    ),
    Rule(
        "authorization",
        any_case(
            rf"authorization{ASSIGN}(?:\\?[\"'])?"
            r"(?:(?:bearer|basic|token|digest|negotiate|apikey)[ \t]+)?"
            r"(?P<value>(?<=digest )[^\n]+|[^\s\"',;\\]+)"
        ),
        whole,
        (_U,),
    ),
    Rule(
        "bearer",
        any_case(
            r"(?<![a-z])bearer[ \t]+(?P<value>(?=[^\s\"',;\\]{0,512}\d|[^\s\"',;\\]{20})[\w.~+/=-]{8,})"
        ),
        whole,
        (_B,),
    ),
    Rule(
        "cookie",
        any_case(rf"cookie{ASSIGN}(?:\\?[\"'])?(?P<value>[^\n\"'\\]+)"),
        whole,
        (_K,),
    ),
    Rule(
        "secret",
        any_case(rf"(?:{_SECRET_NAMES}){ASSIGN}{VALUE}"),
        whole,
        (_K, _P, _S),
    ),
    Rule(
        "secret-ko",
        any_case(rf"(?:{'|'.join(_SECRET_NAMES_KO)})(?:는|은|가|이)?{ASSIGN}{VALUE}"),
        whole,
        _SECRET_NAMES_KO,
    ),
    Rule(
        "option",
        any_case(r"--[a-z-]{0,20}(?:password|passwd|secret|token|api-key)[ \t]+(?P<value>[^\s-]\S*)"),
        whole,
        (_K, _P, _S),
    ),
    Rule(
        "card",
        ascii_pattern(
            r"(?<![\w.-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}|\d{13,19})" + _END
        ),
        numbers.card,
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "resident-number",
        ascii_pattern(r"(?<![\w.-])\d{6}[- ]?[1-8]\d{6}" + _END),
        numbers.resident_number,
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "phone",
        ascii_pattern(
            r"(?<![\w.+-])(\+?82[-. ]?\(?0?\)?1[016789]|\(?01[016789]\)?)[-. ]?\d{4}[-. ]?(\d{4})" + _END
        ),
        r"\1-****-\2",
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "account",
        any_case(
            r"account(?:[ _.-]?(?:no|num|number|nr|id))?\.?(?:\\?[\"'])?[ \t]*[:=#]?[ \t]*(?:\\?[\"'(])?"
            + _ACCOUNT
        ),
        numbers.account,
        (_U,),
    ),
    Rule(
        "account-ko",
        ascii_pattern(rf"(?:{'|'.join(_BANKS)})[^\d\n]{{0,16}}{_ACCOUNT}"),
        numbers.account,
        _BANKS,
    ),
    Rule(
        "user-id",
        any_case(rf"(?<![a-z])user[-_ ]?(?:id|no){ASSIGN}{VALUE}"),
        user_id,
        (_U,),
    ),
    Rule(
        "user-id-ko",
        any_case(
            rf"(?:{'|'.join(_PEOPLE)})[ _]?(?:id|아이디|번호)[\"']?[ \t]*[:=]?[ \t]*[\"']?"
            r"(?P<value>[\w.@-]+)"
        ),
        user_id,
        _PEOPLE,
    ),
    Rule(
        "email",
        ascii_pattern(
            r"(?<![\w.%+*-])(?P<first>[A-Za-z0-9_%+])[\w.%+-]{0,63}@"
            r"(?P<domain>(?!\d{1,3}\.\d)(?:[A-Za-z0-9-]{1,63}\.){1,8}(?P<top>[A-Za-z]{2,24}))(?![\w-])"
        ),
        _email,
        (_AT,),
    ),
)
"""In the order of their application."""
