"""`python -m hantu.client.migration`: `hantu migrate` where only the log library is installed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hantu.client.migration.checklist import Mark, Printer, Row, Say, summary
from hantu.client.migration.inbox import inbox_of
from hantu.client.migration.plan import WrongUse, plan_of
from hantu.client.migration.run import migrate, roll_back


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all is well, 1 something failed, 2 wrong use."""
    asked = _parser().parse_args(arguments)
    rows: list[Row] = []
    say: Say = rows.append if asked.json else Printer(_print)
    try:
        if asked.backup and not asked.rollback:
            raise WrongUse("--backup names what --rollback restores")
        plan = plan_of(
            os.environ,
            log_dir=asked.log_dir,
            backup_dir=asked.backup_dir,
            units=tuple(asked.unit),
            compress=asked.compress,
            dry_run=asked.dry_run,
        )
        if asked.rollback:
            rows = roll_back(plan, Path(asked.backup) if asked.backup else None, say)
        else:
            rows = migrate(plan, inbox_of(plan.config.dsn), None, say)
    except WrongUse as error:
        print(f"hantu: {error}", file=sys.stderr)  # noqa: T201  a command
        return 2
    except KeyboardInterrupt:
        print("hantu: broken off; nothing is lost, run it again", file=sys.stderr)  # noqa: T201  a command
        return 1
    if asked.json:
        _print(json.dumps(summary(rows, dry_run=asked.dry_run), ensure_ascii=False))
    return int(any(row.mark is Mark.FAILED for row in rows))


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  a command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hantu.client.migration",
        description="Move a folder of logs to the log library; settings as in docs/library.md.",
    )
    parser.add_argument("--log-dir", help="folder of the logs (HANTU_LOG_DIR, else ./logs)")
    parser.add_argument("--backup-dir", help="folder that backups are put in (beside the logs)")
    parser.add_argument(
        "--unit", action="append", default=[], help="service that logs there; may be repeated"
    )
    parser.add_argument("--compress", action="store_true", help="back up to a .tar.gz")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would be done")
    parser.add_argument("--rollback", action="store_true", help="put the newest backup back")
    parser.add_argument("--backup", help="with --rollback: the backup to put back")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
