"""A stack trace as frames: the application's apart from those of libraries.

Reads the traces of Python, Java and its kin, Node and Go as they are printed. Nothing is dropped: a
line that is no frame stays a line of text, in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_HEADING: Final = "Traceback (most recent call last):\n"
_PYTHON: Final = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_JAVA: Final = re.compile(
    r"\s+at (?:[\w.@-]*/)?(?P<name>[\w$.<>]+)\((?P<file>[^()]*?)(?::(?P<line>\d+))?\)(?: .*)?$"
)
_NODE: Final = re.compile(
    r"\s+at (?:async )?(?:(?P<name>[^()]+?) \()?(?P<file>(?:file://|node:|/|\w:\\|[\w.-]+/)[^()]*?):(?P<line>\d+):\d+\)?$"
)
_GO_CALL: Final = re.compile(r"(?P<name>[\w./*()·-]+\.[\w.*()·-]+)\(.*\)$|created by (?P<made>\S+)")
_GO_AT: Final = re.compile(r"\t(?P<file>/?\S+\.(?:go|s)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")

_LIBRARY: Final = re.compile(
    r"site-packages|dist-packages|/lib/python3|/python3\.\d+/|<frozen |node_modules|^node:|^internal/"
    r"|/usr/local/go/src|/usr/lib/go|/pkg/mod/|/vendor/|_GOROOT"
)
_JAVA_LIBRARY: Final = (
    *("java.", "javax.", "jdk.", "sun.", "com.sun.", "kotlin.", "scala.", "akka.", "reactor."),
    *("org.springframework.", "org.apache.", "org.hibernate.", "org.eclipse."),
    *("io.netty.", "io.undertow.", "com.zaxxer."),
)
_PACKAGE: Final = re.compile(r"(?:site-packages|dist-packages|node_modules)/((?:@[\w.-]+/)?[\w.-]+)")
PACKAGES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One call. place: file:line. name: the function, "" when not said. package: for a library's
    frame the name people know it by. code: the lines printed beneath it, as they are."""

    place: str
    name: str
    library: bool
    package: str = ""
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a trace: text lines, one frame of the application, or a run of library frames."""

    kind: str
    lines: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = field(default=())

    @property
    def packages(self) -> str:
        """The libraries of the run, the first few."""
        names = list(dict.fromkeys(frame.package for frame in self.frames if frame.package))
        more = ", …" if len(names) > PACKAGES_SHOWN else ""
        return ", ".join(names[:PACKAGES_SHOWN]) + more


def parse(text: str, *, known: bool = False) -> tuple[Part, ...]:
    """The parts of a text with a stack trace in order; () when it holds none. One frame may be an accident:
    it takes two, or Python's heading. known: the text is said to be a trace."""
    if "\n" not in text:
        return ()
    items = list(_items(text.split("\n")))
    least = 1 if known or _HEADING in text else 2
    if sum(isinstance(item, Frame) for item in items) < least:
        return ()
    return tuple(_parts(items))


def _items(lines: Sequence[str]) -> Iterator[Frame | str]:
    at = 0
    while at < len(lines):
        frame, at_next = _frame(lines, at)
        yield lines[at] if frame is None else frame
        at = at_next


def _frame(lines: Sequence[str], at: int) -> tuple[Frame | None, int]:
    line = lines[at]
    if match := _PYTHON.match(line):
        code, end = _python_code(lines, at + 1, len(line) - len(line.lstrip()))
        return _made(match["file"], match["line"], match["name"] or "", code), end
    if line[:1] in " \t":
        match = _NODE.match(line) or _JAVA.match(line)
        if match:
            return _made(match["file"], match["line"] or "", (match["name"] or "").strip(), ()), at + 1
    elif at + 1 < len(lines) and (call := _GO_CALL.match(line)) and (place := _GO_AT.match(lines[at + 1])):
        return _made(place["file"], place["line"], call["name"] or f"created by {call['made']}", ()), at + 2
    return None, at + 1


def _python_code(lines: Sequence[str], at: int, indent: int) -> tuple[tuple[str, ...], int]:
    """The source lines printed under a Python frame: they stand deeper than it does."""
    end = at
    while end < len(lines) and lines[end].startswith(" " * (indent + 1)) and not _PYTHON.match(lines[end]):
        end += 1
    return tuple(line[indent:] for line in lines[at:end]), end


def _made(file: str, line: str, name: str, code: tuple[str, ...]) -> Frame:
    place = f"{file}:{line}" if line else file
    library = bool(_LIBRARY.search(file)) or name.startswith(_JAVA_LIBRARY)
    return Frame(place, name, library, _package(file, name) if library else "", code)


def _package(file: str, name: str) -> str:
    if match := _PACKAGE.search(file):
        return match.group(1).removesuffix(".py")
    if name.startswith(_JAVA_LIBRARY):
        return (
            ".".join(name.split(".")[:3])
            if name.startswith(("org.", "com.", "io."))
            else name.split(".", maxsplit=1)[0]
        )
    if file.endswith(".py"):
        return file.split("/python3", 1)[-1].split("/", 1)[-1].split("/", maxsplit=1)[0].removesuffix(".py")
    return file.removeprefix("node:").split("/")[0] or file


def _parts(items: Sequence[Frame | str]) -> Iterator[Part]:
    at = 0
    while at < len(items):
        kind = _kind(items[at])
        end = at + 1
        while kind != "app" and end < len(items) and _kind(items[end]) == kind:
            end += 1
        run = items[at:end]
        yield Part(
            kind,
            tuple(item for item in run if isinstance(item, str)),
            tuple(item for item in run if isinstance(item, Frame)),
        )
        at = end


def _kind(item: Frame | str) -> str:
    if isinstance(item, str):
        return "text"
    return "library" if item.library else "app"
