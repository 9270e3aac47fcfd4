"""The command line: `hantu COMMAND`, one file per noun."""

from hantu.cli.entry import main

__all__ = ["main"]
