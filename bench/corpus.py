"""The bench corpus: entries like those of a small server, the same for the same seed.

Shares: 5 % Korean messages, 1 % stack traces (6 to 18 frames), nearly all with JSON metadata, as the
collectors write it. Programs are
drawn with weights 1/rank, shapes within a program by their level (debug and info often, fatal seldom),
times advance by exponential steps over seven days, 0.5 % arrive up to 5 s late. Ids, addresses and
durations are random; users, tables, jobs and paths come from pools as in real services. A quarter of
the lines of containers and some of the application's belong to a request."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from bench.shapes import KOREAN, PROGRAMS
from hantu.model import LogEntry, LogLevel, Metadata

SEED: Final = 20261120
DAY_NS: Final = 86_400 * 10**9
END_NS: Final = 1_795_200_000 * 10**9
SPAN_NS: Final = 7 * DAY_NS
START_NS: Final = END_NS - SPAN_NS

_WEIGHT: Final = {"trace": 2, "debug": 30, "info": 60, "warn": 8, "error": 3, "fatal": 0.05}
_USERS: Final = (
    "admin",
    "root",
    "deploy",
    "kim",
    "lee",
    "park",
    "choi",
    "oracle",
    "test",
    "ubuntu",
    "git",
    "www-data",
)
_TABLES: Final = (
    "orders",
    "users",
    "sessions",
    "accounts",
    "positions",
    "invoices",
    "events",
    "quotes",
    "trades",
    "alerts",
    "reports",
    "settings",
    "devices",
    "messages",
    "products",
    "payments",
    "wallets",
    "audits",
    "jobs",
    "tickets",
)
_JOBS: Final = (
    "nightly_report",
    "sync_prices",
    "rebalance",
    "send_digest",
    "cleanup_tmp",
    "rotate_keys",
    "import_quotes",
    "settle",
    "backup_db",
    "warm_cache",
    "check_health",
    "refresh_tokens",
    "build_index",
    "export_csv",
)
_HOSTS: Final = (
    "api.internal",
    "db.internal",
    "broker.example.com",
    "feed.example.net",
    "mail.example.org",
    "cdn.example.com",
)
_SYMBOLS: Final = (
    "005930",
    "000660",
    "035420",
    "035720",
    "051910",
    "AAPL",
    "MSFT",
    "NVDA",
    "TSLA",
    "BTC-KRW",
    "ETH-KRW",
)
_METHODS: Final = ("GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE")
_STATUS: Final = ("200", "200", "200", "200", "201", "204", "301", "304", "400", "401", "404", "500", "502")
_EXCEPTIONS: Final = (
    "ValueError: invalid price '{hex8}'",
    "KeyError: '{table}'",
    "ConnectionError: {host}:{port} refused",
    "TimeoutError: no answer within {ms} ms",
    "InsufficientBalance: required {price}, available {price}",
)


STACKS_A_PLACE: Final = 3
# A request's lines stand close together and its id is never used again, as in a real service: an id that
# came back for days would stand in every segment, and no filter could ever leave one out.
OPEN_REQUESTS: Final = 4
LINES_A_REQUEST: Final = 6
"""On average; the number of each is drawn evenly from 1 up."""


def hash_of(name: str) -> int:
    """A 48-bit number of a name, the same in every run (hash() is not)."""
    return zlib.crc32(name.encode()) * 0x9E37 & 0xFFFFFFFFFFFF


class Corpus:
    """Makes entries one after the other; fillers draw from one seeded generator."""

    def __init__(self, seed: int = SEED) -> None:
        self._random = random.Random(seed)
        self._paths = tuple(
            f"/{area}/v{version}/{table}"
            for area in ("api", "internal")
            for version in (1, 2)
            for table in _TABLES
        )
        self._requests = [self._new_request() for _ in range(OPEN_REQUESTS)]
        self._fill = {
            name: getattr(self, f"_{name}")
            for name in (
                "int",
                "digit",
                "float",
                "ms",
                "ip",
                "port",
                "uuid",
                "hex8",
                "hex16",
                "size",
                "price",
                "day",
                "clock",
                "email",
            )
        } | {
            name: self._picker(pool)
            for name, pool in {
                "user": _USERS,
                "table": _TABLES,
                "job": _JOBS,
                "host": _HOSTS,
                "symbol": _SYMBOLS,
                "method": _METHODS,
                "status": _STATUS,
                "path": self._paths,
            }.items()
        }
        self._compiled: dict[str, Callable[[], str]] = {}
        self._failing: dict[str, tuple[str, str, list[str]]] = {}
        self._drawn = [
            (source, source_id, list(shapes), [_WEIGHT[level] for level, _ in shapes])
            for source, source_id, shapes in PROGRAMS
        ]
        self._weights = [1 / rank for rank in range(1, len(PROGRAMS) + 1)]

    def entries(self, count: int) -> Iterator[LogEntry]:
        """`count` entries in arrival order."""
        draw = self._random
        time_ns = START_NS
        step_ns = SPAN_NS / count
        programs = draw.choices(self._drawn, self._weights, k=count)
        for source, source_id, shapes, weights in programs:
            time_ns += int(draw.expovariate(1 / step_ns))
            kind = draw.random()
            if kind < 0.05:
                level, shape = draw.choice(KOREAN)
            else:
                level, shape = draw.choices(shapes, weights)[0]
            message = self._message(shape)
            if 0.05 <= kind < 0.06:
                level, message = "error", self._trace(shape, message)
            late_ns = draw.randrange(5 * 10**9) if draw.random() < 0.005 else 0
            yield LogEntry(
                source,
                source_id,
                LogLevel.parse(level),
                message,
                time_ns - late_ns,
                self._metadata(source, source_id),
            )

    def _message(self, shape: str) -> str:
        make = self._compiled.get(shape)
        if make is None:
            make = self._compiled[shape] = self._compile(shape)
        return make()

    def _compile(self, shape: str) -> Callable[[], str]:
        parts = re.split(r"\{(\w+)\}", shape)
        form = "%s".join(part.replace("%", "%%") for part in parts[::2])
        fillers = [self._fill[name] for name in parts[1::2]]
        return lambda: form % tuple(fill() for fill in fillers)

    def _metadata(self, source: str, source_id: str) -> Metadata | None:
        draw = self._random.random()
        if source == "docker":
            container = f"{hash_of(source_id):012x}"
            metadata: Metadata = {
                "stream": "stdout" if draw < 0.85 else "stderr",
                "container_id": container,
            }
            if draw < 0.25:
                trace_id, user = self._request()
                metadata |= {"trace_id": trace_id, "user": {"id": user}}
            elif draw < 0.4:
                metadata |= {
                    "status": int(self._random.choice(_STATUS)),
                    "ms": self._random.randrange(3000),
                }
            return metadata
        if source == "journal":
            return {
                "pid": self._random.randrange(300, 65000),
                "identifier": source_id.split(".", maxsplit=1)[0],
            }
        return {"logger": "core.trading.engine", "trace_id": self._request()[0]} if draw < 0.3 else None

    def _new_request(self) -> tuple[str, int, int]:
        """(trace id, user, lines that are still to come)."""
        draw = self._random
        return self._hex8(), draw.randrange(5000), draw.randrange(2 * LINES_A_REQUEST - 1) + 1

    def _request(self) -> tuple[str, int]:
        """The trace id and the user of one of the requests under way."""
        at = self._random.randrange(OPEN_REQUESTS)
        trace_id, user, left = self._requests[at]
        self._requests[at] = (trace_id, user, left - 1) if left > 1 else self._new_request()
        return trace_id, user

    def _trace(self, shape: str, message: str) -> str:
        """A message with a stack trace: a place that fails has a message, an exception and few call stacks of
        its own, the same ones each time; with any of them by chance nearly every error would be a new one."""
        failing = self._failing.get(shape)
        if failing is None:
            exception, frame = self._random.choice(_EXCEPTIONS), self._frame()
            stacks = [self._stack(frame) for _ in range(STACKS_A_PLACE)]
            failing = self._failing[shape] = (exception, frame, stacks)
        exception, frame, stacks = failing
        # One in ten came there on a way that is met for the first and last time.
        stack = self._stack(frame) if self._random.random() < 0.1 else self._random.choice(stacks)
        return f"{message}\n{stack}\n{self._message(exception)}"

    def _stack(self, innermost: str) -> str:
        frames = [self._frame() for _ in range(self._random.randrange(5, 17))]
        return "\n".join(("Traceback (most recent call last):", *frames, innermost))

    def _frame(self) -> str:
        draw = self._random
        table = draw.choice(_TABLES)
        return (
            f'  File "/srv/app/core/{table}.py", line {draw.randrange(900)}, in handle_{table}\n'
            f"    result = self.{table}.{draw.choice(_JOBS)}(request, key={draw.randrange(100)})"
        )

    def _picker(self, pool: tuple[str, ...]) -> Callable[[], str]:
        return lambda: pool[int(self._random.random() * len(pool))]

    def _int(self) -> str:
        return str(int(10 ** (self._random.random() * 5)))

    def _digit(self) -> str:
        return str(int(self._random.random() * 9) + 1)

    def _float(self) -> str:
        return f"{self._random.expovariate(0.5):.3f}"

    def _ms(self) -> str:
        return str(int(self._random.lognormvariate(4, 1.2)))

    def _ip(self) -> str:
        bits = self._random.getrandbits(24)
        return f"10.{bits >> 16}.{bits >> 8 & 255}.{bits & 255}"

    def _port(self) -> str:
        return str(1024 + int(self._random.random() * 64000))

    def _uuid(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _hex8(self) -> str:
        return f"{self._random.getrandbits(32):08x}"

    def _hex16(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _size(self) -> str:
        return str(int(self._random.lognormvariate(9, 2)))

    def _price(self) -> str:
        return f"{int(self._random.lognormvariate(11, 1)):,}"

    def _day(self) -> str:
        return f"{int(self._random.random() * 7) + 14}"

    def _clock(self) -> str:
        seconds = int(self._random.random() * 86400)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def _email(self) -> str:
        return f"{self._random.choice(_USERS)}{self._random.randrange(999)}@{self._random.choice(_HOSTS)}"
