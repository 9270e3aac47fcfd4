"""Which lines go on with the record before them: stack traces and indented text.

Only lines without a head of their own come here. What a group takes depends on its own lines alone,
never on where a chunk of the stream ended.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from hantu.formats import ansi
from hantu.model import MESSAGE_LIMIT_BYTES, LogEntry, LogLevel

LINES_MOST: Final = 1_000
BYTES_MOST: Final = MESSAGE_LIMIT_BYTES


class Trace(StrEnum):
    """Whose way of writing a stack trace."""

    PYTHON = "python"
    JAVA = "java"
    """Also Kotlin, Scala, .NET, PHP and Ruby, whose frames are indented or numbered."""
    NODE = "node"
    GO = "go"
    RUST = "rust"


class Stage(StrEnum):
    """How far a trace has come."""

    HEAD = "head"
    """The error is named, its frames are still to come."""
    CODE = "code"
    """Node shows the line of code that threw."""
    FRAMES = "frames"
    BRANCHES = "branches"
    """A Python exception group: every line of it is indented."""
    FINAL = "final"
    """Python named the exception; more may follow only as a chain."""
    CHAIN = "chain"
    """Python said that another traceback follows."""


_FIRST: Final = frozenset(" TCUPpgf[t/n")
"""A trace that names no error begins with one of these."""
_START: Final = re.compile(
    r"""
    (?P<python>Traceback\ \(most\ recent\ call\ last\):|\s*\+\ Exception\ Group\ Traceback[ ]
      |[ ]{2}File\ "[^"]*",\ line\ \d+)
    |(?P<java>Exception\ in\ thread\ ".*?"\ |Caused\ by:\ |Unhandled\ exception\.\ |PHP\ Fatal\ error:
      |(?=[\w$.]*?(?:Exception|Error|Throwable)\b)(?:[A-Za-z_$][\w$]*\.)+[\w$]+(?=[:\s]|$))
    |(?P<node>(?:file://)?/\S+\.[cm]?[jt]sx?:\d+$|node:\S+:\d+$
      |(?:Uncaught\ )?[A-Z]?\w*(?:Error|Exception)(?:\ \[\w+\])?(?=:\ |:?$))
    |(?P<go>panic:\ |goroutine\ \d+\ .*\[|fatal\ error:\ |\[signal\ )
    |(?P<rust>thread\ '[^']*'\ (?:\(\d+\)\ )?panicked\ at\ )
    """,
    re.VERBOSE,
)
_FRAME: Final = re.compile(r"\s+(?:at |\.\.\. \d+ (?:more|common)|from \S+:\d+)")
_ERROR_NAME: Final = re.compile(
    r"(?:Exception in thread \".*?\" |Caused by: |Uncaught |Unhandled exception\. "
    r"|PHP Fatal error:\s+(?:Uncaught )?)?"
    r"((?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*)(?=[:\s]|$)"
)

_PYTHON_CHAIN: Final = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_PYTHON_DETAIL: Final = re.compile(r"\[SQL: |\[parameters: |\(Background on this error at: ")
_MORE: Final = {
    Trace.JAVA: re.compile(
        r"Caused by: |Suppressed: |Wrapped by: |\.\.\. \d+ (?:more|common)|--- End of |Stack trace:|#\d+ "
        r"|\[stacktrace\]|\[previous exception\]|\"\}\s*$"
    ),
    Trace.NODE: re.compile(r"[}\])]+,?$|Node\.js v\d|\s*at "),
    Trace.GO: re.compile(
        r"goroutine \d+ |created by |\[signal |\[recovered\]|exit status \d|panic: |runtime stack:"
        r"|fatal error: |\.\.\.additional frames |r[0-9a-z]{1,6} +0x|[cefg]s +0x"
        r"|[\w./*()\[\]{}\-·~%,$]+\(.*\)$"
    ),
    Trace.RUST: re.compile(r"note: |stack backtrace:|Backtrace:|\d+: "),
}


def starts(text: str) -> re.Match[str] | None:
    """The match of a trace's first line (lastgroup: its Trace), or None."""
    # A line of plain text must not pay for what it is not: these four tests cost less than the pattern.
    if "rror" in text or "xception" in text or "hrowable" in text or text[:1] in _FIRST:
        return _START.match(text)
    return None


def is_frame(text: str) -> bool:
    """Whether an indented line is a frame of a trace whose beginning was not seen."""
    return _FRAME.match(text) is not None


class Group:
    """One record that is still open: its first line's entry and the lines that went on with it.

    headed: its first line had a head of its own. fed: lines taken so far, blank ones at the end
    included."""

    def __init__(self, entry: LogEntry, *, headed: bool) -> None:
        self.entry = entry
        self.headed = headed
        self.fed = 1
        self.trace: Trace | None = None
        self._stage = Stage.HEAD
        self._error_type = ""
        self._more: list[str] = []
        self._blanks = 0
        self._bytes = _size(entry.message)

    def begin(self, text: str) -> None:
        """Note the trace that the group's first line begins, if it does."""
        match = starts(text)
        if match is not None:
            self._enter(Trace(match.lastgroup or ""), text)
        elif is_frame(text):
            self.trace, self._stage = Trace.JAVA, Stage.FRAMES

    def renew(self, entry: LogEntry) -> Group:
        """The group that goes on with this one's trace in an entry of its own."""
        group = Group(entry, headed=self.headed)
        group.trace, group._stage = self.trace, self._stage
        return group

    def resumes(self, text: str, *, plain: str) -> bool:
        """Whether the line goes on with this record, which was let go after a silence. A trace that
        only begins now is no part of it."""
        return not (self.trace is None and starts(plain) is not None) and self.takes(text, plain=plain)

    @property
    def full(self) -> bool:
        """Whether the next line would exceed what one entry may hold."""
        return len(self._more) + self._blanks + 1 >= LINES_MOST or self._bytes >= BYTES_MOST

    def blank(self) -> None:
        """A blank line: part of the group only if the group goes on after it."""
        self._blanks += 1
        self.fed += 1

    def takes(self, text: str, *, plain: str) -> bool:
        """Whether the line goes on with this record. plain: the line without escape sequences."""
        if not self._continues(plain):
            return False
        self._bytes += self._blanks + 1 + _size(text)
        return True

    def add(self, text: str) -> None:
        """Add a line that takes() accepted."""
        self._more.extend([""] * self._blanks)
        self._blanks = 0
        self._more.append(text)
        self.fed += 1

    def close(self) -> LogEntry:
        """The whole record as one entry."""
        entry = self.entry
        if not self._more and not self._error_type:
            return entry
        metadata = entry.metadata
        if self._error_type and "error_type" not in (metadata or {}):
            metadata = {**(metadata or {}), "error_type": self._error_type}
        return msgspec.structs.replace(
            entry, message="\n".join([entry.message, *self._more]), metadata=metadata
        )

    def _enter(self, trace: Trace, text: str) -> None:
        self.trace = trace
        self._stage = Stage.FRAMES
        if trace is Trace.PYTHON:
            self._stage = Stage.BRANCHES if "+ Exception Group" in text else Stage.FRAMES
        elif trace is Trace.NODE and not _is_error_line(text):
            self._stage = Stage.CODE
        elif trace in (Trace.JAVA, Trace.NODE):
            self._stage = Stage.HEAD
            self._name_error(text)
        elif trace is Trace.RUST and text.endswith(":"):
            self._stage = Stage.HEAD

    def _name_error(self, text: str) -> None:
        if not self._error_type and (match := _ERROR_NAME.match(text)):
            self._error_type = match[1]

    def _continues(self, text: str) -> bool:
        if text[0] in " \t":
            return self._continues_indented(text)
        if self.trace is None or self._stage is Stage.CHAIN:
            match = starts(text)
            if match is None or (self.trace is not None and match.lastgroup != self.trace):
                return False
            if self.trace is None and not self._owns(Trace(match.lastgroup or "")):
                return False
            self._enter(Trace(match.lastgroup or ""), text)
            return True
        return _UNINDENTED[self.trace](self, text)

    def _owns(self, trace: Trace) -> bool:
        """Whether a trace that begins now can be this line's own: programs log a caught exception with
        warnings and errors. After any other line it is a crash, and so is Go's panic after a warning."""
        level = self.entry.level
        return level >= LogLevel.ERROR or (level is LogLevel.WARN and trace is not Trace.GO)

    def _continues_indented(self, text: str) -> bool:
        if self._blanks and not self.headed and self._stage is Stage.FINAL:
            return False
        if self.trace is None:
            self.begin(text)
        elif self._stage is Stage.HEAD:
            self._stage = Stage.FRAMES
        elif self._stage is Stage.CHAIN and "+ Exception Group Traceback" in text:
            self._stage = Stage.BRANCHES
        return True

    def _python(self, text: str) -> bool:
        if text in _PYTHON_CHAIN:
            self._stage = Stage.CHAIN
            return True
        if self._stage is Stage.FRAMES and not self._blanks:
            self._stage = Stage.FINAL
            self._error_type = ""
            self._name_error(text)
            return True
        if self._blanks or self._stage is not Stage.FINAL:
            return False
        # An exception's own text may have several lines. Where every record has a head, a line
        # without one belongs to it; elsewhere only what is known for sure.
        return self.headed or _PYTHON_DETAIL.match(text) is not None

    def _java(self, text: str) -> bool:
        if self._blanks:
            return False
        if _MORE[Trace.JAVA].match(text):
            self._stage = Stage.HEAD if text.startswith("Caused by: ") else Stage.FRAMES
            return True
        return self.headed and self._stage is Stage.HEAD

    def _node(self, text: str) -> bool:
        if self._stage is Stage.CODE:
            # The line that threw, carets, a blank line; then the error itself.
            if self._blanks:
                self._stage = Stage.HEAD
                self._name_error(text)
            return True
        if _MORE[Trace.NODE].match(text):
            self._stage = Stage.FRAMES
            return True
        return self.headed and self._stage is Stage.HEAD and not self._blanks

    def _go(self, text: str) -> bool:
        return _MORE[Trace.GO].match(text) is not None

    def _rust(self, text: str) -> bool:
        if self._blanks:
            return False
        if self._stage is Stage.HEAD:
            self._stage = Stage.FRAMES
            return True
        return _MORE[Trace.RUST].match(text) is not None


def _size(text: str) -> int:
    """The most bytes that `text` may have in UTF-8."""
    return len(text) * (1 if text.isascii() else 4)


def _is_error_line(text: str) -> bool:
    return not text.startswith(("/", "file:", "node:"))


_UNINDENTED: Final = {
    Trace.PYTHON: Group._python,
    Trace.JAVA: Group._java,
    Trace.NODE: Group._node,
    Trace.GO: Group._go,
    Trace.RUST: Group._rust,
}


def plain_of(text: str) -> str:
    """`text` without escape sequences."""
    return ansi.strip(text) if ansi.ESCAPE in text else text
