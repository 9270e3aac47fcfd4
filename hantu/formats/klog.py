"""Heads of one letter for the level: klog and glog, Android's logcat, Redis."""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import Format, Parsed
from hantu.formats.timestamp import MONTH, Clock
from hantu.model import LogLevel, Metadata

KLOG: Final = Format("klog", "W1120 14:02:31.789012      12 reflector.go:541] watch closed")
LOGCAT: Final = Format("logcat", "11-20 14:02:31.123  1234  5678 E ActivityManager: ANR in com.shop")
REDIS: Final = Format(
    "redis", "12:M 20 Nov 2026 14:02:31.123 * Ready to accept connections tcp", closed=True
)
FORMATS: Final = (KLOG, LOGCAT, REDIS)

_KLOG: Final = re.compile(
    r"([IWEF])(\d{4} \d\d:\d\d:\d\d)\.(\d{6})\s+(\d{1,9}) ([^\s:\]]+:\d+)\] ?(.*)", re.DOTALL
)
_LOGCAT: Final = re.compile(
    r"(\d\d)-(\d\d) (\d\d:\d\d:\d\d)\.(\d{3})\s+(\d{1,9})\s+(\d{1,9}) ([VDIWEFA]) ([^:]{0,80}?)\s*+: (.*)",
    re.DOTALL,
)
_LOGCAT_BRIEF: Final = re.compile(r"([VDIWEF])/([^(:]{1,64}?)\s*(?:\(\s*(\d{1,9})\))?: (.*)", re.DOTALL)
_REDIS: Final = re.compile(
    rf"(\d{{1,9}}):([XCSM]) (\d\d (?:{MONTH}) \d{{4}} \d\d:\d\d:\d\d\.\d{{3}}) ([.*#-]) (.*)", re.DOTALL
)
_REDIS_LEVELS: Final = {
    ".": LogLevel.DEBUG,
    "-": LogLevel.DEBUG,
    "*": LogLevel.INFO,
    "#": LogLevel.WARN,
}
_REDIS_ROLES: Final = {"X": "sentinel", "C": "child", "S": "replica", "M": "master"}


def klog(text: str, clock: Clock) -> Parsed | None:
    """A line of Kubernetes' klog or C++'s glog. Source: klog, "Log lines have this form"."""
    found = _KLOG.match(text)
    if found is None:
        return None
    letter, time_text, fraction, pid, caller, message = found.groups()
    time = clock.yearless(time_text, fraction)
    if time is None:
        return None
    metadata: Metadata = {"pid": int(pid), "caller": caller}
    return Parsed(KLOG, levels.LETTERS[letter], message or text, metadata, time, time_text)


def logcat(text: str, clock: Clock) -> Parsed | None:
    """A line of Android's logcat in its threadtime format."""
    found = _LOGCAT.match(text)
    if found is None:
        return None
    month, day, second, fraction, pid, tid, letter, tag, message = found.groups()
    time = clock.yearless(f"{month}{day} {second}", fraction)
    if time is None:
        return None
    metadata: Metadata = {"pid": int(pid), "tid": int(tid), "logger": tag}
    level = levels.LETTERS.get(letter, LogLevel.FATAL)
    return Parsed(LOGCAT, level, message or text, metadata, time, text[:18])


def logcat_brief(text: str) -> Parsed | None:
    """A line of Android's logcat in its brief format: `E/Tag( 123): message`."""
    found = _LOGCAT_BRIEF.match(text)
    if found is None:
        return None
    letter, tag, pid, message = found.groups()
    metadata: Metadata = {"logger": tag}
    if pid:
        metadata["pid"] = int(pid)
    return Parsed(LOGCAT, levels.LETTERS[letter], message or text, metadata)


def redis(text: str, clock: Clock) -> Parsed | None:
    """A line of Redis or Valkey: pid, role, time and a sign for the level."""
    found = _REDIS.match(text)
    if found is None:
        return None
    pid, role, time_text, sign, message = found.groups()
    time = clock.read(time_text)
    if time is None:
        return None
    metadata: Metadata = {"pid": int(pid), "role": _REDIS_ROLES[role]}
    return Parsed(REDIS, _REDIS_LEVELS[sign], message or text, metadata, time, time_text)
