"""The words of `hantu run`, and what they do."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser, ArgumentTypeError, HelpFormatter, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Final

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
SYNC_LIMIT_S: Final = 600.0
TIMEOUT_MOST_S: Final = 365 * 86_400

EPILOG: Final = """\
The exit code is the command's: 128 + n when signal n ended it, 124 after --timeout, 127 when there is no
such command, 126 when it cannot be run. HANTU_DSN=http://TOKEN@HOST:PORT says where the service is; without
it the one of this machine is told, if you may. While it is away, runs wait in ~/.local/state/hantu/runs.
"""


def parser() -> ArgumentParser:
    """What reads the words behind `hantu run`."""
    made = ArgumentParser(
        prog="hantu run",
        usage="hantu run [--name NAME] [--artifact GLOB]… [--timeout S] [--env K=V]… -- COMMAND…\n"
        "       hantu run --sync [FOLDER…]",
        description="Run a command; the desk knows of its lines, exit code, time, memory and files.",
        epilog=EPILOG,
        # By itself it would load shutil for the width of the terminal.
        formatter_class=lambda prog: HelpFormatter(prog, width=100),
        allow_abbrev=False,
    )
    made.add_argument("--name", default="", help="name of the job (the command's, by default)")
    made.add_argument(
        "--artifact",
        action="append",
        default=[],
        metavar="GLOB",
        help="files to keep with the run: those it made or changed; ** for folders; may be given again",
    )
    made.add_argument(
        "--timeout", type=_seconds, metavar="S", help="end it after so many seconds, as FAILED TIMEOUT"
    )
    made.add_argument(
        "--env",
        action="append",
        default=[],
        type=_assignment,
        metavar="K=V",
        help="a variable for the command; may be given again",
    )
    made.add_argument(
        "--alert",
        choices=("failures", "none"),
        default=os.environ.get("HANTU_RUN_ALERT", "failures"),
        help="whether a failure is an error of the inbox, and so told by Telegram (HANTU_RUN_ALERT)",
    )
    made.add_argument("--prompt", default="", help="what was asked of it (the command, by default)")
    made.add_argument(
        "--sync", action="store_true", help="deliver what waits, here and in each FOLDER, and end"
    )
    made.add_argument("command", nargs=REMAINDER, help="the command with its arguments")
    return made


def run(words: Sequence[str], *, data_dir: str = "") -> int:
    """Do what the words say; the exit code."""
    asked = parser().parse_args(list(words))
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if asked.alert not in ("failures", "none"):
        return _wrong(f"HANTU_RUN_ALERT is {asked.alert!r}; allowed: failures or none")
    if asked.sync:
        return _sync([Path(folder) for folder in command], data_dir)
    if not command:
        return _wrong("name a command: hantu run -- COMMAND")
    return _run(asked, command, data_dir)


def _run(asked: Namespace, command: list[str], data_dir: str) -> int:
    from hantu.run.job import Job, Wanted

    wanted = Wanted(
        name=asked.name or os.path.basename(command[0]),
        command=command,
        prompt=asked.prompt,
        environment=dict(asked.env),
        timeout_s=asked.timeout,
        artifacts=tuple(asked.artifact),
        alerts=asked.alert == "failures",
    )
    return Job(wanted, data_dir=data_dir).run()


def _sync(folders: list[Path], data_dir: str) -> int:
    from hantu.client.courier import Courier
    from hantu.client.execution_spool import waiting
    from hantu.run import place

    sink = place.sink(data_dir)
    if sink is None:
        return _failed("nobody to deliver to: set HANTU_DSN=http://TOKEN@HOST:PORT")
    troubles: list[str] = []
    left = 0
    delivered = 0
    for folder in (place.spool_folder(), *folders):
        courier = Courier(sink, folder, troubled=troubles.append)
        courier.finish(SYNC_LIMIT_S, others=True)
        delivered += courier.taken_over
        left += waiting(folder)
    for reason in dict.fromkeys(troubles):
        print(f"hantu: {reason}", file=sys.stderr)
    if left:
        return _failed(f"{left} files of runs still wait")
    print(f"{delivered} files of runs delivered")
    return DONE


def _wrong(reason: str) -> int:
    print(f"hantu run: {reason}", file=sys.stderr)
    return WRONG_USE


def _failed(reason: str) -> int:
    print(f"hantu: {reason}", file=sys.stderr)
    return FAILED


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= TIMEOUT_MOST_S:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError(f"{text!r} is not K=V")
    return name, value
