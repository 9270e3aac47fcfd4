"""hantu serve."""

from __future__ import annotations

import gc

import click

from hantu.cli.context import WRONG_USE, Desk, fail
from hantu.config import ConfigError, load
from hantu.store.base import StoreError


@click.command("serve")
@click.option("--host", help="Address to listen on.")
@click.option("--port", help="Port; 0 takes a free one.")
@click.pass_obj
def serve_command(desk: Desk, host: str | None, port: str | None) -> None:
    """Run the service: collect, store, answer in the browser."""
    # What is loaded now stays: looking through it for garbage takes a tenth of the start. hantu.serve
    # turns it on again.
    gc.disable()
    # gunicorn and flask are only loaded for this command.
    from hantu.serve import ServeError, serve

    try:
        loaded = load(
            desk.loaded.file,
            overrides={"data_dir": str(desk.config.data_dir), "host": host, "port": port},
        )
    except ConfigError as error:
        fail(str(error), WRONG_USE)
    try:
        serve(loaded)
    except (ServeError, StoreError, OSError) as error:
        fail(str(error))
