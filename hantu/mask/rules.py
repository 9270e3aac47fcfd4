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

# Patterns begin with a letter or a set, which is what the engine skips to; what must not stand before
# comes second, and case is ignored from the second letter on.
_SECRET_NAME: Final = (
    r"[PpSsTtAaEeMmCc](?i:ass(?:word|wd|wort|phrase|(?<![a-z]pass))|wd(?![\"']?[ \t]*[:=][ \t]*[\"']?/)"
    r"|ecret|oken(?<!expected token)(?<!illegal token)"
    rf"|(?:{'|'.join(kind[1:] for kind in _KEY_KINDS)})[-_ ]?key)"
)
_SECRET_NAMES_KO: Final = ("비밀번호", "비번", "암호", "토큰", "인증키")
_BANKS: Final = ("계좌", "은행", "뱅크", "농협", "수협", "신협", "새마을금고", "우체국")
_PEOPLE: Final = ("사용자", "회원", "고객")
_ACCOUNT: Final = r"(?P<value>\d{2,6}-\d{2,6}-\d{2,7}(?:-\d{1,3})?|\d{8,16})(?![\d-]|\.\d)"
_END: Final = r"(?!\w|[.-]\d)"


def _after(names: Iterable[str], word: str) -> str:
    return "|".join(f"(?<={name}{joint}{word})" for name in names for joint in ("", "-"))


_TOKEN: Final = Needle(b"k", rb"en(?<=token)")
_COOKIE: Final = Needle(b"k", rb"ie(?<=cookie)")
_KEY: Final = Needle(b"k", rf"ey(?:{_after(_KEY_KINDS, 'key')})".encode())
_SK: Final = Needle(b"k", rb"-(?<=[prs]k-)(?<!\w[prs]k-)")
_AKIA: Final = Needle(b"k", rb"ia(?<=akia)")
_EYJ: Final = Needle(b"j", rb"(?<=eyj)")
_XOX: Final = Needle(b"x", rb"ox[abeoprs]-")
_AIZA: Final = Needle(b"z", rb"a(?<=aiza)")
_PASS: Final = Needle(b"p", rb"ass(?:w|phrase|-{0,2}[:=\\\"'\]])")
_PWD: Final = Needle(b"p", rb"wd-{0,2}[:=\\\"'\]]")
_AUTHORIZATION: Final = Needle(b"u", rb"thorization")
_USER_ID: Final = Needle(b"u", rb"ser-?(?:id|no)(?!\w)")
_ACCOUNT_WORD: Final = Needle(b"u", rb"nt(?<=account)(?=[^\n]{0,20}000)")
_GITHUB: Final = Needle(b"g", rb"(?:h[oprsu]|ithub-pat)-")
_GLPAT: Final = Needle(b"g", rb"lpat-")
_BEARER: Final = Needle(b"b", rb"earer-")
_SECRET: Final = Needle(b"secret")
_AT: Final = Needle(b"@")
_FOUR_FOUR: Final = Needle(b"0000-0000")
_EIGHT_COLON: Final = Needle(b"00000000:")
# Eleven digits in a row are mostly a time or a size; these are a phone, a card, a birth date.
_ELEVEN: Final = Needle(
    b"00000000000",
    near=re.compile(
        rb"(?:82)?0?1[016789]\d{7,8}(?!\d)|[2-69]\d{12}|\d\d(?:0[1-9]|1[0-2])[0-3]\d[1-8]\d{6}(?!\d)"
    ),
)
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
        (_KEY,),
    ),
    Rule(
        "jwt",
        ascii_pattern(r"eyJ(?<![\w-]eyJ)[\w-]{13,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"),
        "[masked:jwt]",
        (_EYJ,),
    ),
    Rule(
        "aws-key",
        ascii_pattern(r"AKIA(?<![A-Za-z0-9]AKIA)[0-9A-Z]{16}(?![A-Za-z0-9])"),
        "[masked:aws-key]",
        (_AKIA,),
    ),
    Rule(
        "github-token",
        ascii_pattern(r"g(?<![A-Za-z0-9]g)(?:h[oprsu]_[A-Za-z0-9]{30,}|ithub_pat_\w{22,})"),
        "[masked:github-token]",
        (_GITHUB,),
    ),
    Rule(
        "gitlab-token",
        ascii_pattern(r"glpat-(?<![A-Za-z0-9]glpat-)[\w-]{20,}"),
        "[masked:gitlab-token]",
        (_GLPAT,),
    ),
    Rule(
        "slack-token",
        ascii_pattern(r"xox(?<![A-Za-z0-9]xox)[abeoprs]-[A-Za-z0-9-]{10,}"),
        "[masked:slack-token]",
        (_XOX,),
    ),
    Rule(
        "api-key",
        ascii_pattern(r"[prs]k(?<![A-Za-z0-9][prs]k)(?:(?<=sk)-[\w-]{20,}|_(?:live|test)_\w{16,})"),
        "[masked:api-key]",
        (_SK,),
    ),
    Rule(
        "google-key",
        ascii_pattern(r"AIza(?<![A-Za-z0-9]AIza)[\w-]{35}(?![\w-])"),
        "[masked:google-key]",
        (_AIZA,),
    ),
    Rule(
        "telegram-token",
        ascii_pattern(r"(\d(?<!\d\d)\d{7,9}):[\w-]{35}(?![\w-])"),
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
        ascii_pattern(
            rf"[Aa](?i:uthorization){ASSIGN}(?:\\?[\"'])?"
            r"(?:(?i:bearer|basic|token|digest|negotiate|apikey)[ \t]+)?"
            r"(?P<value>(?<=igest )[^\n]+|[^\s\"',;\\]+)"
        ),
        whole,
        (_AUTHORIZATION,),
    ),
    Rule(
        "bearer",
        ascii_pattern(
            r"[Bb](?<![A-Za-z][Bb])(?i:earer)[ \t]+"
            r"(?P<value>(?=[^\s\"',;\\]{0,512}\d|[^\s\"',;\\]{20})[\w.~+/=-]{8,})"
        ),
        whole,
        (_BEARER,),
    ),
    Rule(
        "cookie",
        ascii_pattern(rf"[Cc](?i:ookie){ASSIGN}(?:\\?[\"'])?(?P<value>[^\n\"'\\]+)"),
        whole,
        (_COOKIE,),
    ),
    Rule(
        "secret",
        ascii_pattern(rf"{_SECRET_NAME}{ASSIGN}{VALUE}"),
        whole,
        (_TOKEN, _KEY, _PASS, _PWD, _SECRET),
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
        (_TOKEN, _KEY, _PASS, _SECRET),
    ),
    Rule(
        "card",
        ascii_pattern(
            r"\d(?<![\w.-]\d)(?:\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{3}([ -])\d{6}\2\d{4,5}|\d{12,18})"
            + _END
        ),
        numbers.card,
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "resident-number",
        ascii_pattern(r"\d(?<![\w.-]\d)\d{5}[- ]?[1-8]\d{6}" + _END),
        numbers.resident_number,
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "phone",
        ascii_pattern(
            r"([+(80](?<![\w.+-][+(80])(?:(?:(?<=\+)8|(?<=8))2[-. ]?\(?0?\)?|(?:(?<=\()0|(?<=0)))"
            r"1[016789]\)?)[-. ]?\d{4}[-. ]?(\d{4})" + _END
        ),
        r"\1-****-\2",
        (_FOUR_FOUR, _ELEVEN),
    ),
    Rule(
        "account",
        ascii_pattern(
            r"[Aa](?i:ccount(?:[ _.-]?(?:no|num|number|nr|id))?)\.?"
            r"(?:\\?[\"'])?[ \t]*[:=#]?[ \t]*(?:\\?[\"'(])?" + _ACCOUNT
        ),
        numbers.account,
        (_ACCOUNT_WORD,),
    ),
    Rule(
        "account-ko",
        ascii_pattern(rf"(?:{'|'.join(_BANKS)})[^\d\n]{{0,16}}{_ACCOUNT}"),
        numbers.account,
        _BANKS,
    ),
    Rule(
        "user-id",
        ascii_pattern(rf"[Uu](?<![A-Za-z][Uu])(?i:ser[-_ ]?(?:id|no)){ASSIGN}{VALUE}"),
        user_id,
        (_USER_ID,),
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
