"""hantu notify."""

from __future__ import annotations

import time

import click

from hantu.alert import Day, channel_of, report_text, try_channel, with_history
from hantu.alert.channels.telegram import plain
from hantu.alert.report import DAY_NS
from hantu.alert.state import CHECKPOINT, Unreadable, unpacked
from hantu.cli.context import WRONG_USE, Desk, ServiceError, fail, print_json
from hantu.client.telegram import ChannelError, Telegram
from hantu.service.alerting import disk_of
from hantu.store.base import LogStorage
from hantu.text import visible


@click.group("notify")
def notify_group() -> None:
    """Messages by Telegram."""


@notify_group.command("test")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def test_command(desk: Desk, as_json: bool) -> None:
    """Send a message to the chat of the settings, and say as whom.

    A running service that had stopped sending goes on."""
    channel = _channel(desk)
    try:
        bot = try_channel(channel, "hantu notify test")
    except ChannelError as error:
        fail(str(error))
    _go_on(desk)
    if desk.with_json(as_json).as_json:
        print_json({"bot": bot.name, "username": bot.username, "chat": channel.chat_id})
    else:
        click.echo(f"sent as {visible(bot.name)} (@{visible(bot.username)}) to chat {channel.chat_id}")


@notify_group.command("report")
@click.option("--dry-run", is_flag=True, help="Print the report and send nothing.")
@click.pass_obj
def report_command(desk: Desk, dry_run: bool) -> None:
    """Send the report of the last 24 hours now; works with the service up or down."""
    channel = None if dry_run else _channel(desk)
    text = desk.ask(lambda store: _report(desk, store))
    if channel is not None:
        try:
            channel.send(text)
        except ChannelError as error:
            fail(str(error))
    click.echo(visible(plain(text)))


def _report(desk: Desk, store: LogStorage) -> str:
    now_ns = time.time_ns()
    disk = disk_of(desk.config)
    packed = store.checkpoint(CHECKPOINT)
    if packed is not None:
        try:
            disk = with_history(disk, unpacked(packed, 0.0)[0].sizes)
        except Unreadable as error:
            click.echo(f"hantu: {error}; the report goes without the growth", err=True)
    return report_text(Day(store, now_ns - DAY_NS, now_ns, disk))


def _channel(desk: Desk) -> Telegram:
    try:
        channel = channel_of(desk.config)
    except ValueError as error:
        fail(str(error), WRONG_USE)
    if channel is None:
        missing = [key for key in ("telegram_token", "telegram_chat_id") if not getattr(desk.config, key)]
        fail(f"set {' and '.join(missing)} first; docs/alerts.md says how", WRONG_USE)
    return channel


def _go_on(desk: Desk) -> None:
    """Let a running service try again, when it alerts at all."""
    control = desk.control()
    if control is None:
        return
    try:
        if control.call("GET", "/api/alerts")["stopped"]:
            control.call("POST", "/api/alerts/retry")
    except ServiceError as error:
        click.echo(f"hantu: {error}", err=True)
