"""One line in, one entry out: a table of real lines, with their origin."""

# ruff: noqa: E501  (real lines are as long as they are)

from __future__ import annotations

import io
import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import structlog

from hantu.formats.detect import FORMATS, Reader
from hantu.formats.parser import LineParser
from hantu.formats.timestamp import Clock
from hantu.model import LogEntry, LogLevel

SEOUL = ZoneInfo("Asia/Seoul")
NOW_NS = int(datetime(2026, 11, 20, 6, tzinfo=UTC).timestamp()) * 10**9
AT_NS = int(datetime(2026, 11, 20, 5, 2, 31, tzinfo=UTC).timestamp()) * 10**9
"""14:02:31 in Seoul."""
ZONE = {"time_inferred": "zone"}
YEAR = {"time_inferred": "year,zone"}

TRACE, DEBUG, INFO, WARN, ERROR, FATAL = LogLevel


def entry_of(line: str | bytes, **options: Any) -> LogEntry:
    """The one entry of a line read at 15:00 in Seoul."""
    raw = line.encode() if isinstance(line, str) else line
    parser = LineParser(source="app", source_id="/var/log/app.log", tz=SEOUL, **options)
    entries = parser.feed([raw], None, NOW_NS) + parser.flush(NOW_NS)
    assert len(entries) == 1
    return entries[0]


def format_of(line: str) -> str:
    found = Reader(Clock(SEOUL, NOW_NS)).read(line.encode())
    return "text" if isinstance(found, str) else found.format.name


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_each_format_knows_its_own_example(kind: Any) -> None:
    assert format_of(kind.example) == kind.name


def test_no_two_formats_share_a_name() -> None:
    assert len({kind.name for kind in FORMATS}) == len(FORMATS)


JSON_LINES = [
    # Pino 9, `logger.info({req, res, responseTime}, "request completed")`
    (
        '{"level":30,"time":1795150951123,"pid":17,"hostname":"web","reqId":"r1",'
        '"res":{"statusCode":200},"msg":"request completed"}',
        INFO, "request completed", 123_000_000,
        {"pid": 17, "host": "web", "reqId": "r1", "res": {"statusCode": 200}},
    ),
    # Pino with its standard error serializer
    (
        '{"level":50,"time":1795150951000,"err":{"type":"TypeError","message":"no","stack":"TypeError: no\\n    at f"},'
        '"msg":"failed"}',
        ERROR, "failed\nTypeError: no\n    at f", 0,
        {"err": {"type": "TypeError", "message": "no"}, "error_type": "TypeError"},
    ),
    # Pino custom level between two
    ('{"level":35,"time":1795150951000,"msg":"x"}', INFO, "x", 0, None),
    ('{"level":10,"time":1795150951000,"msg":"x"}', TRACE, "x", 0, None),
    ('{"level":60,"time":1795150951000,"msg":"x"}', FATAL, "x", 0, None),
    # bunyan, README
    (
        '{"name":"myapp","hostname":"web","pid":34572,"level":40,"msg":"hi",'
        '"time":"2026-11-20T05:02:31.257Z","v":0}',
        WARN, "hi", 257_000_000, {"logger": "myapp", "host": "web", "pid": 34572, "v": 0},
    ),
    # zap production config
    (
        '{"level":"error","ts":1795150951.5,"logger":"api","caller":"server/main.go:41","msg":"lost",'
        '"traceId":"abc","stacktrace":"main.main\\n\\t/app/main.go:41"}',
        ERROR, "lost\nmain.main\n\t/app/main.go:41", 500_000_000,
        {"logger": "api", "caller": "server/main.go:41", "trace_id": "abc"},
    ),
    # Google Cloud structured logging
    (
        '{"severity":"NOTICE","message":"ready","time":"2026-11-20T05:02:31Z",'
        '"logging.googleapis.com/trace":"projects/p/traces/abc"}',
        INFO, "ready", 0, {"trace_id": "abc", "severity": "NOTICE"},
    ),
    # Elastic Common Schema, flat and nested
    (
        '{"@timestamp":"2026-11-20T05:02:31.000Z","log.level":"WARN","message":"m","log.logger":"a.B",'
        '"trace.id":"t1","service.name":"shop","error.type":"E","error.stack_trace":"E: x\\n\\tat a"}',
        WARN, "m\nE: x\n\tat a", 0, {"logger": "a.B", "trace_id": "t1", "service": "shop", "error_type": "E"},
    ),
    (
        '{"@timestamp":"2026-11-20T05:02:31.000Z","log":{"level":"warn","logger":"a.B"},"message":"m",'
        '"trace":{"id":"t1"},"service":{"name":"shop"}}',
        WARN, "m", 0, {"logger": "a.B", "trace_id": "t1", "service": "shop"},
    ),
    # logrus JSONFormatter
    ('{"level":"warning","msg":"low","size":10,"time":"2026-11-20T14:02:31+09:00"}', WARN, "low", 0, {"size": 10}),
    # winston format.json()
    ('{"level":"info","message":"up","timestamp":"2026-11-20T05:02:31.000Z"}', INFO, "up", 0, None),
    # tracing-subscriber fmt().json()
    (
        '{"timestamp":"2026-11-20T05:02:31.000001Z","level":"INFO","fields":{"message":"up","port":80},'
        '"target":"shop::server"}',
        INFO, "up", 1_000, {"logger": "shop::server", "port": 80},
    ),
    # MongoDB 7
    (
        '{"t":{"$date":"2026-11-20T05:02:31.000+00:00"},"s":"W","c":"NETWORK","id":23015,"ctx":"main",'
        '"msg":"slow","attr":{"ms":9}}',
        WARN, "slow", 0, {"logger": "NETWORK", "id": 23015, "ctx": "main", "attr": {"ms": 9}},
    ),
    # Serilog compact
    ('{"@t":"2026-11-20T05:02:31Z","@mt":"Hello {N}","@l":"Error","N":1}', ERROR, "Hello {N}", 0, {"N": 1}),
    # Log4j JsonLayout
    (
        '{"instant":{"epochSecond":1795150951,"nanoOfSecond":7},"thread":"main","level":"ERROR",'
        '"loggerName":"a.B","message":"m"}',
        ERROR, "m", 7, {"thread": "main", "logger": "a.B"},
    ),
    # GELF
    ('{"version":"1.1","host":"h","short_message":"m","timestamp":1795150951,"level":4}',
     WARN, "m", 0, {"version": "1.1", "host": "h"}),
    # Monolog JsonFormatter
    (
        '{"message":"m","context":{},"level":400,"level_name":"ERROR","channel":"app",'
        '"datetime":"2026-11-20T05:02:31+00:00"}',
        ERROR, "m", 0, {"context": {}, "level": 400, "logger": "app"},
    ),
    # success of this library
    ('{"level":"SUCCESS","message":"m","timestamp":"2026-11-20T05:02:31Z"}', INFO, "m", 0, {"success": True}),
]  # fmt: skip


@pytest.mark.promise("M32")
@pytest.mark.parametrize(("line", "level", "message", "beyond_ns", "metadata"), JSON_LINES)
def test_json_line_becomes_an_entry(
    line: str, level: LogLevel, message: str, beyond_ns: int, metadata: dict[str, Any] | None
) -> None:
    entry = entry_of(line)
    assert (entry.level, entry.message, entry.metadata) == (level, message, metadata)
    assert entry.time_ns == AT_NS + beyond_ns
    assert (entry.source, entry.source_id) == ("app", "/var/log/app.log")


@pytest.mark.promise("M32")
def test_a_record_of_hantus_own_library_keeps_its_identity() -> None:
    uuid = UUID("0190c8a0-0000-7000-8000-000000000001")
    record = {
        "id": str(uuid), "timestamp": "2026-11-20T14:02:31+09:00", "trace_id": "abc12345", "level": "CRITICAL",
        "service": "shop", "module": "core.trading", "function": "run", "message": "주문 실패",
        "error_type": "ValueError", "stack_trace": "Traceback …\nValueError: x", "context": {"n": 1},
    }  # fmt: skip
    entry = entry_of(json.dumps(record, ensure_ascii=False))
    assert entry.event_id == uuid.bytes
    assert (entry.level, entry.time_ns) == (FATAL, AT_NS)
    assert entry.message == "주문 실패\nTraceback …\nValueError: x"
    assert entry.metadata == {
        "trace_id": "abc12345", "service": "shop", "logger": "core.trading", "function": "run",
        "error_type": "ValueError", "context": {"n": 1},
    }  # fmt: skip


@pytest.mark.promise("M32")
def test_structlogs_own_json_is_understood() -> None:
    stream = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    try:
        raise ValueError("재고 없음")
    except ValueError:
        log.error("주문 실패", order=7, logger="shop", exc_info=True)
    parser = LineParser(source="app", source_id="x")
    (entry,) = parser.feed([stream.getvalue().rstrip("\n").encode()], None, time.time_ns())
    assert entry.level is ERROR
    assert entry.message.startswith("주문 실패\nTraceback (most recent call last):")
    assert entry.message.endswith("ValueError: 재고 없음")
    assert entry.metadata == {"order": 7, "logger": "shop"}
    assert abs(entry.time_ns - time.time_ns()) < 60 * 10**9


@pytest.mark.promise("M33")
@pytest.mark.parametrize(
    "layout",
    [
        "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
        "%(levelname)s:%(name)s:%(message)s",
        "%(asctime)s [%(levelname)s] %(name)s: %(message)s",
        "[%(asctime)s] %(levelname)s in %(name)s: %(message)s",
    ],
)
def test_pythons_common_layouts_give_level_logger_and_message(layout: str) -> None:
    record = logging.LogRecord("shop.orders", logging.WARNING, "f", 1, "stock of %s is low", ("tea",), None)
    entry = entry_of(logging.Formatter(layout).format(record))
    assert (entry.level, entry.message) == (WARN, "stock of tea is low")
    assert entry.metadata is not None
    assert entry.metadata["logger"] == "shop.orders"


TEXT_LINES = [
    # hantu's own text file, CONTRACT M51 and M76
    ("2026-11-20 14:02:31 [INFO] core.trading.engine: 주문 실행 시작 (trace_id=abc12345)", INFO, "주문 실행 시작",
     {"logger": "core.trading.engine", "trace_id": "abc12345", **ZONE}),
    ("2026-11-20 14:02:31 ✅ [SUCCESS] core: 끝", INFO, "끝", {"logger": "core", "success": True, **ZONE}),
    ("2026-11-20 14:02:31 ⭕ [WARNING] core: 느림", WARN, "느림", {"logger": "core", **ZONE}),
    # nginx 1.26 default error log
    ('2026/11/20 14:02:31 [error] 29#30: *1 open() "/x" failed (2: No such file), client: 10.0.0.1, server: _',
     ERROR, '*1 open() "/x" failed (2: No such file), client: 10.0.0.1, server: _',
     {"pid": 29, "tid": 30, "remote": "10.0.0.1", **ZONE}),
    # PostgreSQL 16, log_line_prefix '%m [%p] ' and '%t [%p] %q%u@%d '
    ("2026-11-20 05:02:31.000 UTC [42] LOG:  database system is ready", INFO, "database system is ready", {"pid": 42}),
    ("2026-11-20 14:02:31 KST [42] kim@shop FATAL:  the database system is starting up", FATAL,
     "the database system is starting up", {"pid": 42, "user": "kim", "database": "shop"}),
    # MySQL 8.4, MariaDB 11
    ("2026-11-20T05:02:31.000000Z 0 [System] [MY-010116] [Server] starting", INFO, "starting",
     {"connection": 0, "code": "MY-010116", "subsystem": "Server", "severity": "System"}),
    ("2026-11-20 14:02:31 0 [Note] InnoDB: done", INFO, "InnoDB: done", {"connection": 0, **ZONE}),
    # Spring Boot 2 and 3
    ("2026-11-20 14:02:31.000  WARN 7 --- [main] c.s.App : slow", WARN, "slow",
     {"pid": 7, "thread": "main", "logger": "c.s.App", **ZONE}),
    ("2026-11-20T14:02:31.000+09:00  INFO 7 --- [shop] [           main] c.s.App    : up", INFO, "up",
     {"pid": 7, "service": "shop", "thread": "main", "logger": "c.s.App"}),
    # Log4j 2 manual, pattern "%d [%t] %-5level %logger - %msg"
    ("2026-11-20 14:02:31,000 [main] ERROR a.B - no", ERROR, "no", {"thread": "main", "logger": "a.B", **ZONE}),
    # Go's log package, Lshortfile
    ("2026/11/20 14:02:31 main.go:12: listening", INFO, "listening", {"caller": "main.go:12", **ZONE}),
    ("2026/11/20 14:02:31 http: Server closed", INFO, "http: Server closed", ZONE),
    # zap development config
    ('2026-11-20T14:02:31.000+0900\tWARN\tmain.go:7\tlow\t{"n": 1}', WARN, 'low\t{"n": 1}', {"caller": "main.go:7"}),
    # tracing-subscriber, env_logger
    ("2026-11-20T05:02:31.000000Z  WARN shop::db: slow ms=9", WARN, "slow ms=9", {"logger": "shop::db"}),
    ("[2026-11-20T05:02:31Z ERROR shop::db] lost", ERROR, "lost", {"logger": "shop::db"}),
    # structlog console
    ("2026-11-20T05:02:31Z [warning  ] low                            left=3", WARN,
     "low                            left=3", None),
    # loguru, gunicorn, celery, Flask
    ("2026-11-20 14:02:31.000 | ERROR    | app.main:run:12 - no", ERROR, "no",
     {"logger": "app.main", "function": "run", "line": 12, **ZONE}),
    ("[2026-11-20 14:02:31 +0900] [7] [ERROR] Worker (pid:9) exited", ERROR, "Worker (pid:9) exited", {"pid": 7}),
    ("[2026-11-20 14:02:31,000: WARNING/ForkPoolWorker-1] late", WARN, "late", {"process": "ForkPoolWorker-1", **ZONE}),
    # Elasticsearch 8, Kafka 3, Monolog 3
    ("[2026-11-20T14:02:31,000][WARN ][o.e.c.Node      ] [n1] full", WARN, "full",
     {"logger": "o.e.c.Node", "node": "n1", **ZONE}),
    ("[2026-11-20 14:02:31,000] INFO started (kafka.server.KafkaServer)", INFO, "started (kafka.server.KafkaServer)",
     ZONE),
    ("[2026-11-20T05:02:31.000000+00:00] app.WARNING: m {} []", WARN, "m {} []", {"logger": "app"}),
    # Redis 7
    ("1:M 20 Nov 2026 14:02:31.000 # low memory", WARN, "low memory", {"pid": 1, "role": "master", **ZONE}),
    # Apache 2.4 error log
    ("[Fri Nov 20 14:02:31.000000 2026] [core:notice] [pid 12:tid 34] AH00094: Command line", INFO,
     "AH00094: Command line", {"severity": "notice", "logger": "core", "pid": 12, "tid": 34, **ZONE}),
    # dpkg.log, apt history.log, alternatives.log of Debian 12
    ("2026-11-20 14:02:31 status half-configured tzdata:all 2026a", INFO,
     "status half-configured tzdata:all 2026a", ZONE),
    ("Start-Date: 2026-11-20  14:02:31", INFO, "Start-Date: 2026-11-20  14:02:31", ZONE),
    ("update-alternatives 2026-11-20 14:02:31: run with --quiet", INFO,
     "update-alternatives 2026-11-20 14:02:31: run with --quiet", ZONE),
    # klog's README; logcat threadtime
    ("E1120 14:02:31.000000       1 leader.go:330] lost", ERROR, "lost", {"pid": 1, "caller": "leader.go:330", **YEAR}),
    ("11-20 14:02:31.000  1234  5678 F libc: Fatal signal 11", FATAL, "Fatal signal 11",
     {"pid": 1234, "tid": 5678, "logger": "libc", **YEAR}),
    # syslog: rsyslog 8 (old and new layout), logger(1), cron, RFC 5424 §6.5
    ("Nov 20 14:02:31 web CRON[77]: (root) CMD (run-parts)", INFO, "(root) CMD (run-parts)",
     {"identifier": "CRON", "host": "web", "pid": 77, **YEAR}),
    ("<11>Nov 20 14:02:31 web app: boom", ERROR, "boom",
     {"identifier": "app", "host": "web", "facility": "user", **YEAR}),
    ("2026-11-20T14:02:31.000000+09:00 web sshd[77]: Connection closed", INFO, "Connection closed",
     {"host": "web", "identifier": "sshd", "pid": 77}),
    ('<165>1 2026-11-20T05:02:31.000Z h app - ID47 [ex@32473 iut="3" note="a \\"b\\""] \ufeffstart', INFO, "start",
     {"ex@32473": {"iut": "3", "note": 'a "b"'}, "host": "h", "identifier": "app", "message_id": "ID47",
      "facility": "local4", "severity": "notice"}),
    # logrus text, slog, Prometheus
    ('time="2026-11-20T05:02:31Z" level=warning msg="a \\"b\\"" size=10 id=007', WARN, 'a "b"',
     {"size": 10, "id": "007"}),
    ("ts=2026-11-20T05:02:31.000Z caller=main.go:1 level=error component=tsdb err=EOF msg=lost", ERROR, "lost",
     {"caller": "main.go:1", "logger": "tsdb", "err": "EOF"}),
    # asctime of OpenVPN; java.util.logging
    ("Fri Nov 20 14:02:31 2026 TLS ERROR: no", ERROR, "TLS ERROR: no", ZONE),
    ("Nov 20, 2026 2:02:31 PM com.shop.A run", INFO, "com.shop.A run", ZONE),
    # logback's default and zerolog's console: a time of day alone
    ("14:02:31.000 [main] WARN  a.B - slow", WARN, "slow", {"thread": "main", "logger": "a.B",
     "time_inferred": "date,zone"}),
    ("2026-11-20T14:02:31+09:00 ERR lost error=EOF", ERROR, "lost error=EOF", None),
]  # fmt: skip


@pytest.mark.promise("M33")
@pytest.mark.parametrize(("line", "level", "message", "metadata"), TEXT_LINES)
def test_text_line_becomes_an_entry(
    line: str, level: LogLevel, message: str, metadata: dict[str, Any] | None
) -> None:
    entry = entry_of(line)
    assert (entry.level, entry.message, entry.metadata) == (level, message, metadata)
    assert entry.time_ns == AT_NS


REQUESTS = [
    # nginx combined, and with request_time at its end
    ('10.0.0.1 - - [20/Nov/2026:14:02:31 +0900] "GET /a?b=1 HTTP/1.1" 200 612 "https://s/" "curl/8.5"', INFO,
     {"remote": "10.0.0.1", "status": 200, "method": "GET", "path": "/a?b=1", "protocol": "HTTP/1.1",
      "bytes": 612, "referer": "https://s/", "agent": "curl/8.5"}),
    ('::1 - kim [20/Nov/2026:14:02:31 +0900] "POST /a HTTP/2.0" 502 0 "-" "-" 0.125', ERROR,
     {"remote": "::1", "user": "kim", "status": 502, "method": "POST", "path": "/a", "protocol": "HTTP/2.0",
      "bytes": 0, "duration_s": 0.125}),
    # Apache common, an escaped quote and a broken request
    ('web - - [20/Nov/2026:05:02:31 +0000] "GET /\\"x HTTP/1.0" 404 -', WARN,
     {"remote": "web", "status": 404, "method": "GET", "path": '/\\"x', "protocol": "HTTP/1.0"}),
    ('10.0.0.1 - - [20/Nov/2026:14:02:31 +0900] "\\x16\\x03" 400 150 "-" "-"', WARN,
     {"remote": "10.0.0.1", "status": 400, "bytes": 150}),
    # Traefik's common format
    ('10.0.0.1 - - [20/Nov/2026:05:02:31 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 7 "r@docker" "http://a:80" 12ms',
     INFO, {"remote": "10.0.0.1", "status": 200, "method": "GET", "path": "/", "protocol": "HTTP/1.1", "bytes": 5,
         "duration_s": 0.012}),
]  # fmt: skip


@pytest.mark.promise("M33")
@pytest.mark.parametrize(("line", "level", "metadata"), REQUESTS)
def test_access_log_keeps_its_line_and_gives_its_parts(
    line: str, level: LogLevel, metadata: dict[str, Any]
) -> None:
    entry = entry_of(line)
    assert (entry.level, entry.message, entry.metadata) == (level, line, metadata)
    assert entry.time_ns == AT_NS


def test_a_logfmt_line_reads_the_same_after_others_of_its_shape() -> None:
    lines = [
        f'level=info msg={message} n={number} id=a={number} empty= quote="{number}"'
        for number, message in enumerate(['"a b"', '"a b"', "bare", '""', '"a \\" b"', '"a b"', "x"])
    ]
    parser = LineParser(source="app", source_id="/var/log/app.log", tz=SEOUL)
    together = parser.feed([line.encode() for line in lines], None, NOW_NS)
    assert together == [entry_of(line) for line in lines]
    assert together[4].message == 'a " b'
    assert together[6].metadata == {"n": 6, "id": "a=6", "empty": "", "quote": "6"}


@pytest.mark.parametrize(
    "line", ['level=info msg="open', "level=info free text", "level=info level=warn", "a=1 b=2"]
)
def test_what_is_not_all_pairs_is_no_logfmt(line: str) -> None:
    assert format_of(line) == "text"


@pytest.mark.promise("M33")
@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("0 errors found", INFO),
        ("Error opening is not a level here", INFO),
        ("returned ERROR_CODE 5, see /var/ERROR/x", INFO),
        ("[error] cannot bind", ERROR),
        ("[Warn] low", WARN),
        ("ERROR cannot bind", ERROR),
        ("job 7: FATAL no disk", FATAL),
        ("warning: unused variable", WARN),
        ("ValueError: no", ERROR),
        ("shop.errors.OutOfStock: no", INFO),
        ("npm ERR! code ELIFECYCLE", ERROR),
        ("/app/x.py:3: DeprecationWarning: old", WARN),
        ('worker said level="error" again', ERROR),
        ("\x1b[31mERROR\x1b[0m red", ERROR),
        ("W/Camera( 77): slow", WARN),
        ('{"broken": "json", ERROR', ERROR),
    ],
)
def test_a_level_word_counts_only_where_it_stands_as_a_level(line: str, level: LogLevel) -> None:
    assert entry_of(line).level is level


@pytest.mark.promise("M33")
def test_colours_stay_in_the_message_and_do_not_hinder_detection() -> None:
    line = (
        "\x1b[2m2026-11-20T05:02:31.000000Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mshop::db\x1b[0m\x1b[2m:\x1b[0m "
        "slow \x1b[3mms\x1b[0m=9"
    )
    entry = entry_of(line)
    assert (entry.level, entry.time_ns) == (WARN, AT_NS)
    assert entry.message == "slow \x1b[3mms\x1b[0m=9"
    assert entry.metadata == {"logger": "shop::db"}


@pytest.mark.promise("M33")
@pytest.mark.parametrize(
    "line",
    ["[1,2]", "{}", "{", '{"a":1', "\x00\x01", "a\x00b", "한글 로그", "=", "a=", '"', "<999>x", "[", "-"],
)
def test_a_line_of_no_known_kind_is_kept_as_it_is(line: str) -> None:
    entry = entry_of(line)
    assert (entry.message, entry.level, entry.time_ns) == (line, INFO, NOW_NS)


def test_json_that_is_only_nearly_json_is_still_read() -> None:
    entry = entry_of(b'{"level":"warn","msg":"a\tb \xff \\ud800","n":NaN,"big":1e999}')
    assert (entry.level, entry.message) == (WARN, "a\tb \ufffd \ufffd")
    assert entry.metadata == {"n": "NaN", "big": "1e999"}


def test_json_without_a_message_keeps_the_line_as_its_message() -> None:
    line = '{"level":"error","code":7}'
    entry = entry_of(line)
    assert (entry.level, entry.message, entry.metadata) == (ERROR, line, {"code": 7})


def test_json_deeper_than_the_limit_is_kept_as_text() -> None:
    line = '{"level":"error","a":' + "[" * 500 + "]" * 500 + "}"
    assert (entry_of(line).message, entry_of(line).metadata) == (line, None)


def test_a_program_cannot_speak_in_hantus_own_keys() -> None:
    entry = entry_of('{"msg":"m","gap":1,"truncated_bytes":2,"stream":"x"}', metadata={"stream": "stderr"})
    assert entry.metadata == {
        "line_gap": 1,
        "line_truncated_bytes": 2,
        "line_stream": "x",
        "stream": "stderr",
    }


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert entry_of(b"caf\xe9\x00!\r").message == "caf\ufffd\x00!"


def test_a_message_beyond_the_limit_is_cut_and_its_length_kept() -> None:
    entry = entry_of(("가" * 100_000).encode())
    assert len(entry.message.encode()) <= 256 * 1024
    assert entry.metadata == {"truncated_bytes": 300_000}


@pytest.mark.promise("M33")
def test_every_format_has_its_row_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = {
        line.split("|")[1].strip().strip("`")
        for line in page.splitlines()
        if line.startswith("| `") and line.endswith(("| taken off |", "| whole |"))
    }
    assert rows == {kind.name for kind in FORMATS}
