"""Which sources are silent for longer than they ever are."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.model import DOCKER
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage, SourceInfo, StoreError

log = logging.getLogger(__name__)

CHECKPOINT: Final = "rhythm"
LOOK_S: Final = 60.0
KEEP_S: Final = 600.0
LEAST_NS: Final = 10 * 60 * 10**9
"""Nobody is warned of a shorter silence."""
TIMES: Final = 4
"""A silence is unusual from so many times the longest pause on."""
PAUSES_LEAST: Final = 20
"""So many pauses must be known before any is unusual."""
FORGET_NS: Final = 14 * 86_400 * 10**9
"""A source that is silent for so long is over: it is no longer spoken of."""
SOURCES_MOST: Final = 1_000
_AT_REST: Final = (CollectorState.ENDED, CollectorState.STOPPED)


class _Beat(msgspec.Struct, array_like=True):
    """newest_ns: of the newest line; longest_ns: the longest pause; pauses: how many were met."""

    newest_ns: int
    longest_ns: int = 0
    pauses: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that has no new line since last_ns; usual_ns: the longest pause that it had before."""

    source: str
    source_id: str
    last_ns: int
    usual_ns: int


class Rhythm:
    """Learns how long each source pauses, and tells which are silent for longer."""

    def __init__(self, pipeline: Pipeline, store: LogStorage) -> None:
        self._pipeline = pipeline
        self._store = store
        self._beats: dict[tuple[str, str], _Beat] = {}
        self._silences: tuple[Silence, ...] = ()
        self._kept_at = time.monotonic()

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Those of the last look, the longest first."""
        return self._silences

    def body(self, stop: threading.Event, statuses: Callable[[], Sequence[CollectorStatus]]) -> None:
        """A Worker's body: looks every LOOK_S until stop."""
        self.load()
        while not stop.wait(LOOK_S):
            try:
                self.look(self._store.source_ids(), statuses(), now_ns=time.time_ns())
                if time.monotonic() - self._kept_at > KEEP_S:
                    self.keep()
            except StoreError as error:
                log.warning("the rhythm of the sources could not be looked at: %s", error)

    def load(self) -> None:
        """Go on with what was kept."""
        stored = self._store.checkpoint(CHECKPOINT)
        if stored is not None:
            kept = msgspec.json.decode(stored, type=list[tuple[str, str, _Beat]])
            self._beats = {(source, source_id): beat for source, source_id, beat in kept}

    def keep(self) -> None:
        """Remember what was learned for the next start."""
        newest = sorted(self._beats.items(), key=lambda item: -item[1].newest_ns)[:SOURCES_MOST]
        self._beats = dict(newest)
        kept = msgspec.json.encode([(*origin, beat) for origin, beat in newest])
        self._pipeline.with_store(lambda store: store.write_batch([], {CHECKPOINT: kept}))
        self._kept_at = time.monotonic()

    def look(
        self, found: Collection[SourceInfo], statuses: Sequence[CollectorStatus], *, now_ns: int
    ) -> tuple[Silence, ...]:
        """Learn from the newest lines; which sources are silent for longer than they ever were."""
        resting = {(each.source, each.source_id) for each in statuses if each.state in _AT_REST}
        containers = {each.source_id for each in statuses if each.source == DOCKER}
        silences = []
        for each in found:
            origin = (each.source, each.source_id)
            beat = self._beats.setdefault(origin, _Beat(each.newest_ns))
            if each.newest_ns > beat.newest_ns:
                pause_ns = each.newest_ns - beat.newest_ns
                beat.newest_ns, beat.pauses = each.newest_ns, beat.pauses + 1
                beat.longest_ns = max(beat.longest_ns, pause_ns)
            gone = each.source == DOCKER and each.source_id not in containers
            if origin not in resting and not gone and _unusual(beat, now_ns):
                silences.append(Silence(*origin, beat.newest_ns, beat.longest_ns))
        self._silences = tuple(sorted(silences, key=lambda silence: silence.last_ns))
        return self._silences


def _unusual(beat: _Beat, now_ns: int) -> bool:
    silent_ns = now_ns - beat.newest_ns
    usual_ns = max(LEAST_NS, TIMES * beat.longest_ns)
    return beat.pauses >= PAUSES_LEAST and usual_ns < silent_ns < FORGET_NS
