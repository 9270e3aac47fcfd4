"""Names and texts of errors on which every store agrees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hantu.store.error_base import StatsBy, UnknownError

_SECOND_NS: Final = 1_000_000_000
_FOLD: Final = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def search_words(search: str) -> list[str]:
    """The words of a search, as they stand in searchable() text."""
    return search.translate(_FOLD).split()


def searchable(*texts: str) -> str:
    """The text in which the words of a search are looked for."""
    return "\n".join(texts).translate(_FOLD)


TIME_NAMES: Final = {StatsBy.DAY: "%Y-%m-%d", StatsBy.HOUR: "%Y-%m-%dT%H:00"}


def time_name(by: StatsBy, local_ns: int) -> str:
    """The day or hour of a time that has the offset added already."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=local_ns // _SECOND_NS)
    return at.strftime(TIME_NAMES[by])


def bucket_width(start_ns: int, end_ns: int, buckets: int) -> int:
    """The width of each of `buckets` equal parts, at least 1 ns."""
    return max(1, -(-(end_ns - start_ns) // buckets))


def error_uuid(error_id: str) -> UUID:
    """The id of an occurrence. Raises UnknownError when it is none."""
    try:
        return UUID(error_id)
    except ValueError:
        raise UnknownError(error_id) from None


def mute_text(until_ns: int | None, below_an_hour: int | None, at_ns: int) -> str:
    """How a mute stands in a group's history: 90m, 2h, 7d, or >10/h.

    Raises ValueError unless exactly one is given."""
    if (until_ns is None) == (below_an_hour is None):
        raise ValueError("an error is muted until a time, or below a rate: one of them")
    if until_ns is None:
        return f">{below_an_hour}/h"
    seconds = max(0, until_ns - at_ns) // _SECOND_NS
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def merged_text(group_nos: Sequence[int]) -> str:
    """How the groups that went into another stand in its history: #7, #9."""
    return ", ".join(f"#{group_no}" for group_no in sorted(group_nos))
