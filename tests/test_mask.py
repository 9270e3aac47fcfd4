"""Secrets do not survive; everything else does."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.mask import DEFAULT_RULES, MASKED, Needle, Rule, SensitiveDataFilter
from hantu.mask.numbers import is_card, is_resident_number

MASK = SensitiveDataFilter()
DOCS = Path(__file__).resolve().parent.parent / "docs" / "masking.md"
ROWS = re.findall(r"^\| ([\w-]+) \| `(.*)` \| `(.*)` \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.promise("M56")
@pytest.mark.parametrize(("rule", "before", "after"), ROWS)
def test_the_documented_example_is_masked_as_documented(rule: str, before: str, after: str) -> None:
    assert MASK.mask(before) == after
    assert MASK.mask(after) == after


def test_every_rule_has_an_example_in_the_documentation() -> None:
    assert {rule.name for rule in DEFAULT_RULES} == {row[0] for row in ROWS}


STAY = (
    "2026-02-01 12:34:56 [INFO] core.trading.engine: 주문 실행 시작 (trace_id=abc12345)",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    "request 550e8400-e29b-41d4-a716-446655440000 done",
    "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "order 20261121-0001234 accepted, 주문번호 2026112100012345",
    "at 1760000000000 (1760000000), 1760000000000000 us, 1760000000000000000 ns",
    "epoch 1701011234567 and 1712311234567",
    "took 1234.5678 ms, 0.4111111111111111 s, 12:34:56.123456789",
    '192.168.10.12 - - [21/Nov/2026:01:39:36 +0000] "GET /a HTTP/1.1" 200 1234 5678',
    "listening on [::1]:8080 and 0.0.0.0:65535",
    "price 1,234,567원 → 85236.12 USD, 0.00012345 BTC",
    "/var/lib/docker/overlay2/0123456789abcdef0123456789abcdef/merged",
    "C:\\Users\\kim\\AppData\\Local\\Temp\\x.log",
    "getty@tty1.service: Succeeded. user@1000.service started",
    "git clone git@github.com:owner/project.git",
    "react@18.2.0 java.base@17.0.1/java.lang.Thread.run",
    "SyntaxError: Unexpected token: punc (})",
    "max_tokens=4096 tokens=12 token_count: 7 tokenizer=cl100k",
    'password authentication failed for user "app"',
    "Failed password for root from 10.0.0.7 port 22 ssh2",
    "sudo: kim : PWD=/home/kim ; USER=root ; COMMAND=/bin/ls",
    "cache hit key=session:943ec25a70536e9b ttl=86 monkey=1 keyboard: us",
    "user not found; user 42 has no orders; uid=1000 gid=1000",
    "password=None token=null secret: '' api_key=true",
    "account created at 2026-02-01 by 12 users",
    "bearer of bad news; Bearer authentication is required",
    "https://shop.example:8443/cart?page=2&sort=price@asc",
    "redis://cache:6379/0 amqp://mq:5672",
    "risk-free task-force ask-me-anything desk-",
    "4111 1111 1111 1112 has no check digit",
    "serial 1234-5678-9012-3456",
    "991332-1234567 is no date",
    "ipv6 fe80::5054:ff:fe12:3456",
    "0x7ffd12345678 0000000000000000 ffffffffffffffff",
    "a\x00b \x1b[31mred\x1b[0m \ufffd 🚀",
    "",
)


@pytest.mark.promise("M56")
@pytest.mark.parametrize("text", STAY)
def test_what_is_no_secret_stays_the_same_object(text: str) -> None:
    assert MASK.mask(text) is text


def test_a_clean_batch_is_the_same_object() -> None:
    texts = list(STAY)
    metadatas: list[dict[str, Any] | None] = [{"stream": "stdout", "pid": 4, "at": "x"} for _ in texts]
    assert MASK.mask_many(texts) is texts
    messages, after = MASK.mask_batch(texts, metadatas)
    assert messages is texts
    assert after is metadatas


# Where a value of key=value may stand, and how it is written.
SHAPES = (
    "password={}",
    'password="{}"',
    "{{'password': '{}'}}",
    '{{"db":{{"password":"{}"}}}}',
    '{{\\"password\\":\\"{}\\"}}',
    "DB_PASSWORD: {}",
    "mysql_passwd = {}",
    "db_pass={}",
    "UID=sa;Pwd={};Database=x",
    "userPassword=>{}",
    "secret:{}",
    "client_secret={}&x=1",
    "AWS_SECRET_ACCESS_KEY={}",
    "token={}",
    "?access_token={}#top",
    "refreshToken: '{}'",
    "api_key={}",
    "X-Api-Key: {}",
    "apikey='{}'",
    "secret_key={}",
    "Authorization: Bearer {}",
    "authorization='{}'",
    "Proxy-Authorization: Basic {}",
    "Cookie: sid={}; a=b",
    "set-cookie: {}",
    "redis://:{}@cache:6379/0",
    "https://app:{}@host/path",
    "mysql --password {} -h db",
    "비밀번호={}",
    "암호 : {}",
)
SECRET = st.text(string.ascii_letters + string.digits, min_size=6, max_size=24).map(
    lambda text: f"q9{text}"
)
AROUND = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=40)


def token(alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size)


ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"
TOKENS = st.one_of(
    token(string.ascii_uppercase + string.digits, 16).map(lambda text: f"AKIA{text}"),
    token(ALNUM, 36).map(lambda text: f"ghp_{text}"),
    token(ALNUM, 36).map(lambda text: f"ghs_{text}"),
    token(ALNUM + "_", 59).map(lambda text: f"github_pat_11{text}"),
    token(URL_SAFE, 20).map(lambda text: f"glpat-{text}"),
    token(URL_SAFE, 48).map(lambda text: f"sk-{text}"),
    token(ALNUM, 24).map(lambda text: f"sk_live_{text}"),
    token(ALNUM, 24).map(lambda text: f"xoxb-123456789012-1234567890123-{text}"),
    token(URL_SAFE, 35).map(lambda text: f"AIza{text}"),
    token(URL_SAFE, 35).map(lambda text: f"123456789:{text}"),
    st.tuples(token(URL_SAFE, 30), token(URL_SAFE, 40), token(URL_SAFE, 43)).map(
        lambda parts: f"eyJ{parts[0]}.{parts[1]}.{parts[2]}"
    ),
)


@pytest.mark.promise("M56")
@given(st.sampled_from(SHAPES), SECRET, AROUND, AROUND)
def test_a_named_secret_does_not_survive_in_any_surroundings(
    shape: str, secret: str, before: str, after: str
) -> None:
    text = f"{before} {shape.format(secret)} {after}"
    masked = MASK.mask(text)
    assert secret not in masked
    assert MASK.mask(masked) == masked


@pytest.mark.promise("M56")
@given(TOKENS, AROUND, AROUND)
def test_a_known_token_does_not_survive_in_any_surroundings(secret: str, before: str, after: str) -> None:
    masked = MASK.mask(f"{before} {secret} {after}")
    assert secret not in masked
    assert secret[-12:] not in MASK.mask(f"a {secret} b")
    assert MASK.mask(masked) == masked


PIECES = st.sampled_from(
    [
        *(row[1] for row in ROWS),
        *(row[2] for row in ROWS),
        *STAY,
        "password=",
        "Bearer ",
        "@",
        "token:",
        '"',
        "\\",
        "\n",
    ]
)
ANYTHING = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(categories=("Cs", "L", "N", "P")), max_size=50),
    st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=6).map("".join),
)


@pytest.mark.promise("M56")
@given(ANYTHING)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = MASK.mask(text)
    assert MASK.mask(once) == once
    if once == text:
        assert once is text


@given(st.lists(ANYTHING, max_size=12))
def test_many_texts_are_masked_as_each_alone(texts: list[str]) -> None:
    assert list(MASK.mask_many(texts)) == [MASK.mask(text) for text in texts]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ANYTHING),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["password", "user", "id", "user_id", "a", "b.c", "account", "note"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
METADATA = st.dictionaries(
    st.sampled_from(["stream", "user", "api_key", "note", "계좌번호", "userId", "x"]), JSON, max_size=4
)


@given(st.lists(st.tuples(ANYTHING, st.one_of(st.none(), METADATA)), max_size=6))
def test_a_batch_is_masked_as_its_parts(batch: list[tuple[str, dict[str, Any] | None]]) -> None:
    messages = [message for message, _ in batch]
    metadatas = [metadata for _, metadata in batch]
    after, kept = MASK.mask_batch(messages, metadatas)
    assert list(after) == [MASK.mask(message) for message in messages]
    expected = [None if metadata is None else MASK.mask_metadata(metadata) for metadata in metadatas]
    assert list(kept) == expected
    for metadata in kept:
        if metadata is not None:
            assert MASK.mask_metadata(metadata) is metadata


@pytest.mark.promise("M56")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"password": "hunter2"}, {"password": MASKED}),
        ({"DB-Password": 1234}, {"DB-Password": MASKED}),
        (
            {"headers": {"Authorization": "x", "Accept": "*/*"}},
            {"headers": {"Authorization": MASKED, "Accept": "*/*"}},
        ),
        ({"accessToken": ["a", "b"]}, {"accessToken": MASKED}),
        ({"env": [{"name": "a", "secret": "b"}]}, {"env": [{"name": "a", "secret": MASKED}]}),
        ({"account": "110-123-456789"}, {"account": "****6789"}),
        ({"계좌번호": "110123456789"}, {"계좌번호": "****6789"}),
        ({"주민등록번호": "9001011234567"}, {"주민등록번호": MASKED}),
        ({"user_id": "minsu42"}, {"user_id": "****42"}),
        ({"userId": 42}, {"userId": "****"}),
        (
            {"user": {"id": 42, "email": "kim@example.com"}},
            {"user": {"id": 42, "email": "k***@example.com"}},
        ),
        ({"user": {"id": "minsu42"}}, {"user": {"id": "****42"}}),
        ({"user.id": 42}, {"user.id": 42}),
        ({"note": "call 010-1234-5678"}, {"note": "call 010-****-5678"}),
        ({"error": {"stack": "x password=abc y"}}, {"error": {"stack": "x password=[masked] y"}}),
        (
            {"password": None, "token": "", "secret": False},
            {"password": None, "token": "", "secret": False},
        ),
        ({"max_tokens": 4096, "token_count": 7}, {"max_tokens": 4096, "token_count": 7}),
    ],
)
def test_metadata_is_masked_by_key_and_by_value(before: dict[str, Any], after: dict[str, Any]) -> None:
    copy = repr(before)
    masked = MASK.mask_metadata(before)
    assert masked == after
    assert repr(before) == copy
    assert (masked is before) == (before == after)
    assert list(MASK.mask_batch(["x"], [before])[1]) == [after]


def test_one_metadata_object_of_many_entries_is_masked_for_all() -> None:
    shared: dict[str, Any] = {"note": "token=abc", "stream": "stdout"}
    other: dict[str, Any] = {"stream": "stderr"}
    metadatas = [shared, shared, None, shared, other, shared]
    after = MASK.mask_batch(["a"] * 6, metadatas)[1]
    masked = {"note": "token=[masked]", "stream": "stdout"}
    assert list(after) == [masked, masked, None, masked, other, masked]
    assert after[4] is other


def test_metadata_nested_without_end_is_cut() -> None:
    deep: dict[str, Any] = {"password": "hunter2"}
    for _ in range(200):
        deep = {"a": deep}
    assert "hunter2" not in repr(MASK.mask_metadata(deep))


@pytest.mark.promise("M56")
def test_keys_of_the_operator_are_masked_in_metadata_and_texts() -> None:
    mask = SensitiveDataFilter(extra_keys=("internal_code", "*_pin9", "사번"))
    assert mask.mask_metadata({"Internal-Code": 7, "door_pin9": "1"}) == {
        "Internal-Code": MASKED,
        "door_pin9": MASKED,
    }
    assert mask.mask("internal_code=77 internalCode: 78") == "internal_code=[masked] internalCode: [masked]"
    assert mask.mask("door_pin9='1234'") == "door_pin9='[masked]'"
    assert mask.mask("사번: 20260001") == "사번: [masked]"
    assert mask.mask("nothing here") == "nothing here"


def test_rules_can_be_added_with_and_without_needles() -> None:
    badge = Rule("badge", re.compile(r"badge-\d+"), "[masked:badge]", (Needle(b"badge-"),))
    slow = Rule("slow", re.compile(r"x{5}"), "[masked:x]")
    mask = SensitiveDataFilter((*DEFAULT_RULES, badge, slow))
    assert mask.mask("Badge-1 badge-77 xxxxx") == "Badge-1 [masked:badge] [masked:x]"
    assert list(mask.mask_many(["a", "badge-1", "xxxxx"])) == ["a", "[masked:badge]", "[masked:x]"]


def test_check_digits() -> None:
    assert is_card("4111111111111111")
    assert is_card("378282246310005")
    assert not is_card("4111111111111112")
    assert not is_card("1760000000000")
    assert is_resident_number("9001011234568", checked=True)
    assert not is_resident_number("9001011234567", checked=True)
    assert not is_resident_number("9013011234567", checked=False)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a@" * 100_000,
        "password=" * 20_000,
        'password="' + '\\"' * 100_000,
        "://" * 60_000 + "@",
        "1" * 200_000,
        "1234-" * 40_000,
        "Bearer " + "a" * 200_000,
        "-----BEGIN PRIVATE KEY-----" * 5_000,
        "eyJ" * 60_000,
        "account " * 30_000,
        "계좌 " * 60_000,
        "user_id=" * 30_000,
        "010-1234-" * 30_000,
        "token" + " " * 200_000,
        "--" + "a-" * 100_000 + "password",
        "cookie:" * 30_000,
        "password=" + ")" * 200_000,
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(text: str) -> None:
    assert isinstance(MASK.mask(text), str)
