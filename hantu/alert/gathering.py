"""Errors that are told together in one message: too many at once, or too late for one each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from hantu.client.telegram_text import Head, clock_text, listing_text

ROWS_MOST: Final = 500
"""Kinds of errors that are kept apart; beyond that they are only counted."""
_MESSAGE_CHARS_MOST: Final = 120
CRITICAL: Final = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Row:
    """Equal errors: what they are, how many, from when to when. regressed: they were resolved before."""

    service: str
    error_type: str
    message: str
    level: str
    count: int
    first_ns: int
    last_ns: int
    regressed: bool = False


@dataclass(slots=True)
class Gathering:
    """What waits to be told together. others: errors that have no row of their own. since_s, last_s: when
    the first and the last came, by the monotonic clock."""

    rows: dict[str, Row] = field(default_factory=dict)
    others: int = 0
    since_s: float = 0.0
    last_s: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.rows or self.others)

    @property
    def errors(self) -> int:
        """How many errors it holds."""
        return self.others + sum(row.count for row in self.rows.values())

    def add(self, key: str, row: Row, now_s: float) -> None:
        """Take errors in; their message is shortened."""
        self._touch(now_s)
        before = self.rows.get(key)
        if before is not None:
            self.rows[key] = replace(
                before,
                count=before.count + row.count,
                first_ns=min(before.first_ns, row.first_ns),
                last_ns=max(before.last_ns, row.last_ns),
                regressed=before.regressed or row.regressed,
            )
        elif len(self.rows) < ROWS_MOST:
            self.rows[key] = replace(row, message=row.message[:_MESSAGE_CHARS_MOST])
        else:
            self.others += row.count

    def add_others(self, count: int, now_s: float) -> None:
        """Take in errors of which only the number is known."""
        self._touch(now_s)
        self.others += count

    def _touch(self, now_s: float) -> None:
        if not self:
            self.since_s = now_s
        self.last_s = now_s

    def saved(self) -> dict[str, Any]:
        """As plain JSON values, for restored()."""
        return {"rows": {key: asdict(row) for key, row in self.rows.items()}, "others": self.others}


def restored(saved: Mapping[str, Any], now_s: float) -> Gathering:
    """What Gathering.saved() gave, as if it had come now. Raises KeyError, TypeError or ValueError."""
    rows = {str(key): Row(**row) for key, row in dict(saved["rows"]).items()}
    return Gathering(rows, int(saved["others"]), now_s, now_s)


def storm_text(gathering: Gathering, now_ns: int) -> str:
    """The message for errors of which there were too many for one each."""
    return _text(
        gathering,
        now_ns,
        f"에러가 한꺼번에 몰려 {_counts(gathering)}을 모아 알립니다.{_span(gathering)}",
    )


def late_text(gathering: Gathering, now_ns: int) -> str:
    """The message for errors that arrived long after they happened."""
    return _text(gathering, now_ns, f"뒤늦게 도착한 에러 {_counts(gathering)}입니다.{_span(gathering)}")


def _text(gathering: Gathering, now_ns: int, message: str) -> str:
    # The worst first, then the most frequent.
    rows = sorted(
        gathering.rows.values(),
        key=lambda row: (row.level != CRITICAL, not row.regressed, -row.count, row.first_ns),
    )
    lines = [_line(row) for row in rows]
    total = gathering.errors

    def left_out(shown: int) -> str:
        return f"… 외 {total - sum(row.count for row in rows[:shown]):,}건은 에러 목록에서 확인하세요."

    if gathering.others:
        # Rows that there are all fit, perhaps; those without a row are to be told all the same.
        lines.append(left_out(len(rows)))
    service = _service(gathering)
    return listing_text(Head.ERROR, service, now_ns, message=message, rows=lines, left_out=left_out)


def _counts(gathering: Gathering) -> str:
    kinds = f"{len(gathering.rows):,}종류 이상 " if gathering.others else f"{len(gathering.rows):,}종류 "
    return f"{kinds if gathering.rows else ''}{gathering.errors:,}건"


def _span(gathering: Gathering) -> str:
    if not gathering.rows:
        return ""
    first = clock_text(min(row.first_ns for row in gathering.rows.values()))
    last = clock_text(max(row.last_ns for row in gathering.rows.values()))
    if first == last:
        return f" ({first})"
    return f" ({first}부터 {last[11:] if first[:10] == last[:10] else last}까지)"


def _service(gathering: Gathering) -> str:
    services = sorted({row.service for row in gathering.rows.values()})
    if not services:
        return "hantu"
    return services[0] if len(services) == 1 else f"{services[0]} 외 {len(services) - 1}"


def _line(row: Row) -> str:
    marks = "".join((" CRITICAL" if row.level == CRITICAL else "", " 재발" if row.regressed else ""))
    what = ": ".join(part for part in (row.error_type, " ".join(row.message.split())) if part)
    return f"• [{row.service}]{marks} {row.count:,}건 {what}"
