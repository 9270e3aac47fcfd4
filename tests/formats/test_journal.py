"""Entries of the journal as journalctl writes them, and the lines that belong together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.formats.journal import (
    FIELDS_MOST,
    VALUE_MOST,
    JournalDecoder,
    JournalError,
    JournalRecord,
    number_of,
    overlong_record,
    text_of,
)
from hantu.formats.journal_lines import HELD_MOST, IDLE_NS, JournalLines
from hantu.model import LogEntry, LogLevel

SERIES = "0123456789abcdef0123456789abcdef"
START_NS = 1_795_228_485_422_087_000


def line(number: int = 1, at_ns: int = START_NS, series: str = SERIES, **fields: Any) -> bytes:
    base = {
        "__CURSOR": f"s={series};i={number:x};b=28d05984649f4a6c9da251eb497791ab;m=1;t=1;x=1",
        "__REALTIME_TIMESTAMP": str(at_ns // 1_000),
        "_BOOT_ID": "28d05984649f4a6c9da251eb497791ab",
        "_MACHINE_ID": "3d1219c7c4c5404aaa1f6d2a48adfda4",
        "_HOSTNAME": "vm",
    }
    return json.dumps(base | fields, separators=(",", ":")).encode()


def decode(**fields: Any) -> JournalRecord:
    return JournalDecoder().decode(line(**fields))


def entry_of(**fields: Any) -> LogEntry:
    return decode(**fields).entry


def metadata_of(**fields: Any) -> dict[str, Any]:
    return entry_of(**fields).metadata or {}


@pytest.mark.promise("M28")
@pytest.mark.parametrize(
    ("fields", "source_id"),
    [
        ({"_SYSTEMD_UNIT": "nginx.service", "SYSLOG_IDENTIFIER": "nginx"}, "nginx.service"),
        ({"SYSLOG_IDENTIFIER": "kernel", "_TRANSPORT": "kernel"}, "kernel"),
        ({"_COMM": "sh"}, "system"),
        ({"SYSLOG_IDENTIFIER": ""}, "system"),
        ({"SYSLOG_IDENTIFIER": ["a", "b"]}, "a"),
    ],
)
def test_the_source_is_the_unit_else_the_identifier_else_system(
    fields: dict[str, Any], source_id: str
) -> None:
    assert entry_of(MESSAGE="x", **fields).source_id == source_id


@pytest.mark.promise("M28")
def test_the_time_has_the_microseconds_of_the_journal() -> None:
    entry = entry_of(MESSAGE="x")
    assert entry.time_ns == START_NS
    assert entry.source == "journal"


@pytest.mark.promise("M28")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ready", "ready"),
        ([99, 97, 102, 195, 169], "café"),
        ([99, 97, 102, 233], "caf\ufffd"),
        ([27, 91, 51, 49, 109, 120], "\x1b[31mx"),
        ([0, 255], "\x00\ufffd"),
        (["one", "two"], "one\ntwo"),
        (["one", [255]], "one\n\ufffd"),
        (None, ""),
        ([], ""),
        ([1, 300], "[1, 300]"),
        ("주문 체결", "주문 체결"),
        ("x\ud800", "x\ufffd"),
    ],
)
def test_the_message_is_text_whatever_its_bytes(value: Any, message: str) -> None:
    assert text_of(value)[0] == message


@pytest.mark.promise("M29")
@pytest.mark.parametrize(
    ("priority", "level"),
    [
        ("0", LogLevel.FATAL),
        ("1", LogLevel.FATAL),
        ("2", LogLevel.FATAL),
        ("3", LogLevel.ERROR),
        ("4", LogLevel.WARN),
        ("5", LogLevel.INFO),
        ("6", LogLevel.INFO),
        ("7", LogLevel.DEBUG),
        (["3", "6"], LogLevel.ERROR),
        ("high", LogLevel.INFO),
        (None, LogLevel.INFO),
    ],
)
def test_the_priority_is_the_level(priority: Any, level: LogLevel) -> None:
    assert entry_of(MESSAGE="x", PRIORITY=priority).level is level


@pytest.mark.promise("M29")
@pytest.mark.parametrize(
    ("fields", "message", "level"),
    [
        # A program that chose a priority is believed.
        ({"_TRANSPORT": "journal", "PRIORITY": "6"}, "ERROR: disk", LogLevel.INFO),
        ({"_TRANSPORT": "syslog", "PRIORITY": "5"}, "ERROR: disk", LogLevel.INFO),
        ({"_TRANSPORT": "stdout", "PRIORITY": "4"}, "ERROR: disk", LogLevel.WARN),
        ({"_TRANSPORT": "journal", "PRIORITY": "3"}, '{"level":"info","msg":"x"}', LogLevel.ERROR),
        # 6 on a service's output is what nobody chose.
        ({"_TRANSPORT": "stdout", "PRIORITY": "6"}, "ERROR: disk", LogLevel.ERROR),
        (
            {"_TRANSPORT": "stdout", "PRIORITY": "6"},
            "2026-02-01 12:34:56 [WARNING] a.b: slow",
            LogLevel.WARN,
        ),
        ({"_TRANSPORT": "stdout", "PRIORITY": "6"}, '{"level":50,"msg":"x"}', LogLevel.ERROR),
        ({"_TRANSPORT": "stdout", "PRIORITY": "6"}, "all is well", LogLevel.INFO),
        # Docker's journald driver: 3 is all of standard error, 6 all of standard output.
        ({"CONTAINER_NAME": "api", "CONTAINER_ID": "0" * 12, "PRIORITY": "3"}, "INFO: up", LogLevel.INFO),
        ({"CONTAINER_NAME": "api", "CONTAINER_ID": "0" * 12, "PRIORITY": "3"}, "no word", LogLevel.ERROR),
    ],
)
def test_the_text_decides_only_where_nobody_chose_a_priority(
    fields: dict[str, Any], message: str, level: LogLevel
) -> None:
    assert entry_of(MESSAGE=message, **fields).level is level


@pytest.mark.promise("M28")
def test_metadata_is_small_and_has_the_well_known_names() -> None:
    metadata = metadata_of(
        MESSAGE="x",
        PRIORITY="6",
        SYSLOG_IDENTIFIER="api",
        SYSLOG_FACILITY="3",
        _PID="42",
        _UID="0",
        _CMDLINE="api --token=abc",
        _TRANSPORT="journal",
        _SYSTEMD_UNIT="api.service",
        CODE_FILE="main.c",
        CODE_LINE="7",
        CODE_FUNC="main",
        ERRNO="2",
        MESSAGE_ID="f77379a8490b408bbe5f6940505a777b",
        INVOCATION_ID="x",
    )
    assert metadata == {
        "host": "vm",
        "priority": 6,
        "identifier": "api",
        "pid": 42,
        "transport": "journal",
        "code_file": "main.c",
        "code_line": 7,
        "code_func": "main",
        "errno": 2,
        "message_id": "f77379a8490b408bbe5f6940505a777b",
    }


@pytest.mark.promise("M28")
def test_a_programs_own_fields_are_kept_in_bounds() -> None:
    own = {f"FIELD_{number:02}": "v" for number in range(FIELDS_MOST + 5)}
    metadata = metadata_of(MESSAGE="x", **own)
    assert metadata["field_00"] == "v"
    assert len([key for key in metadata if key.startswith("field_")]) == FIELDS_MOST
    metadata = metadata_of(
        MESSAGE="x",
        TRACE_ID="abc12345",
        TAG=["a", [98]],
        BIG="y" * 5_000,
        BYTES=[255],
        GAP="mine",
        HOST="theirs",
    )
    assert metadata["trace_id"] == "abc12345"
    assert metadata["tag"] == ["a", "b"]
    assert metadata["big"] == "y" * VALUE_MOST
    assert metadata["bytes"] == "\ufffd"
    assert metadata["line_gap"] == "mine"
    assert (metadata["host"], metadata["line_host"]) == ("vm", "theirs")


def test_an_entry_without_a_message_shows_its_fields() -> None:
    assert entry_of(STEP="third", ORDER="7").message == "ORDER=7 STEP=third"
    assert entry_of(MESSAGE=None, STEP="third").message == ""


@pytest.mark.promise("M28")
def test_a_json_message_becomes_text_and_fields() -> None:
    message = '{"level":"error","msg":"no such order","order":7,"pid":9,"trace_id":"abc12345"}'
    entry = entry_of(MESSAGE=message, _TRANSPORT="stdout", PRIORITY="6", _PID="42")
    assert (entry.message, entry.level) == ("no such order", LogLevel.ERROR)
    metadata = entry.metadata or {}
    assert (metadata["order"], metadata["trace_id"]) == (7, "abc12345")
    assert (metadata["pid"], metadata["line_pid"]) == (42, 9)
    assert entry_of(MESSAGE="{not json", _TRANSPORT="stdout").message == "{not json"


def test_a_containers_entry_has_its_name_and_stream() -> None:
    record = decode(
        MESSAGE="up",
        PRIORITY="3",
        _SYSTEMD_UNIT="docker.service",
        _TRANSPORT="journal",
        CONTAINER_NAME="api",
        CONTAINER_ID="0123456789ab",
        CONTAINER_ID_FULL="0123456789abcdef",
        IMAGE_NAME="api:1",
    )
    metadata = record.entry.metadata or {}
    assert record.entry.source_id == "docker.service"
    assert metadata["container_name"] == "api"
    assert (metadata["container_id"], metadata["image"], metadata["stream"]) == (
        "0123456789ab",
        "api:1",
        "stderr",
    )


def test_a_unit_is_found_by_all_its_names() -> None:
    record = decode(MESSAGE="Started.", _SYSTEMD_UNIT="init.scope", UNIT="api.service")
    assert record.units == ("init.scope", "api.service")
    assert (record.entry.metadata or {})["unit"] == "api.service"


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense", b"[]", b"{}", b'{"__CURSOR":"x"}', b'{"__CURSOR":"x","__REALTIME_TIMESTAMP":"x"}'],
)
def test_what_is_no_entry_is_refused(raw: bytes) -> None:
    with pytest.raises(JournalError):
        JournalDecoder().decode(raw)


VALUES = st.recursive(
    st.one_of(st.none(), st.text(max_size=30), st.integers(-5, 300), st.booleans()),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *("MESSAGE", "PRIORITY", "_PID", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_TRANSPORT", "UNIT"),
        *("CONTAINER_ID", "CONTAINER_NAME", "TAG", "CODE_LINE", "_STREAM_ID", "_COMM"),
    ]
)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_values_make_an_entry(fields: dict[str, Any]) -> None:
    entry = entry_of(**fields)
    entry.message.encode()
    json.dumps(entry.metadata).encode()
    assert entry.source_id


def test_an_overlong_line_gives_what_its_ends_hold() -> None:
    raw = line(7, MESSAGE='say "hi"', SYSLOG_IDENTIFIER="big")
    record = overlong_record(raw, b"", 99_000_000)
    assert (record.entry.message, record.entry.source_id) == ('say "hi"', "big")
    assert number_of(record.cursor) == (SERIES, 7)
    assert overlong_record(raw.partition(b"hi")[0], raw[:120], 5).entry.message.startswith("say")
    with pytest.raises(JournalError):
        overlong_record(b'{"MESSAGE":"x', b"", 5)


def test_a_foreign_cursor_has_no_number() -> None:
    assert number_of("nonsense") == ("", 0)
    assert number_of(f"s={SERIES};i=zz;b=1") == ("", 0)
    assert number_of(f"s={SERIES};i=1f;b=1") == (SERIES, 31)


# Joining lines.

TRACE = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 3, in <module>',
    "    run()",
    "ValueError: no such order",
)
JAVA = (
    "java.lang.IllegalStateException: closed",
    "\tat com.shop.Order.close(Order.java:17)",
    "Caused by: java.io.IOException: gone",
    "\t... 3 more",
)
GO = ("panic: boom", "goroutine 1 [running]:", "main.main()", "\t/app/main.go:5 +0x1d")
MS = 1_000_000


class Feeder:
    """Feeds lines of services' output; each a millisecond after the one before."""

    def __init__(self) -> None:
        self.lines = JournalLines()
        self.decoder = JournalDecoder()
        self.number = 0
        self.at_ns = START_NS

    def say(self, unit: str, message: str, *, after_ms: int = 1, kept: bool = True, **fields: Any) -> None:
        self.number += 1
        self.at_ns += after_ms * MS
        said = {
            "_TRANSPORT": "stdout",
            "PRIORITY": "6",
            "_PID": "1",
            "_STREAM_ID": unit,
            "_SYSTEMD_UNIT": unit,
        }
        record = self.decoder.decode(
            line(self.number, self.at_ns, **{**said, "MESSAGE": message, **fields})
        )
        self.lines.feed(record, kept=kept)

    def messages(self) -> list[str]:
        return [entry.message for entry in self.lines.take()]


@pytest.mark.promise("M33")
@pytest.mark.parametrize("trace", [TRACE, JAVA, GO])
def test_the_lines_of_a_trace_are_one_entry_at_the_time_of_the_first(trace: tuple[str, ...]) -> None:
    feeder = Feeder()
    feeder.say("web", "before")
    begun = feeder.at_ns + MS
    for text in trace:
        feeder.say("api", text)
        feeder.say("web", "between")
    assert feeder.lines.take() == []
    feeder.say("api", "2026-02-01 12:34:56 INFO next")
    entries = feeder.lines.take()
    assert [entry.message for entry in entries] == [
        "before",
        "\n".join(trace),
        *["between"] * len(trace),
        "2026-02-01 12:34:56 INFO next",
    ]
    assert entries[1].time_ns == begun
    assert entries[1].level >= LogLevel.ERROR
    assert number_of(feeder.lines.cursor)[1] == feeder.number


def test_traces_of_two_services_at_once_are_kept_apart() -> None:
    feeder = Feeder()
    for one, other in zip(TRACE, JAVA, strict=True):
        feeder.say("api", one)
        feeder.say("shop", other)
    feeder.lines.close()
    assert feeder.messages() == ["\n".join(TRACE), "\n".join(JAVA)]


def test_a_trace_ends_after_a_pause() -> None:
    feeder = Feeder()
    for text in TRACE[:3]:
        feeder.say("api", text)
    feeder.say("web", "later", after_ms=IDLE_NS // MS + 1)
    assert feeder.messages() == ["\n".join(TRACE[:3]), "later"]


def test_a_priority_that_was_chosen_stays_with_the_trace() -> None:
    feeder = Feeder()
    for text in TRACE:
        feeder.say("api", text, PRIORITY="2")
    feeder.lines.close()
    assert [entry.level for entry in feeder.lines.take()] == [LogLevel.FATAL]


def test_entries_of_other_transports_are_never_joined() -> None:
    feeder = Feeder()
    for text in TRACE:
        feeder.say("api", text, _TRANSPORT="journal", PRIORITY="3")
    assert feeder.messages() == list(TRACE)


def test_a_trace_that_never_ends_is_cut_at_a_thousand_lines() -> None:
    feeder = Feeder()
    feeder.say("api", JAVA[0])
    for number in range(2_500):
        feeder.say("api", f"\tat a.B.c(D.java:{number})", after_ms=0)
    feeder.lines.close()
    entries = feeder.lines.take()
    assert sum(entry.message.count("\n") + 1 for entry in entries) == 2_501
    assert all(entry.message.count("\n") < 1_000 for entry in entries)
    assert [(entry.metadata or {}).get("continued") for entry in entries] == [None, True, True]


def test_what_is_held_behind_an_open_trace_is_bounded() -> None:
    feeder = Feeder()
    feeder.say("api", TRACE[0])
    for number in range(HELD_MOST):
        feeder.say("web", f"line {number}", after_ms=0)
    assert len(feeder.lines.take()) > HELD_MOST


def test_the_place_moves_over_what_is_not_wanted() -> None:
    feeder = Feeder()
    feeder.say("api", "a", kept=False)
    feeder.say("api", TRACE[0], kept=False)
    assert feeder.messages() == []
    assert not feeder.lines.waiting
    assert number_of(feeder.lines.cursor)[1] == 2


# What is missing.


def gaps_of(entries: list[LogEntry]) -> list[int | None]:
    return [
        entry.metadata["gap"]["lines"] for entry in entries if entry.metadata and "gap" in entry.metadata
    ]


def test_numbers_passed_over_are_a_counted_gap_in_their_place() -> None:
    feeder = Feeder()
    feeder.say("web", "a")
    feeder.number += 7
    feeder.say("web", "b")
    assert feeder.lines.take() == []
    feeder.say("web", "c", after_ms=IDLE_NS // MS)
    entries = feeder.lines.take()
    assert [entry.message for entry in entries][::2] == ["a", "b"]
    gap = (entries[1].metadata or {})["gap"]
    assert gap["lines"] == 7
    assert (gap["from_ns"], gap["to_ns"]) == (entries[0].time_ns, entries[2].time_ns)
    assert entries[1].level is LogLevel.WARN
    assert feeder.lines.gaps == 1


def test_numbers_that_come_a_little_late_are_no_gap() -> None:
    feeder = Feeder()
    for number in (1, 4, 2, 3, 5):
        feeder.number = number - 1
        feeder.say("web", str(number))
    feeder.lines.close()
    assert feeder.messages() == ["1", "4", "2", "3", "5"]
    assert feeder.lines.gaps == 0


def test_a_new_series_of_numbers_is_no_gap() -> None:
    lines = JournalLines()
    decoder = JournalDecoder()
    lines.feed(decoder.decode(line(5, MESSAGE="a")), kept=True)
    lines.feed(decoder.decode(line(90, series="f" * 32, MESSAGE="b")), kept=True)
    lines.feed(decoder.decode(line(6, MESSAGE="c")), kept=True)
    assert gaps_of(lines.take()) == []


def test_a_reader_that_sees_only_some_entries_counts_none_as_lost() -> None:
    lines = JournalLines(numbered=False)
    decoder = JournalDecoder()
    for number in (1, 9, 40):
        lines.feed(decoder.decode(line(number, MESSAGE="a")), kept=True)
    assert gaps_of(lines.take()) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from([*TRACE, *JAVA, "plain", "", "ERROR: x"])),
        max_size=40,
    )
)
def test_no_line_is_lost_or_doubled_by_joining(said: list[tuple[str, str]]) -> None:
    feeder = Feeder()
    for unit, message in said:
        feeder.say(unit, message)
    feeder.lines.close()
    entries = feeder.lines.take()
    for unit in "ab":
        told = [text for entry in entries if entry.source_id == unit for text in entry.message.split("\n")]
        assert [text for text in told if text] == [
            message for name, message in said if name == unit and message
        ]
