"""Statistics of errors: the index of times holds all that they need."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from hantu.store.error_base import ErrorCount, StatsBy
from hantu.store.error_words import TIME_NAMES, time_name
from hantu.store.sqlite.database import Reader

_SECOND_NS: Final = 1_000_000_000
_HOUR_NS: Final = 3_600 * _SECOND_NS

_NAMES: Final = {
    StatsBy.SERVICE: "service",
    StatsBy.TYPE: "error_type",
    StatsBy.LEVEL: "level",
    # The hour by the given offset, rounded down before 1970, too.
    StatsBy.DAY: "(time_ns + :offset - ((time_ns + :offset) % :hour + :hour) % :hour)",
    StatsBy.HOUR: "(time_ns + :offset - ((time_ns + :offset) % :hour + :hour) % :hour)",
}


def count(
    reader: Reader, by: StatsBy, *, since_ns: int, until_ns: int, utc_offset_s: int
) -> tuple[ErrorCount, ...]:
    """As ErrorStorage.error_stats."""
    binds: dict[str, int] = {"since": since_ns, "until": until_ns}
    if by in TIME_NAMES:
        binds |= {"offset": utc_offset_s * _SECOND_NS, "hour": _HOUR_NS}
    sql = f"""
        SELECT name, group_no, sum(many)
        FROM (
          SELECT {_NAMES[by]} AS name, service, fingerprint, count(*) AS many
          FROM error_logs INDEXED BY error_logs_time
          WHERE time_ns >= :since AND time_ns < :until
          GROUP BY name, service, fingerprint
        )
        JOIN error_fingerprint USING (service, fingerprint)
        GROUP BY name, group_no
    """  # noqa: S608  made of constants and binds alone
    counts: Counter[str] = Counter()
    groups: dict[str, set[int]] = defaultdict(set)
    for found, group_no, many in reader.rows(sql, binds):
        name = time_name(by, found) if by in TIME_NAMES else found
        counts[name] += many
        groups[name].add(group_no)
    rows = [ErrorCount(name, many, len(groups[name])) for name, many in counts.items()]
    return tuple(sorted(rows, key=lambda row: (0 if by in TIME_NAMES else -row.count, row.name)))
