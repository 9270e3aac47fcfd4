"""Levels and sources."""

from __future__ import annotations

import pytest

from hantu.model import SOURCES, LogEntry, LogLevel


@pytest.mark.promise("M1")
def test_levels_are_ordered_and_named() -> None:
    labels = [level.label for level in sorted(LogLevel)]
    assert labels == ["trace", "debug", "info", "warn", "error", "fatal"]


@pytest.mark.promise("M1")
@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("WARNING", LogLevel.WARN),
        ("CRITICAL", LogLevel.FATAL),
        ("SUCCESS", LogLevel.INFO),
        (" Error ", LogLevel.ERROR),
        ("panic", LogLevel.FATAL),
        ("verbose", LogLevel.TRACE),
    ],
)
def test_other_programs_names_are_understood(name: str, level: LogLevel) -> None:
    assert LogLevel.parse(name) is level


@pytest.mark.promise("M1")
def test_unknown_level_names_the_six() -> None:
    with pytest.raises(ValueError, match="use one of trace, debug, info, warn, error, fatal"):
        LogLevel.parse("loud")


@pytest.mark.promise("M2")
def test_three_sources_always_exist_and_others_may() -> None:
    assert SOURCES == ("docker", "journal", "app")
    assert LogEntry("gateway", "a", LogLevel.INFO, "pushed", 1).source == "gateway"
