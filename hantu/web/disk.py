"""What /status says of the disk: where the size is going, what rules keep, how old the last backup is."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from hantu.service import Service
from hantu.service.forecast import Bound, Forecast, forecast
from hantu.store.base import StoreError
from hantu.web import i18n

log = logging.getLogger(__name__)

WIDTH: Final = 300
HOUR_S: Final = 3_600
BACKUP_LATE_S: Final = 26 * HOUR_S
"""A daily backup is missing."""

SENTENCES: Final = {
    Bound.AGE: ("About {day} a day: what is kept will come to about {final}, and there is room."),
    Bound.SETTING: (
        "About {day} a day: what is to be kept would come to {final}. retention_bytes allows {limit}, so "
        "about {kept} will be kept."
    ),
    Bound.DISK: (
        "About {day} a day: what is to be kept would come to {final}, and the disk will be full in about "
        "{left}."
    ),
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forecast as it is drawn and said. now_x, final_x, limit_x: places on a line of WIDTH; limit_x
    None: far beyond. day_bytes: by source."""

    sentence: str
    advice: str
    grave: bool
    now_x: float
    final_x: float
    limit_x: float | None
    notes: tuple[str, str]
    day_bytes: dict[str, float]


@dataclass(frozen=True, slots=True)
class BackupView:
    """The daily backups. folder "": none are made. late: the newest is older than a day should be."""

    folder: str
    failing: str
    kept: int
    last_ns: int | None
    last_bytes: int
    late: bool


def outlook(desk: Service, now_ns: int) -> Outlook | None:
    """Where the size is going, None while there is too little to tell."""
    config = desk.config
    try:
        found = forecast(
            desk.store,
            now_ns=now_ns,
            retention_days=config.retention_days,
            rules=desk.maintenance.rules,
            most_bytes=config.retention_bytes,
            disk_free_bytes=desk.gauges().disk_free_bytes,
        )
    except StoreError as error:
        log.warning("there is no forecast of the disk: %s", error)
        return None
    return None if found is None else _drawn(found)


def _drawn(found: Forecast) -> Outlook:
    scale = max(found.now_bytes, found.final_bytes) * 1.15
    shown = found.limit_bytes <= scale
    final = i18n.size(found.final_bytes)
    return Outlook(
        sentence=_sentence(found),
        advice=_advice(found),
        grave=found.bound is Bound.DISK,
        now_x=round(WIDTH * found.now_bytes / scale, 1),
        final_x=round(WIDTH * found.final_bytes / scale, 1),
        limit_x=round(WIDTH * found.limit_bytes / scale, 1) if shown else None,
        notes=(
            i18n.translate("now {now}, later {final}", now=i18n.size(found.now_bytes), final=final),
            i18n.translate("room for {size}", size=i18n.size(found.limit_bytes)),
        ),
        day_bytes=dict(found.by_source),
    )


def _sentence(found: Forecast) -> str:
    words = {
        "day": i18n.size(found.day_bytes),
        "final": i18n.size(found.final_bytes),
        "limit": i18n.size(found.limit_bytes),
        "kept": _days(found.days_kept or 0),
        "left": _days(found.days_left or 0),
    }
    return i18n.translate(SENTENCES[found.bound], **words)


def _advice(found: Forecast) -> str:
    if found.bound is not Bound.DISK:
        return ""
    size = f"{max(1, round(found.limit_bytes * 0.9 / 1024**2))}M"
    return i18n.translate("Free some space, or set retention_bytes = {size}", size=f'"{size}"')


def _days(days: float) -> str:
    """3 days; 14 h when it is less than two."""
    if days < 2:
        return i18n.duration(max(1, round(days * 24)) * HOUR_S)
    return i18n.plural("{n} day", "{n} days", round(days))


def kept_for(keep_days: float) -> str:
    """How long a rule keeps something: 90 days, 12 h, 30 m."""
    if keep_days >= 2 and keep_days == round(keep_days):
        return i18n.plural("{n} day", "{n} days", round(keep_days))
    return i18n.duration(keep_days * 24 * HOUR_S)


def backups(desk: Service, now_ns: int) -> BackupView:
    """The daily backups as they stand."""
    folder = desk.config.backup_dir
    if folder is None:
        return BackupView("", "", 0, None, 0, late=False)
    found = desk.maintenance.backups
    kept = found.kept()
    last_ns = round(kept[0].made_s * 10**9) if kept else None
    since_ns = max(last_ns or 0, desk.started_ns)
    return BackupView(
        folder=str(folder),
        failing=found.failing,
        kept=len(kept),
        last_ns=last_ns,
        last_bytes=kept[0].size_bytes if kept else 0,
        late=now_ns - since_ns > BACKUP_LATE_S * 10**9,
    )
