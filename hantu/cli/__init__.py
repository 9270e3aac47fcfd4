"""The command line: `hantu COMMAND`, one file per noun."""

from hantu.cli.main import main

__all__ = ["main"]
