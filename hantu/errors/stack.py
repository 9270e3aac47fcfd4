"""Stack traces in text: where one begins, whose error it names, which frame is the application's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

_PYTHON: Final = "Traceback (most recent call last):"

# An indented Traceback is no beginning: hantu's own text lines indent what follows their first line,
# and the error they tell of arrives as a record of its own.
_BEGINS: Final = r"""
    (?P<python>Traceback\ \(most\ recent\ call\ last\):|\ \ \+\ Exception\ Group\ Traceback\ )
  | (?P<go>(?:panic|fatal\ error):\ .*\n(?:.*\n){0,6}?goroutine\ \d+\ |goroutine\ \d+\ \[)
  | (?P<rust>thread\ '[^'\n]*'\ (?:\(\d+\)\ )?panicked\ at\ )
  | (?P<php>PHP\ Fatal\ error:|Stack\ trace:$|\#0\ \S.*)
  | (?P<ruby>[ \t]+(?:\d+:\ )?from\ \S+:\d+:in\ )
  | (?P<java>[ \t]+at\ (?=[^\n]*(?:[)>]|:\d+:\d+|:line\ \d+)$))
"""
_HEAD: Final = re.compile(
    r"(?:Exception in thread \".*?\" |Caused by: |Uncaught |Unhandled exception\. |\(?node:\d+\)? )*"
    r"(?=[\w$.]*?(?:Exception|Error|Throwable|Fault|Timeout|Failure)\b|(?:[a-z_]\w*\.){2,}[A-Z]|[A-Z]\w+(?::|$))"
    r"(?P<type>(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*)(?: \[\w+\])?(?::[ ]?(?P<said>.*)|$)"
)
# Begins with a character that is there for each line only: what comes between is passed over quickly.
_PYTHON_HEAD: Final = re.compile(
    r"\n(?:  \| )?(?P<type>(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?::[ ]?(?P<said>.*)|$)", re.MULTILINE
)
_PYTHON_FRAME: Final = re.compile(
    r'\s*(?:\| )?\s*File "(?P<file>[^"\n]*)", line \d+, in (?P<function>[^\n]+)$'
)
_AT_FRAME: Final = re.compile(r"^[ \t]+at (?:async )?(?P<frame>[^\n]+)$", re.MULTILINE)
_JVM_FRAME: Final = re.compile(r"\.(?:java|kt|scala|groovy):\d|\((?:Unknown Source|Native Method)\)")
_AT_JVM: Final = re.compile(
    r"(?:[\w.$-]*(?:@[\w.+-]*)?/)*(?P<module>[\w.$]+)\.(?P<function>[\w$<>]+)\((?:[^)]*)\)"
)
_AT_NODE: Final = re.compile(r"(?:(?P<function>.+?) \()?(?P<file>[^()\n]+?):\d+(?::\d+)?\)?$")
_AT_NET: Final = re.compile(
    r"(?P<module>[\w.`+<>]+)\.(?P<function>[\w<>`|]+)(?:\[[^\]]*\])?\(.*?\)(?: in .*)?$"
)
_PLACED: Final = re.compile(r":\d+\)$")
_GO_FRAME: Final = re.compile(
    r"^(?P<function>[\w./*()\[\]\-·]+)\([^()\n]*\)\n[ \t]+(?P<file>\S+\.go):\d+", re.MULTILINE
)
_RUST_FRAME: Final = re.compile(
    r"^\s*\d+: (?P<function>[^\n]+)(?:\n\s+at (?P<file>[^\n]+?):\d+(?::\d+)?)?$", re.MULTILINE
)
_RUST_HEAD: Final = re.compile(
    r"thread '[^'\n]*' (?:\(\d+\) )?panicked at (?P<file>[^\n]+?):\d+:\d+:?\n?(?P<said>[^\n]*)"
)
_PHP_FRAME: Final = re.compile(r"^#\d+ (?P<file>[^\n(]+)\(\d+\): (?P<function>[^\n(]+)", re.MULTILINE)
_PHP_HEAD: Final = re.compile(
    r"PHP Fatal error:\s+(?:Uncaught )?(?P<type>[\w\\]+)(?:: (?P<said>.*?)(?: in \S+:\d+)?$|$)",
    re.MULTILINE,
)
_RUBY_FRAME: Final = re.compile(r"(?<![^\s:])(?P<file>[^\s:]+\.rb):\d+:in [`'](?P<function>[^'\n]+)'")
_FOREIGN: Final = re.compile(
    r"""
    site-packages|dist-packages|/lib/python\d|<frozen\ |node_modules|^node:|\(node:|internal/
    |^(?:java|javax|jdk|sun|com\.sun|kotlin|scala|System|Microsoft|jakarta)\.
    |^(?:runtime|panic|testing|net/http|reflect|sync)[./(]|^panic$|/usr/local/go/src/|/usr/go/|/vendor/
    |^(?:std|core|alloc|rust_begin_unwind|rust_panic|__rust|_start|main$)|/rustc/|/gems/
    """,
    re.VERBOSE,
)
_NODE_CODE: Final = re.compile(r"^(?:file://)?/\S+\.[cm]?[jt]sx?:\d+$", re.MULTILINE)
_KINDS: Final = re.compile("Traceback|panic|goroutine|Stack trace|#0 |from |at |Fatal error")


def cut(message: str) -> tuple[str, str]:
    """What a message says, and the stack trace that it ends with ("" when there is none).

    When the message is nothing but a stack trace, it says what the trace's error says."""
    if "\n" not in message or not _KINDS.search(message):
        return message, ""
    match = _begins().search(message)
    if match is None:
        return message, ""
    start = match.start()
    if match.lastgroup in ("java", "ruby"):
        start = _head_before(message, start)
        if shown := _NODE_CODE.search(message, 0, start):
            # Node shows the line of code that threw before it names the error.
            start = shown.start()
    said = message[:start].rstrip()
    stack = message[start:].strip("\n")
    return said or said_by(stack) or stack.partition("\n")[0], stack


def said_by(stack: str) -> str:
    """What the error of a stack trace says, its type when it says nothing, "" when it has no name."""
    kind, said = named(stack)
    return said or kind


def named(stack: str) -> tuple[str, str]:
    """The type of a stack trace's error and what it says; "" for what is not there."""
    if "panicked at" in stack and (match := _RUST_HEAD.search(stack)):
        return "panic", match["said"]
    first = stack.lstrip().partition("\n")[0]
    if first.startswith(("panic: ", "fatal error: ")):
        kind, _, said = first.partition(": ")
        return kind, said
    if "PHP Fatal error:" in stack and (match := _PHP_HEAD.search(stack)):
        return match["type"], match["said"] or ""
    if _PYTHON in stack or "Exception Group Traceback" in stack:
        return _python_named(stack)
    head = stack[: frame.start()] if (frame := _AT_FRAME.search(stack)) else first
    for line in head.split("\n"):
        if match := _HEAD.match(line.strip()):
            return match["type"], match["said"] or ""
    return "", ""


def _python_named(stack: str) -> tuple[str, str]:
    """The first unindented line that names an error: chained tracebacks end with the one that counts."""
    last = stack.rfind(_PYTHON)
    match = _PYTHON_HEAD.search(stack, last) if last >= 0 else _PYTHON_HEAD.search(f"\n{stack}")
    return (match["type"], match["said"] or "") if match else ("", "")


def top_frame(stack: str) -> tuple[str, str]:
    """Module and function of the innermost frame that is the application's; of the innermost of all
    when none is. Never with a directory or a line number. ("", "") when there is no frame."""
    innermost = ("", "")
    for text, module, function in _frames(stack):
        if innermost == ("", ""):
            innermost = (module, function)
        if not _FOREIGN.search(text):
            return module, function
    if head := _RUST_HEAD.search(stack):
        return _stem(head["file"]), ""
    return innermost


def _frames(stack: str) -> Iterator[tuple[str, str, str]]:
    """Each frame's own words, its module and function, the innermost first."""
    if _PYTHON in stack or '  File "' in stack:
        yield from _python_frames(stack)
    elif "goroutine " in stack and _GO_FRAME.search(stack):
        for match in _GO_FRAME.finditer(stack):
            yield f"{match['function']} {match['file']}", *_of_go(match["function"])
    elif "panicked at " in stack:
        for match in _RUST_FRAME.finditer(stack):
            function, file = match["function"], match["file"]
            yield (f"{function} {file}" if file else function), *_of_rust(function)
    elif _PHP_FRAME.search(stack):
        for match in _PHP_FRAME.finditer(stack):
            yield match["file"], _stem(match["file"]), match["function"]
    elif _AT_FRAME.search(stack):
        for match in _AT_FRAME.finditer(stack):
            frame = _of_at(match["frame"])
            if frame[1] or frame[2]:
                yield frame
    else:
        for match in _RUBY_FRAME.finditer(stack):
            yield match["file"], _stem(match["file"]), match["function"]


def _python_frames(stack: str) -> Iterator[tuple[str, str, str]]:
    # From the end: most often the first one counts, and traces are long.
    first, end = max(0, stack.rfind(_PYTHON)), len(stack)
    while (at := stack.rfind('File "', first, end)) >= 0:
        begin = max(first, stack.rfind("\n", first, at) + 1)
        if match := _PYTHON_FRAME.match(stack[begin:end].partition("\n")[0]):
            yield match["file"], _stem(match["file"]), match["function"]
        end = begin


def _of_at(frame: str) -> tuple[str, str, str]:
    """A frame of Java, Node or .NET."""
    if _JVM_FRAME.search(frame):
        if match := _AT_JVM.match(frame):
            return f"{match['module']}.{match['function']}", _bare(match["module"]), match["function"]
    elif not _PLACED.search(frame) and (match := _AT_NET.match(frame)):
        return frame, match["module"], match["function"]
    match = _AT_NODE.match(frame)
    if match:
        return match["file"], _stem(match["file"]), match["function"] or ""
    return frame, "", ""


def _of_go(function: str) -> tuple[str, str]:
    package, _, rest = function.rpartition("/")
    name, _, method = rest.partition(".")
    return (name if not package else rest.partition(".")[0]), method


def _of_rust(function: str) -> tuple[str, str]:
    path, _, name = re.sub(r"::h[0-9a-f]{16}$", "", function).rpartition("::")
    return path, name


def _bare(module: str) -> str:
    # Generated parts of a class's name differ from one run to the next.
    return re.sub(r"\$\$.*|\$\d+", "", module)


def _stem(file: str) -> str:
    name = file.rpartition("\\")[2].rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _head_before(message: str, start: int) -> int:
    """Where the error is named whose first frame begins at `start`: at the last line before it that
    names one, else at the frame itself."""
    end = start
    while end > 0:
        begin = message.rfind("\n", 0, end - 1) + 1
        if _HEAD.match(message, begin):
            return begin
        end = begin
    return start


@cache
def _begins() -> re.Pattern[str]:
    return re.compile(rf"^(?:{_BEGINS})", re.VERBOSE | re.MULTILINE)
