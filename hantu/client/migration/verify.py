"""Does the log library do here what it promises? Each answer is what was read back from the real place."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from hantu.client.config import ClientConfig
from hantu.client.migration.checklist import Mark, Row, Stage
from hantu.client.migration.inbox import TEST_SERVICE, Inbox, InboxError, NotAllowed
from hantu.client.migration.journal import Journal, JournalError
from hantu.client.migration.probe import LOGGER
from hantu.client.migration.probing import Probe, ProbeError, probe_settings, run_probe, scratch_folder
from hantu.errors import JSON_KEYS

TAIL_BYTES: Final = 1 << 20
CLOCK_SLACK_S: Final = 2.0
"""A file system's times may lag a little behind the clock."""
_TIME: Final = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_LINE: Final = re.compile(
    rf"{_TIME} (?P<sign>✅ |⭕ |❌ |)\[(?P<level>[A-Z]+)\] (?P<logger>[^:]+): .*"
    r"\(trace_id=(?P<trace>[0-9A-Za-z_.-]+)\)"
)
_WANTED: Final = (
    ("", "DEBUG", "마이그레이션 점검: DEBUG"),
    ("", "INFO", "마이그레이션 점검: INFO"),
    ("✅ ", "INFO", "마이그레이션 점검: SUCCESS"),
    ("⭕ ", "WARNING", "마이그레이션 점검: WARNING"),
)
CHECKS: Final = {
    "info": "a line in logs/info, in the documented form",
    "error": "a test error in logs/errors, as JSON",
    "database": "the test error in error_logs",
    "inbox": "the test error out of the way",
    "telegram": "a CRITICAL to Telegram",
    "stderr": "errors on standard error",
    "journal": "errors in the journal at their priority",
    "trace": "one trace_id for each request",
}


def verify(
    config: ClientConfig, inbox: Inbox | None, journal: Journal, alerts: ClientConfig
) -> Iterator[Row]:
    """The rows of the stage, each as soon as it is known. alerts: settings with the bot to try."""
    began_s = time.time()
    try:
        probe = run_probe("lines", probe_settings(config))
    except ProbeError as error:
        fix = (
            f"see that the owner of {config.log_dir} may write it and may read {Path(__file__).parents[3]}"
        )
        yield _row("info", Mark.FAILED, str(error), fix)
        return
    yield _info(config, probe, began_s)
    record = _record(config, probe, began_s)
    yield _error(config, record)
    yield from _database(config, inbox, probe, record)
    yield _telegram(alerts)
    yield _stderr(probe)
    yield _journal(config, journal)
    yield _trace(config, probe, began_s)


def skipped() -> Iterator[Row]:
    """What verify() would look at."""
    for key in CHECKS:
        yield _row(key, Mark.NOTE, "not looked at in a dry run")


def _row(key: str, mark: Mark, says: str, fix: str = "") -> Row:
    return Row(Stage.VERIFY, f"verify.{key}", CHECKS[key], mark, says, fix)


def _info(config: ClientConfig, probe: Probe, began_s: float) -> Row:
    path, lines = _written(config.info_dir, "info_*.log", began_s)
    mine = [line for line in lines if f"(trace_id={probe.answer['trace_id']})" in line]
    for sign, level, text in _WANTED:
        if not any(
            (found := _LINE.fullmatch(line))
            and (found["sign"], found["level"], found["logger"]) == (sign, level, LOGGER)
            and text in line
            for line in mine
        ):
            return _row(
                "info",
                Mark.FAILED,
                f"no line {sign}[{level}] {LOGGER}: {text} in {path or config.info_dir}",
                f"see what the library says: {_reason(probe)}",
            )
    shown = [line for line in probe.stdout.splitlines() if "마이그레이션 점검" in line]
    if [text for _, _, text in _WANTED[1:] if not any(text in line for line in shown)] or any(
        "DEBUG" in line for line in shown
    ):
        return _row("info", Mark.FAILED, "standard output has not the lines from INFO on, and those only")
    return _row("info", Mark.DONE, f"{path}: {mine[1]}")


def _record(config: ClientConfig, probe: Probe, began_s: float) -> dict[str, Any] | None:
    """The test error as it stands in the error file."""
    for line in _written(config.errors_dir, "error_*.json", began_s)[1]:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("trace_id") == probe.answer["trace_id"]:
            return record
    return None


def _error(config: ClientConfig, record: dict[str, Any] | None) -> Row:
    if record is None:
        return _row(
            "error",
            Mark.FAILED,
            f"the test error is not in {config.errors_dir}",
            f"ls -la {config.errors_dir}; its owner must be the user of the service",
        )
    wanted = {
        "level": "ERROR",
        "service": TEST_SERVICE,
        "module": LOGGER,
        "error_type": "MigrationCheck",
    }
    wrong = sorted(key for key in JSON_KEYS if key not in record)
    wrong += sorted(key for key, value in wanted.items() if record.get(key) != value)
    if "Traceback" not in str(record.get("stack_trace")):
        wrong.append("stack_trace")
    if wrong:
        return _row("error", Mark.FAILED, f"wrong or missing keys: {', '.join(wrong)}", "update hantu here")
    return _row("error", Mark.DONE, f"{len(JSON_KEYS)} keys, {record['error_type']}, with its stack trace")


def _database(
    config: ClientConfig, inbox: Inbox | None, probe: Probe, record: dict[str, Any] | None
) -> Iterator[Row]:
    if inbox is None or not config.dsn:
        says = "skipped: HANTU_DSN is not set and no service runs here, errors stay in the local files"
        yield _row(
            "database", Mark.NOTE, says, "HANTU_DSN=http://TOKEN@127.0.0.1:8514, see docs/library.md"
        )
        return
    if record is None:
        yield _row("database", Mark.FAILED, "there is no test error to look for")
        return
    stored = int((probe.answer["status"].get("delivery") or {}).get("stored") or 0)
    try:
        group_no = inbox.find(record["id"])
    except NotAllowed as error:
        if not stored:
            yield _row("database", Mark.FAILED, f"not stored: {_reason(probe)}", error.fix)
            return
        yield _row("database", Mark.DONE, "the service has committed it (this token may not read it back)")
        yield _row("inbox", Mark.NOTE, f"resolve the group of {TEST_SERVICE} there", error.fix)
        return
    except InboxError as error:
        yield _row("database", Mark.FAILED, str(error), error.fix)
        return
    if group_no is None:
        yield _row("database", Mark.FAILED, f"not stored: {_reason(probe)}", "hantu doctor")
        return
    yield _row("database", Mark.DONE, f"found by its id, in group {group_no}")
    try:
        inbox.resolve(group_no)
    except InboxError as error:
        yield _row("inbox", Mark.NOTE, f"group {group_no} of {TEST_SERVICE} stays: {error}", error.fix)
        return
    yield _row("inbox", Mark.DONE, f"group {group_no} of {TEST_SERVICE} is marked resolved")


def _telegram(alerts: ClientConfig) -> Row:
    if not alerts.telegram_token or not alerts.telegram_chat_id:
        missing = "telegram_token" if not alerts.telegram_token else "telegram_chat_id"
        return _row(
            "telegram",
            Mark.NOTE,
            f"skipped: {missing} is not set",
            "set HANTU_TELEGRAM_TOKEN and HANTU_TELEGRAM_CHAT_ID, then: hantu migrate",
        )
    with scratch_folder(alerts) as folder:
        # A folder of its own has no cooldown: what was told a minute ago is told again.
        settings = probe_settings(
            alerts,
            log_dir=str(folder),
            dsn="",
            telegram_token=alerts.telegram_token,
            telegram_chat_id=alerts.telegram_chat_id,
            telegram_api=alerts.telegram_api,
        )
        try:
            probe = run_probe("critical", settings)
        except ProbeError as error:
            return _row("telegram", Mark.FAILED, str(error))
    told = (probe.answer["status"].get("delivery") or {}).get("alerts") or {}
    if told.get("sent") == 1:
        return _row(
            "telegram",
            Mark.DONE,
            f"taken for chat {alerts.telegram_chat_id}: 🚨 [{TEST_SERVICE}] 에러"
            f" (trace_id: {probe.answer['trace_id']})",
        )
    return _row("telegram", Mark.FAILED, _reason(probe), "hantu notify test")


def _stderr(probe: Probe) -> Row:
    found = [
        line
        for line in probe.stderr.splitlines()
        if (match := _LINE.fullmatch(line))
        and (match["sign"], match["level"], match["trace"]) == ("❌ ", "ERROR", probe.answer["trace_id"])
    ]
    if not found:
        last = probe.stderr.strip().rpartition("\n")[2]
        return _row("stderr", Mark.FAILED, f"the test error is not on it; the last line is: {last}")
    if "마이그레이션 점검: " in probe.stderr:
        return _row("stderr", Mark.FAILED, "it has lines below ERROR, too")
    return _row("stderr", Mark.DONE, found[0])


def _journal(config: ClientConfig, journal: Journal) -> Row:
    if not journal.is_there:
        return _row("journal", Mark.NOTE, "skipped: no journal runs on this machine")
    with scratch_folder(config) as folder:
        try:
            with journal.stream(TEST_SERVICE) as (stream, variable):
                probe = run_probe(
                    "critical",
                    probe_settings(config, log_dir=str(folder), dsn=""),
                    stderr=stream,
                    environ={"JOURNAL_STREAM": variable},
                )
            priority = journal.priority_of(TEST_SERVICE, probe.answer["trace_id"])
        except (ProbeError, JournalError) as error:
            return _row("journal", Mark.FAILED, str(error), getattr(error, "fix", ""))
    if priority != 2:
        return _row("journal", Mark.FAILED, f"a CRITICAL has priority {priority}, not 2")
    return _row(
        "journal", Mark.DONE, f"a CRITICAL is there with priority 2: journalctl -t {TEST_SERVICE} -p 2"
    )


def _trace(config: ClientConfig, probe: Probe, began_s: float) -> Row:
    ids = [request["trace_id"] for request in probe.answer["requests"]]
    lines = _written(config.info_dir, "info_*.log", began_s)[1]
    for trace_id, number in zip(ids, (1, 2), strict=True):
        mine = [line for line in lines if f"(trace_id={trace_id})" in line]
        if len(mine) != 2 or not all(f"요청 {number} " in line for line in mine):
            return _row("trace", Mark.FAILED, f"request {number} has not its two lines with {trace_id!r}")
    if len(set(ids)) != 2:
        return _row("trace", Mark.FAILED, "two requests have one trace_id")
    return _row("trace", Mark.DONE, f"two requests, two lines each: {ids[0]}, {ids[1]}")


def _written(folder: Path, pattern: str, began_s: float) -> tuple[Path | None, Sequence[str]]:
    """The newest file and the ends of those written since began_s: two around midnight."""
    newest = None
    lines: list[str] = []
    for path in sorted(folder.glob(pattern)):
        try:
            found = path.stat()
            if not path.is_file() or found.st_mtime < began_s - CLOCK_SLACK_S:
                continue
            with path.open("rb") as file:
                file.seek(max(0, found.st_size - TAIL_BYTES))
                lines += file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            # Then what was looked for is not found, and the row says where.
            continue
        newest = path
    return newest, lines


def _reason(probe: Probe) -> str:
    """Why the library says that something did not work."""
    found = probe.answer["status"]
    reasons = [fault["reason"] for fault in found.get("faults", {}).values() if fault["phase"] != "clear"]
    delivery = found.get("delivery") or {}
    reasons += [
        text
        for text in (delivery.get("last_refusal"), (delivery.get("alerts") or {}).get("stopped"))
        if text
    ]
    return "; ".join(dict.fromkeys(reasons)) or "nothing"
