"""Text lines that begin with a full date and time, bare or in brackets: Python, Java, Go, Rust,
databases and most programs that chose a layout of their own.

The time is read once; what follows is told apart by its first character, so that a line pays only
for the layouts it may have.
"""

from __future__ import annotations

import re
from typing import Final

from hantu.formats.parsed import Format, Parsed
from hantu.formats.pattern import ANY_LEVEL, LEVEL, MESSAGE, Pattern, level_in
from hantu.formats.timestamp import ISO, Clock, Stamp
from hantu.model import Metadata

_AT: Final = "2026-11-20 14:02:31"

PYTHON: Final = Format("python", f"{_AT},123 - shop.orders - WARNING - stock is low")
HANTU: Final = Format(
    "hantu", f"{_AT} ❌ [ERROR] core.trading: 주문 실패 (trace_id=abc12345)", lasting=True
)
LOGURU: Final = Format("loguru", f"{_AT}.123 | SUCCESS  | app.main:run:12 - done")
LEVEL_IN_BRACKETS: Final = Format("bracket-level", "2026-11-20T14:02:31.123Z [info     ] ready   port=80")
NGINX_ERROR: Final = Format(
    "nginx-error",
    "2026/11/20 14:02:31 [error] 29#29: *1 open() failed, client: 10.0.0.1, server: _",
    closed=True,
)
MYSQL: Final = Format(
    "mysql", "2026-11-20T14:02:31.123456Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed."
)
POSTGRESQL: Final = Format(
    "postgresql", f'{_AT}.123 UTC [42] ERROR:  relation "orders" does not exist', lasting=True
)
SPRING: Final = Format("spring", f"{_AT}.123  INFO 7 --- [main] com.shop.Application : Started")
LOGBACK: Final = Format("logback", f"{_AT},123 [main] INFO  com.shop.Orders - order taken")
ZAP: Final = Format("zap", '2026-11-20T14:02:31.123Z\tINFO\tserver/main.go:41\tlistening\t{"port": 80}')
TRACING: Final = Format("tracing", "2026-11-20T14:02:31.123456Z  INFO shop::server: listening port=80")
LEVEL_AFTER_TIME: Final = Format("level-after-time", f"{_AT} WARN low disk space")
RSYSLOG: Final = Format(
    "rsyslog", "2026-11-20T14:02:31.123456+09:00 web sshd[77]: Connection closed", closed=True
)
GO: Final = Format("go", "2026/11/20 14:02:31 main.go:12: listening on :80")
DPKG: Final = Format("dpkg", f"{_AT} status installed libc6:amd64 2.36-9", closed=True)
TIMED: Final = Format("time-first", f"{_AT} nightly backup began")

GUNICORN: Final = Format("gunicorn", "[2026-11-20 14:02:31 +0900] [7] [INFO] Booting worker with pid: 9")
FLASK: Final = Format("flask", "[2026-11-20 14:02:31,123] ERROR in app: Exception on /orders [GET]")
CELERY: Final = Format("celery", "[2026-11-20 14:02:31,123: INFO/MainProcess] celery@web ready.")
ENV_LOGGER: Final = Format("env-logger", "[2026-11-20T14:02:31Z INFO  shop::server] listening")
ELASTICSEARCH: Final = Format("elasticsearch", "[2026-11-20T14:02:31,123][INFO ][o.e.n.Node] [n1] started")
MONOLOG: Final = Format("monolog", '[2026-11-20T14:02:31.123456+00:00] app.ERROR: boom {"id":1} []')
BRACKET_TIME: Final = Format(
    "bracket-time", "[2026-11-20 14:02:31,123] INFO started (kafka.server.KafkaServer)"
)

_LOGGER: Final = r"(?P<logger>(?![\w.]*(?:Error|Exception|https?):)[A-Za-z_가-힣][\w.$-]*): "
_NAME: Final = r"(?P<logger>[\w.$:/<>-]+)"

_BY_DASH: Final = (Pattern(PYTHON, rf"- {_NAME} - {LEVEL} - {MESSAGE}"),)
_BY_BAR: Final = (
    Pattern(
        LOGURU, rf"\| {LEVEL} *\| (?P<logger>[\w.<>-]+):(?P<function>[\w.<>]+):(?P<line>\d+) - {MESSAGE}"
    ),
    Pattern(LEVEL_AFTER_TIME, rf"\|\s*{LEVEL}\s*\|?\s*{MESSAGE}"),
)
_HANTU: Final = Pattern(HANTU, rf"(?:(?:✅|❌|⭕|ℹ️?) )?\[{LEVEL}\] {_LOGGER}{MESSAGE}")
_POSTGRESQL_REST: Final = (
    r"(?:(?P<user>[^@\s]+)@(?P<database>\S+) )?"
    r"(?P<level>LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG\d?|STATEMENT|DETAIL|HINT|CONTEXT|QUERY)"
    rf":  {MESSAGE}"
)
_BY_BRACKET: Final = (
    _HANTU,
    Pattern(
        POSTGRESQL,
        rf"\[(?P<pid>\d+)(?:-\d+)?\] {_POSTGRESQL_REST}",
    ),
    Pattern(LOGBACK, rf"\[(?P<thread>[^\]]+)\] {LEVEL}\s+(?P<logger>[\w.$\[\]/]+) (?:- |: ){MESSAGE}"),
    Pattern(LEVEL_IN_BRACKETS, rf"\[{ANY_LEVEL}\s*\]:?\s?{MESSAGE}"),
)
_BY_DIGIT: Final = (
    Pattern(
        MYSQL,
        r"(?P<connection>\d+) \[(?P<level>Note|Warning|ERROR|System|Error)\] "
        rf"(?:\[(?P<code>MY-\d+)\] \[(?P<subsystem>\w+)\] )?{MESSAGE}",
    ),
)
_POSTGRESQL_ZONE: Final = Pattern(
    POSTGRESQL,
    rf"(?P<zone>[A-Z]{{3,5}}) \[(?P<pid>\d+)(?:-\d+)?\] {_POSTGRESQL_REST}",
)
_BY_CAPITAL: Final = (
    Pattern(
        SPRING,
        rf"{LEVEL} (?P<pid>\d+) --- (?:\[(?P<service>[^\]]*)\] (?=\[))?\[ *+(?P<thread>[^\]]*)\] "
        rf"(?:\[(?P<correlation>[^\]]*)\] )?(?P<logger>\S+)\s*: {MESSAGE}",
        needs=" --- ",
    ),
    Pattern(
        ZAP,
        rf"{LEVEL}\t(?:(?P<logger>[\w./-]+)\t)?(?P<caller>[^\s:]+\.\w+:\d+)\t{MESSAGE}",
        needs="\t",
    ),
    Pattern(
        LOGBACK,
        rf"{LEVEL}\s+\[(?P<thread>[^\]]+)\] (?P<logger>[\w.$\[\]/]+)(?: - |: ){MESSAGE}",
        needs="] ",
    ),
    Pattern(LOGBACK, rf"{LEVEL}\s+(?P<logger>[\w.$]+) - {MESSAGE}", needs=" - "),
    Pattern(
        TRACING,
        rf"{LEVEL} (?:ThreadId\((?P<thread_id>\d+)\) )?(?P<logger>[a-z_]\w*(?:::\w+)*): {MESSAGE}",
        needs=": ",
    ),
    Pattern(LEVEL_AFTER_TIME, rf"{LEVEL}(?:\s*[:|-]|)\s*{MESSAGE}"),
    _POSTGRESQL_ZONE,
)
_BY_ANY: Final = (
    Pattern(
        RSYSLOG,
        r"(?P<host>[\w.-]+) (?P<identifier>[^\s:\[]{1,64})(?:\[(?P<pid>\d{1,9})\])?: " + MESSAGE,
    ),
)
_DPKG: Final = (
    Pattern(
        DPKG,
        r"(?P<message>(?:startup|status|install|upgrade|configure|trigproc|remove|purge|conffile|disappear)"
        r" \S.*)",
    ),
)
_NGINX_ERROR: Final = Pattern(
    NGINX_ERROR,
    r"\[(?P<level>debug|info|notice|warn|error|crit|alert|emerg)\] (?P<pid>\d+)#(?P<tid>\d+): "
    r"(?P<message>(?:[^,]*(?:,(?! client: )[^,]*)*, client: (?P<remote>[^,]+))?.*)",
)
_SLASHED_BRACKET: Final = (_NGINX_ERROR, *_BY_BRACKET)
_GO: Final = (Pattern(GO, rf"(?:(?P<caller>[^\s:]+\.go:\d+): )?{MESSAGE}"),)

_AFTER_TIME: Final[dict[str, tuple[Pattern, ...]]] = {
    "-": _BY_DASH,
    "|": _BY_BAR,
    "[": _BY_BRACKET,
    **dict.fromkeys("0123456789", _BY_DIGIT),
    **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _BY_CAPITAL),
    **dict.fromkeys("✅❌⭕ℹ", (_HANTU,)),
    **dict.fromkeys("sitcurpd", _DPKG),
}

_IN_BRACKETS: Final = (
    Pattern(GUNICORN, rf"\] \[(?P<pid>\d+)\] \[{LEVEL}\] {MESSAGE}"),
    Pattern(FLASK, rf"\] {LEVEL} in (?P<logger>\S+): {MESSAGE}"),
    Pattern(CELERY, rf": {LEVEL}/(?P<process>[^\]]+)\] {MESSAGE}"),
    Pattern(ENV_LOGGER, rf" {LEVEL}\s+(?P<logger>[^\s\]]+)\] {MESSAGE}"),
    Pattern(
        ELASTICSEARCH,
        rf"\]\s?\[{LEVEL}\s*\]\s?\[(?P<logger>[\w.$-]+)\s*\] (?:\[(?P<node>[^\]]+)\] ?)?{MESSAGE}",
    ),
    Pattern(MONOLOG, rf"\] (?P<logger>[\w-]+)\.{LEVEL}: {MESSAGE}"),
    Pattern(BRACKET_TIME, rf"\]\s*(?:- )?\[?{LEVEL}\s*\]?:?\s?{MESSAGE}"),
    Pattern(BRACKET_TIME, rf"\]:?\s?{MESSAGE}"),
)

FORMATS: Final = (
    PYTHON, HANTU, LOGURU, LEVEL_IN_BRACKETS, NGINX_ERROR, MYSQL, POSTGRESQL, SPRING, LOGBACK, ZAP, TRACING,
    LEVEL_AFTER_TIME, RSYSLOG, GO, DPKG, TIMED, GUNICORN, FLASK, CELERY, ENV_LOGGER, ELASTICSEARCH, MONOLOG,
    BRACKET_TIME,
)  # fmt: skip

_TIME: Final = re.compile(ISO + r"[:,]?\s*")
_BRACKETED: Final = re.compile(r"\[\s?" + ISO)
_TRACE_ID: Final = " (trace_id="


def time_first(text: str, clock: Clock) -> Parsed | None:
    """What a line says that begins with a date and time; None when it does not."""
    found = _TIME.match(text)
    if found is None:
        return None
    second, fraction, zone = found.groups()
    time = clock.iso(second, fraction, zone)
    if time is None:
        return None
    at = found.end()
    patterns = _AFTER_TIME.get(text[at : at + 1], ())
    if text[4] == "/":
        patterns = _SLASHED_BRACKET if patterns is _BY_BRACKET else (*patterns, *_GO)
    elif zone is not None and len(zone) == 6:
        patterns = (*patterns, *_BY_ANY)
    for pattern in patterns:
        if pattern.needs not in text:
            continue
        head = pattern.read(text, at)
        if head is None:
            continue
        level, message, metadata = head
        if pattern is _HANTU and message[-1:] == ")":
            message, metadata = _take_trace_id(message, metadata)
        elif pattern is _POSTGRESQL_ZONE and metadata is not None:
            # The zone's short name; one that means nothing for sure stays in the metadata.
            time = clock.iso(second, fraction, metadata["zone"]) or time
            if not time[1]:
                del metadata["zone"]
        return Parsed(pattern.kind, level, message or text, metadata, time, found[0])
    message = text[at:]
    own: Metadata = {}
    level = level_in(message, own)
    return Parsed(TIMED, level, message or text, own or None, time, found[0])


def _take_trace_id(message: str, metadata: Metadata | None) -> tuple[str, Metadata | None]:
    at = message.rfind(_TRACE_ID)
    if at < 0:
        return message, metadata
    metadata = metadata or {}
    metadata["trace_id"] = message[at + len(_TRACE_ID) : -1]
    return message[:at], metadata


def bracketed_time(text: str, clock: Clock) -> Parsed | None:
    """What a line says that begins with a date and time in square brackets; None when it does not."""
    found = _BRACKETED.match(text)
    if found is None:
        return None
    time: Stamp | None = clock.iso(found[1], found[2], found[3])
    if time is None:
        return None
    for pattern in _IN_BRACKETS:
        head = pattern.read(text, found.end())
        if head is not None:
            level, message, metadata = head
            return Parsed(pattern.kind, level, message or text, metadata, time, text[1 : found.end()])
    return None
