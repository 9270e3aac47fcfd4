"""The way into the command line: `hantu run` starts at once, everything else loads what it needs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["run"]:
        # A job that runs each minute shall not wait for the modules of the other commands, nor need them.
        from hantu.run.command import run

        sys.exit(run(sys.argv[2:]))
    try:
        from hantu.cli.main import main as all_commands
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("hantu"):
            raise
        print(
            f"hantu: only `hantu run` works without {error.name}; pip install 'hantu[server]'",
            file=sys.stderr,
        )
        sys.exit(1)
    all_commands()
