"""Entries and queries as hypothesis makes them: hostile texts, and words that hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from hantu import text
from hantu.model import LogEntry, LogLevel, Metadata
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.fields import FIELD_NAME, FIELDS, METADATA_PREFIX, leaf_paths, value_texts
from hantu.query.lexer import TIME_NAMES
from hantu.query.logquery import LogQuery
from hantu.query.write import reads_as

START_NS = 1_795_226_400_000_000_000
SECOND_NS = 1_000_000_000

SAMPLES = (
    "주문 실패: 잔고 부족",
    "모의주문실행 시작 주문을 3건",
    "주문 주문주문",
    "order 42 failed for user=kim@example.com from 10.1.2.3 port 4711",
    "GET /api/v1/orders?id=7 HTTP/1.1 500 12.5ms",
    "Failed password for root from 61.2.3.4 port 4711 ssh2",
    "stderr: error_code=E1042 deadbeef cafe 0x1f",
    "Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in <module>\nKeyError: 'x'",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",  # Jamo, decomposed
    "e\u0301te\u0301 ÉTÉ été",
    "İstanbul STRASSE straße ﬁne",
    "東京タワー 東京 ラーメン ﾗｰﾒﾝ",
    "배포 완료 🚀🚀 v1.2.3",
    "a\x00b \x01 \x1e \x7f end",
    "\ufffd\ufffd broken \ufffd utf-8",
    "\x1b[31mred\x1b[0m plain",
    "!!! --- ___ ... “quotes” ‘single’",
    "100% sure it's a_b_c foo-bar foo.bar foo/bar",
    "tab\tnewline\r\nend \u2028 \u00a0 \u3000 wide",
    "١٢٣ ४५ Ⅷ ² ½",
    "한 글자 a 1 가나다라마바사",
    "",
    " ",
)

_CHARS = st.characters(exclude_categories=("Cs",))
_ODD = st.text(
    st.sampled_from("ab1 주문가\u1112\u1161\u11ab東ﾗé\u0301İß🚀_-.*\"\\/%'(){}:\x00\x01\x1e\n\t\ufffd"),
    max_size=24,
)
MESSAGES = st.one_of(
    st.sampled_from(SAMPLES),
    st.builds("{} {}".format, st.sampled_from(SAMPLES), st.sampled_from(SAMPLES)),
    st.builds("request {} took {} ms".format, st.integers(0, 99), st.integers(0, 5)),
    _ODD,
    st.text(_CHARS, max_size=30),
)
_LONG = st.builds(lambda part, times: (part * times)[:6_000], _ODD, st.integers(200, 1_000))

_KEYS = st.sampled_from(
    ("user", "id", "status", "logger", "trace_id", "service", "a.b", "a", "b", "키", "level", "")
)
_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from((42, 500, 503, 2**53 + 1, -(2**63), 2**63 - 1)),
    st.sampled_from((42.0, 0.5, -1.25, 1e21, 1.5e-9)),
    st.sampled_from(
        ("42", "500", "core.trading", "Kim", "kim", "주문", "two words", "2026-11-20T13:05:00Z", "", "a*b")
    ),
    st.text(_CHARS, max_size=8),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=5,
)
METADATA: st.SearchStrategy[Metadata | None] = st.none() | st.dictionaries(
    _KEYS | st.text(_CHARS, max_size=4), _VALUES, max_size=4
)
_WELL_KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "container_id": st.sampled_from(("0123456789ab", "fedcba987654", "FEDCBA987654")),
        "logger": st.sampled_from(("core.trading.engine", "api")),
        "trace_id": st.sampled_from(("abc12345", "def67890")),
        "service": st.sampled_from(("hantu-api", "scheduler")),
        "stream": st.sampled_from(("stdout", "stderr", "tty")),
        "host": st.just("web-1"),
        "truncated_bytes": st.just(300_000),
    },
)
ORIGINS = (
    ("docker", "api"),
    ("docker", "db-1"),
    ("journal", "ssh.service"),
    ("journal", "system"),
    ("app", "/var/log/app.log"),
    ("app", "/srv/주문/app.log"),
    ("app", "default"),
    ("syslog", "router"),
)
# Few different times, so that many are equal, and some far out of order.
_TIMES = st.one_of(
    st.integers(0, 5).map(lambda second: START_NS + second * SECOND_NS),
    st.integers(0, 10 * SECOND_NS).map(lambda ns: START_NS + ns),
    st.integers(-86_400, 86_400).map(lambda second: START_NS + second * SECOND_NS),
)


@st.composite
def entries(draw: st.DrawFn, messages: st.SearchStrategy[str] = MESSAGES) -> LogEntry:
    """An entry as a collector makes it."""
    source, source_id = draw(st.sampled_from(ORIGINS))
    return LogEntry(
        source=source,
        source_id=source_id,
        level=draw(st.sampled_from(LogLevel)),
        message=draw(messages),
        time_ns=draw(_TIMES),
        metadata=draw(METADATA | _WELL_KNOWN),
    )


@st.composite
def entry_lists(draw: st.DrawFn, most: int = 30) -> list[LogEntry]:
    """Entries in arrival order; some lists repeat themselves, as logs do, some hold a long line."""
    found = draw(st.lists(entries(), max_size=most))
    if draw(st.integers(0, 3)) == 0:
        found = (found[:4] * draw(st.integers(2, 8)))[:most]
    if draw(st.integers(0, 7)) == 0:
        found.insert(draw(st.integers(0, len(found))), draw(entries(_LONG)))
    return found


def _pieces(message: str) -> st.SearchStrategy[str]:
    """A part of the message, cut anywhere."""
    return st.tuples(st.integers(0, max(0, len(message) - 1)), st.integers(1, 12)).map(
        lambda cut: message[cut[0] : cut[0] + cut[1]]
    )


@st.composite
def texts(draw: st.DrawFn, known: Sequence[LogEntry]) -> str:
    """A text to search, mostly one that stands in the entries. Never empty."""
    kind = draw(st.integers(0, 9))
    if known and kind < 8:
        message = draw(st.sampled_from(known)).message
        words = message.split()
        if words and kind < 5:
            start = draw(st.integers(0, len(words) - 1))
            found = " ".join(words[start : start + draw(st.integers(1, 3))])[:200]
            changed = draw(st.sampled_from((str, str.upper, str.lower, str.swapcase)))
            return text.clean(changed(found)) or "x"
        return draw(_pieces(message)) or "x"
    return draw(_ODD | st.text(_CHARS, min_size=1, max_size=4)) or "x"


@st.composite
def words(draw: st.DrawFn, known: Sequence[LogEntry]) -> Expr:
    """A word, phrase, prefix or substring as the parser would make it."""
    found = draw(texts(known))
    if draw(st.integers(0, 3)) == 0 or not text.needle(found).tokens:
        return Substring(found)
    prefix = draw(st.booleans())
    plain = Word(found, quoted=False, prefix=prefix)
    # Unquoted only what a person can type so.
    if draw(st.booleans()) and reads_as(f"{found}*" if prefix else found, plain):
        return plain
    return Word(found, quoted=True, prefix=prefix)


REGEXES = st.sampled_from(
    (
        r"\d+",
        r"주문.?실",
        r"(?i)ERROR",
        r"^GET",
        r"fail(ed|ure)",
        r"user=\w+@",
        r"\.\d{1,3}\b",
        r"(?s)last.*Key",
        r"[가-힣]{3}",
        r"a\x00b",
        r"^$",
        r"🚀+",
        r"o{2}|r{2}",
        r"port \d+ ssh",
        r"x*",
    )
)


NAMED_VALUES = (
    "docker",
    "api",
    "db-1",
    "ssh.service",
    "app.log",
    "주문/app.log",
    "012345",
    "FEDCBA98",
    "0123456789abcdef0123",
    "hantu-api",
    "core.trading.engine",
    "abc12345",
    "stderr",
    "web-1",
)


@st.composite
def fields(draw: st.DrawFn, known: Sequence[LogEntry]) -> Expr:
    """A field whose name and value mostly stand in the entries."""
    op = draw(st.sampled_from((Op.EQ, Op.EQ, Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE)))
    name = draw(
        st.sampled_from((*(name for name in FIELDS if name != "id"), "user.id", "a.b", "a", "status"))
    )
    if name == "level":
        return Field(name, op, draw(st.sampled_from(LogLevel)).label)
    if name in FIELDS:
        value = draw(st.sampled_from(NAMED_VALUES))
        op = op if FIELDS[name].ordered else Op.EQ
    else:
        value = draw(
            st.sampled_from(("42", "42.0", "500", "-1", "true", "null", "kim", "2026-11-20", "a", ""))
        )
    paths = [
        (path, found)
        for entry in known
        for path in leaf_paths(entry.metadata)
        if FIELD_NAME.fullmatch(path)
        for found in value_texts(entry.metadata, path)
    ]
    if paths and draw(st.booleans()):
        path, value = draw(st.sampled_from(paths))
        taken = path.lower() in FIELDS or path.lower() in TIME_NAMES
        name = f"{METADATA_PREFIX}{path}" if taken else path
        op = draw(st.sampled_from(Op))
    if op is Op.EQ and draw(st.integers(0, 3)) == 0:
        cut = draw(st.integers(0, len(value)))
        value = draw(
            st.sampled_from(("*", f"{value[:cut]}*", f"*{value[cut:]}", f"{value[:cut]}*{value[cut:]}"))
        )
    return Field(name, op, value if op is Op.EQ else value or "0")


def leaves(known: Sequence[LogEntry]) -> st.SearchStrategy[Expr]:
    """One term."""
    return st.one_of(words(known), words(known), fields(known), REGEXES.map(Regex))


def _both(kind: type[And] | type[Or], items: list[Expr]) -> Expr:
    flat: list[Expr] = []
    for item in items:
        flat.extend(item.items if isinstance(item, kind) else [item])
    return kind(tuple(flat))


def expressions(known: Sequence[LogEntry] = ()) -> st.SearchStrategy[Expr]:
    """Expressions of every kind of node, nested, in the form the parser gives."""
    return st.recursive(
        leaves(known),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: _both(And, items)),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: _both(Or, items)),
        ),
        max_leaves=5,
    )


@st.composite
def queries(draw: st.DrawFn, known: Sequence[LogEntry]) -> LogQuery:
    """A query over entries with these origins and times; without paging.

    Most have a search and at most one or two of the other limits, so that they find something."""
    limits = draw(st.lists(st.integers(0, 5), max_size=2, unique=True))
    sources = st.lists(st.sampled_from(("docker", "journal", "app", "none")), max_size=3).map(tuple)
    levels = st.lists(st.sampled_from(LogLevel), max_size=3, unique=True).map(tuple)
    return LogQuery(
        sources=draw(sources) if 0 in limits else (),
        levels=draw(levels) if 1 in limits else (),
        min_level=draw(st.sampled_from(LogLevel)) if 2 in limits else None,
        source_id=draw(st.sampled_from([name for _, name in ORIGINS])) if 3 in limits else None,
        search=draw(st.none() | expressions(known) | expressions(known)),
        start_ns=draw(_TIMES) if 4 in limits else None,
        end_ns=draw(_TIMES) if 5 in limits else None,
    )
