"""hantu drill."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from hantu.alert import channel_of, try_channel
from hantu.cli.context import Desk, print_json
from hantu.cli.drilling.bot import StandInBot
from hantu.cli.drilling.faults import FAULTS, Fault, NotHere
from hantu.cli.drilling.program import PROGRAM_OPTION, run_program
from hantu.client.telegram import ChannelError
from hantu.text import visible

PASS: Final = "pass"  # noqa: S105  a word of the table
FAIL: Final = "FAIL"
LEFT_OUT: Final = "left out"
_COLOURS: Final = {PASS: "green", FAIL: "red", LEFT_OUT: "yellow"}


@click.command("drill")
@click.option("--send", is_flag=True, help="Send a message to the chat of the settings as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(PROGRAM_OPTION, "program", type=int, hidden=True)
@click.pass_obj
def drill_command(desk: Desk, send: bool, as_json: bool, program: int | None) -> None:
    """Break each part in a sandbox, and see that what must happen happens.

    Nothing of this machine's own is touched: an own folder, own ports, a stand-in for Telegram. Exit
    code 1 when something did not hold."""
    if program is not None:
        run_program(program)
        return
    as_json = desk.with_json(as_json).as_json
    results = []
    with tempfile.TemporaryDirectory(prefix="hantu-drill-") as folder:
        for number, fault in enumerate(FAULTS):
            results.append(_drilled(fault, Path(folder) / str(number)))
            if not as_json:
                _show(results[-1])
    if send:
        results.append(_sent(desk))
        if not as_json:
            _show(results[-1])
    failed = sum(result["result"] == FAIL for result in results)
    if as_json:
        print_json({"ok": not failed, "faults": results})
    else:
        passed = sum(result["result"] == PASS for result in results)
        click.echo(f"{passed} of {len(results)} hold" + (f", {failed} do not" if failed else ""))
    sys.exit(1 if failed else 0)


def _drilled(fault: Fault, folder: Path) -> dict[str, Any]:
    begun = time.monotonic()
    result, why = PASS, ""
    try:
        with StandInBot() as bot:
            if wrong := list(fault.run(folder, bot)):
                result, why = FAIL, "; ".join(wrong)
    except NotHere as error:
        result, why = LEFT_OUT, str(error)
    except (OSError, RuntimeError, ValueError) as error:
        result, why = FAIL, f"{type(error).__name__}: {error}"
    return {
        "rows": fault.rows.split(),
        "fault": fault.what,
        "state": fault.state,
        "telegram": fault.telegram,
        "result": result,
        "why": why,
        "seconds": round(time.monotonic() - begun, 1),
    }


def _sent(desk: Desk) -> dict[str, Any]:
    """Whether the chat of the settings gets a message."""
    begun = time.monotonic()
    channel = channel_of(desk.config)
    result, why = PASS, ""
    if channel is None:
        result, why = LEFT_OUT, "no Telegram is set: telegram_token and telegram_chat_id"
    else:
        try:
            try_channel(channel, "hantu drill")
        except ChannelError as error:
            result, why = FAIL, str(error)
    return {
        "rows": [],
        "fault": "your own chat",
        "state": "",
        "telegram": "a message that alerts arrive",
        "result": result,
        "why": why,
        "seconds": round(time.monotonic() - begun, 1),
    }


def _show(result: dict[str, Any]) -> None:
    rows = " ".join(result["rows"])
    mark = click.style(f"{result['result']:<9}", fg=_COLOURS[result["result"]])
    told = f"Telegram: {result['telegram']}" if result["telegram"] else "no message"
    state = f"{result['state'] or '–':<10}"
    click.echo(f"{mark}{rows:<9}{result['fault']:<27}{state}{told}  ({result['seconds']} s)")
    if result["why"]:
        click.echo(f"{'':<9}→ {visible(result['why'])}")
