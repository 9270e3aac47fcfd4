"""The alert engine: follows the errors of the store and has people told of them by one channel.

One thread. What it must not forget is one checkpoint (alert/state.py), committed before a message goes
and after it has gone: a process that is killed repeats the message that was on its way, and loses none."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hantu.alert.faults import ServiceFault
from hantu.alert.gathering import Gathering, Row, late_text, storm_text
from hantu.alert.inbox import LATE_NS, Arrived, group_of, link_to, row_of_quiet, runs, to_tell, told_text
from hantu.alert.report import DAY_NS, Day, Disk, last_due_ns, report_text
from hantu.alert.sender import PATIENCE, SENDS_A_MINUTE, Sender
from hantu.alert.state import (
    CHECKPOINT,
    SIZES_MOST,
    Queued,
    SizeAt,
    State,
    Unreadable,
    unpacked,
    with_history,
)
from hantu.alert.told_files import ToldFiles
from hantu.client.cooldown import Cooldown, Occurrence, Quiet
from hantu.client.outgoing import Patience
from hantu.client.telegram import Telegram
from hantu.client.telegram_text import Head, message_text
from hantu.client.told import Told, Trouble, gathered, repeats_text, text_of
from hantu.errors import CRITICAL
from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage, StoreError
from hantu.store.error_base import Occurrence as StoredError
from hantu.tail import CommitSignal

log = logging.getLogger(__name__)

SERVICE: Final = "hantu"
OWN_A_MINUTE: Final = 10
CRITICAL_A_MINUTE: Final = 15
"""Errors, and critical ones, that get a message each; the others are gathered. The rest of the minute is
for what was gathered."""
GATHER_S: Final = 15.0
LATE_QUIET_S: Final = 5.0
LATE_MOST_S: Final = 60.0
"""Late errors are told when no more have come for a while, or that long after the first."""
QUEUE_MOST: Final = 50
READ_AT_ONCE: Final = 100
READS_A_STEP: Final = 20
SAVE_EVERY_S: Final = 5.0
IDLE_S: Final = 1.0
"""Errors that the library writes into the file come without a signal."""
SENDING_S: Final = 0.1
STOP_S: Final = 0.7


@dataclass(frozen=True, slots=True)
class Figures:
    """How alerting fares now. waiting: messages; gathered: errors that wait to be told together; quiet:
    errors whose cooldown runs; error: why the last try failed, "" when it did not; closed: why nothing is
    sent until retry() or a start with other settings, "" when it is."""

    sent: int
    sent_ns: int
    waiting: int
    gathered: int
    quiet: int
    error: str
    error_ns: int
    closed: str


class AlertEngine:
    """Tells people of errors, faults of hantu itself and, daily, of the rest.

    report_at: local "HH:MM", "off" for no report. log_dir: the log library's, when it is read. faults:
    those that stand now. disk: the figures of now, for the report. clock: seconds that never jump."""

    def __init__(
        self,
        store: LogStorage,
        pipeline: Pipeline,
        signal: CommitSignal,
        channel: Telegram,
        *,
        cooldown_s: float,
        report_at: str,
        public_url: str,
        faults: Callable[[], Sequence[ServiceFault]],
        disk: Callable[[], Disk],
        log_dir: Path | None = None,
        patience: Patience = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._signal = signal
        self._report_at = report_at
        self._public_url = public_url
        self._told = None if log_dir is None else ToldFiles(log_dir)
        self._faults = faults
        self._disk = disk
        self._clock = clock
        self._now_ns = now_ns
        self._cooldown = Cooldown(None, cooldown_s=cooldown_s, clock=clock)
        self._sender = Sender(
            channel,
            changed=self._urgently,
            lost=self._lost,
            patience=patience,
            clock=clock,
            now_ns=now_ns,
        )
        self._state = State()
        self._gathered_s = -GATHER_S
        self._look_s: float | None = None
        self._standing: dict[str, ServiceFault] = {}
        self._told_standing: set[str] = set()
        self._unsaved = self._urgent = False
        self._save_s = 0.0
        self._unread = ""

    def begin(self) -> None:
        """Go on where the last process was; the first time of all, with the errors that come from now on.

        Raises StoreError. Called once, before anything is collected."""
        packed = self._store.checkpoint(CHECKPOINT)
        now_s = self._clock()
        if packed is not None:
            try:
                state, cooldown = unpacked(packed, now_s)
                self._cooldown.restore(cooldown)
            except (Unreadable, KeyError, TypeError, ValueError) as error:
                log.warning("alerts begin anew: %s", error)
            else:
                self._state = state
                self._look_s = now_s
                return
        self._state = State(cursor=self._store.newest_error_no(), reported_ns=self._now_ns())
        self._changed()
        # A full disk must not keep hantu from starting.
        self._save_or_say()

    @property
    def alerting(self) -> bool:
        """Whether people are told of what is stored now."""
        return not self._sender.closed

    def figures(self) -> Figures:
        """How it fares; may be called from any thread."""
        state = self._state
        return Figures(
            sent=state.sent,
            sent_ns=state.sent_ns,
            waiting=len(state.queue),
            gathered=state.storm.errors + state.late.errors,
            quiet=len(self._cooldown),
            error=self._sender.error,
            error_ns=self._sender.error_ns,
            closed=self._sender.closed,
        )

    def retry(self) -> None:
        """Send again after the channel was refused, and what waits at once; from any thread."""
        self._sender.retry()

    def body(self, stop: threading.Event) -> None:
        """The Worker's body: follows, for ever."""
        while not stop.is_set():
            seen = self._signal.cursor
            wait_s = self.step()
            if not stop.is_set():
                self._signal.wait(seen, wait_s)
        self.finish()

    def step(self) -> float:
        """Do what is due; gives the seconds after which there may be more, unless something is committed
        before."""
        self._sender.settle(self._state)
        more = self._follow()
        self._look_at_faults()
        self._report()
        self._tell_gathered()
        if self._urgent or (self._unsaved and self._clock() >= self._save_s):
            self._save_or_say()
        self._sender.send(self._state)
        return 0.0 if more else SENDING_S if self._sender.sending else IDLE_S

    def finish(self) -> None:
        """Wait a moment for the message on its way, and commit the state."""
        self._sender.finish(self._state, STOP_S)
        if self._unsaved:
            self._save_or_say()

    def _follow(self) -> bool:
        """Read the errors that have arrived; whether there may be more."""
        now_ns = self._now_ns()
        for _ in range(READS_A_STEP):
            found, arrived = self._read(now_ns)
            late = [each for each in arrived if now_ns - each.record.time_ns > LATE_NS]
            self._take_late(late)
            timely = [each for each in arrived if now_ns - each.record.time_ns <= LATE_NS]
            for run in runs(timely):
                self._take(run)
            if found:
                self._state.cursor = found[-1].error_no
                self._changed()
            if len(found) < READ_AT_ONCE:
                break
        else:
            return True
        if self._look_s is not None and self._look_s <= self._clock():
            self._rule([], anew=())
        return False

    def _read(self, now_ns: int) -> tuple[Sequence[StoredError], list[Arrived]]:
        """The next errors, and those of them that people are to be told of."""
        try:
            found = self._store.errors_after(self._state.cursor, most=READ_AT_ONCE)
            arrived = list(to_tell(self._store, found, now_ns, self._told))
        except StoreError as error:
            if str(error) != self._unread:
                log.error("errors cannot be read for alerts: %s", error)
            self._unread = str(error)
            return (), []
        self._unread = ""
        return found, arrived

    def _take(self, run: Sequence[Arrived]) -> None:
        """Tell of these or count them, as their cooldowns say."""
        by_key: dict[str, Arrived] = {}
        for each in run:
            by_key.setdefault(each.key, each)
        anew = [key for key, each in by_key.items() if each.regressed]
        for key, quiet in self._rule([each.record for each in run], anew=anew, groups=by_key).items():
            arrived = by_key[key]
            text = told_text(arrived, quiet, public_url=self._public_url)
            row = arrived.row if quiet is None else replace(arrived.row, count=1 + quiet.count)
            self._tell(Queued(text, row.count, arrived.record.level == CRITICAL), key, row)

    def _take_late(self, late: Sequence[Arrived]) -> None:
        for each in late:
            self._state.late.add(each.key, each.row, self._clock())
            self._changed()

    def _rule(
        self, items: Sequence[Told], *, anew: Sequence[str], groups: dict[str, Arrived] | None = None
    ) -> dict[str, Quiet | None]:
        """Let the cooldowns decide; those to tell now. Those that have ended are told of here."""
        _, occurrences = gathered(items)
        with_groups = [_with_group(each, (groups or {}).get(each.key)) for each in occurrences]
        ruling = self._cooldown.rule(with_groups, anew=anew)
        self._look_s = ruling.next_s
        if occurrences or ruling.ended:
            self._changed()
        for quiet in ruling.ended:
            self._tell_repeats(quiet)
        return ruling.now

    def _tell_repeats(self, quiet: Quiet) -> None:
        said = quiet.subject
        group_no = said.get("group", "")
        try:
            group = group_of(self._store, int(group_no)) if group_no else None
        except StoreError:
            group = None
        if group is not None and group.is_muted(self._now_ns()):
            return
        text = repeats_text(quiet, link=link_to(self._public_url, said.get("error", "")))
        key = "\n".join(said.get(name, "") for name in ("service", "group", "error_type", "level"))
        self._tell(Queued(text, quiet.count, said.get("level") == CRITICAL), key, row_of_quiet(quiet))

    def _tell(self, message: Queued, key: str, row: Row) -> None:
        """Give errors a message of their own, or gather them when there are too many."""
        most = CRITICAL_A_MINUTE if message.critical else OWN_A_MINUTE
        if self._sender.load(self._state) < most:
            self._add(message)
        else:
            self._state.storm.add(key, row, self._clock())
            self._changed()

    def _add(self, message: Queued) -> None:
        if len(self._state.queue) >= QUEUE_MOST:
            self._state.storm.add_others(message.errors, self._clock())
        else:
            self._state.queue.append(message)
            self._urgent = True
        self._changed()

    def _lost(self, errors: int) -> None:
        """Errors whose message will never be taken are told as a number."""
        if errors:
            self._state.storm.add_others(errors, self._clock())

    def _look_at_faults(self) -> None:
        """Tell of faults of hantu itself, once for each cooldown, and of the end of what was told."""
        standing = {each.title: each for each in self._faults()}
        now_ns = self._now_ns()
        new = [
            Trouble(SERVICE, each.title, each.message, now_ns)
            for title, each in standing.items()
            if title not in self._standing
        ]
        ended = [each for title, each in self._standing.items() if title not in standing]
        self._standing = standing
        if new:
            first, _ = gathered(new)
            for key, quiet in self._rule(new, anew=()).items():
                trouble = first[key]
                assert isinstance(trouble, Trouble)  # noqa: S101  it was made of them above
                self._told_standing.add(trouble.title)
                self._add(Queued(text_of(trouble, quiet), critical=True))
        for each in ended:
            if each.title in self._told_standing:
                self._told_standing.discard(each.title)
                text = message_text(
                    Head.SUCCESS, SERVICE, now_ns, place=SERVICE, error_type=each.title, message=each.over
                )
                self._add(Queued(text, critical=True))

    def _report(self) -> None:
        """Make the report of the day once it is due; after a stop that of the last day only."""
        if self._report_at == "off":
            return
        due_ns = last_due_ns(self._report_at, self._now_ns())
        if due_ns <= self._state.reported_ns:
            return
        try:
            disk = with_history(self._disk(), self._state.sizes)
            text = report_text(Day(self._store, due_ns - DAY_NS, due_ns, disk))
        except StoreError as error:
            log.error("the daily report could not be made: %s", error)
            text = ""
        else:
            self._state.sizes.append(SizeAt(due_ns, disk.size_bytes))
            del self._state.sizes[:-SIZES_MOST]
        self._state.reported_ns = due_ns
        self._changed()
        if text:
            self._add(Queued(text, 0))

    def _tell_gathered(self) -> None:
        """Make messages of what was gathered, once it is time and there is room."""
        now_s, now_ns = self._clock(), self._now_ns()
        state = self._state
        if self._sender.load(state) >= SENDS_A_MINUTE:
            return
        late = state.late
        if late and (now_s - late.last_s >= LATE_QUIET_S or now_s - late.since_s >= LATE_MOST_S):
            state.late = Gathering()
            self._add(Queued(late_text(late, now_ns), late.errors))
        storm = state.storm
        # While Telegram is down one message would not be better than the number that grows.
        if storm and self._sender.well and now_s - max(storm.since_s, self._gathered_s) >= GATHER_S:
            state.storm = Gathering()
            self._gathered_s = now_s
            self._add(Queued(storm_text(storm, now_ns), storm.errors))

    def _urgently(self) -> None:
        self._urgent = True
        self._changed()

    def _changed(self) -> None:
        if not self._unsaved:
            self._unsaved = True
            self._save_s = self._clock() + SAVE_EVERY_S

    def _save_or_say(self) -> None:
        try:
            self._save()
        except StoreError as error:
            # People are told all the same: what is broken may be this very store.
            self._urgent = False
            self._save_s = self._clock() + SAVE_EVERY_S
            log.warning("the state of alerts could not be stored: %s", error)

    def _save(self) -> None:
        packed = self._state.packed(self._cooldown.saved())
        self._pipeline.with_store(lambda store: store.write_batch([], {CHECKPOINT: packed}))
        self._unsaved = self._urgent = False


def _with_group(occurrence: Occurrence, arrived: Arrived | None) -> Occurrence:
    """The occurrence with what is needed to tell of its repeats later."""
    if arrived is None:
        return occurrence
    record = arrived.record
    more = {"group": str(arrived.group.group_no), "level": record.level, "error": record.id}
    return replace(occurrence, subject=occurrence.subject | more)
