"""The command line as it is specified: every command with its options, tried with the service down."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.store import open_store
from tests.web.errordesk import STACK, record

SPECIFIED: Final = {
    "serve": (),
    "logs": ("-f", "--tail", "-n", "--since", "--until", "--level", "--source", "--trace-id", "--json"),
    "logs error": ("--tail", "--service", "--status"),
    "errors list": ("--json",),
    "errors show": ("--json",),
    "errors resolve": ("--json",),
    "errors reopen": ("--json",),
    "errors mute": ("--json",),
    "errors stats": ("--json",),
    "executions list": ("--json",),
    "executions show": ("--json",),
    "executions cancel": ("--json",),
    "run": ("--name", "--artifact", "--timeout"),
    "collectors list": ("--json",),
    "collectors start": (),
    "collectors stop": (),
    "stats": ("--json",),
    "cleanup": ("--days", "--dry-run", "--json"),
    "import": ("--json",),
    "export": ("--format",),
    "sql": ("--json",),
    "notify test": ("--json",),
    "notify report": (),
    "doctor": ("--json",),
    "migrate": ("--dry-run", "--rollback", "--json"),
    "backup": ("--json",),
    "restore": ("--json",),
    "token create": ("--scope", "--json"),
    "token list": ("--json",),
    "token revoke": (),
    "passwd": (),
    "install": (),
    "uninstall": (),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with one error that nobody has open."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder / "hantu.db")
    store.write_batch([record(stack_trace=STACK, trace_id="abc12345", time_ns=time.time_ns())])
    store.close()
    return folder


def hantu(data_dir: Path, *words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words], input=text)


def answer(data_dir: Path, *words: str, text: str | None = None) -> str:
    """What a command prints that ends well."""
    done = hantu(data_dir, *words, text=text)
    assert done.exit_code == 0, f"{words}: {done.output}"
    return done.stdout


def told(data_dir: Path, *words: str) -> Any:
    """What a command prints with --json before its name: one value, or one a line."""
    lines = answer(data_dir, "--json", *words).splitlines()
    values = [json.loads(line) for line in lines]
    return values[0] if len(values) == 1 else values


def command_of(words: str) -> click.Command:
    found: click.Command = cli
    for word in words.split():
        if not isinstance(found, click.Group):
            return found  # `logs error`: the word is an argument
        named = found.get_command(click.Context(found), word)
        assert named is not None, f"hantu {words}: no such command"
        found = named
    return found


@pytest.mark.promise("M93", "M86")
@pytest.mark.parametrize("words", SPECIFIED)
def test_every_specified_command_has_its_options_and_its_help(words: str) -> None:
    command = command_of(words)
    shown = CliRunner().invoke(cli, [*words.split(), "--help"])
    assert shown.exit_code == 0
    assert command.help
    assert [name for name in SPECIFIED[words] if name not in shown.output] == []


@pytest.mark.promise("M93", "M86")
def test_reading_works_with_the_service_down(data_dir: Path) -> None:
    assert told(data_dir, "logs", "주문")["message"] == "주문 실패"
    assert "❌" in answer(data_dir, "logs", "error", "--service", "scheduler")
    assert told(data_dir, "errors", "list")["errors"][0]["count"] == 1
    assert told(data_dir, "errors", "show", "1")["error"]["errorType"] == "InsufficientBalance"
    assert told(data_dir, "errors", "stats", "--by", "type")
    assert told(data_dir, "executions", "list")["total"] == 0
    assert told(data_dir, "stats")["entries"] == 1
    assert told(data_dir, "cleanup", "--dry-run")["wouldDelete"] == 0
    assert told(data_dir, "sql", "SELECT count(*) AS n FROM log_entry") == [{"n": 1}]
    assert told(data_dir, "patterns")["total"] == 1
    assert told(data_dir, "gaps") == []
    assert told(data_dir, "token", "list") == []
    assert json.loads(answer(data_dir, "export", "--format", "jsonl"))["message"] == "주문 실패"
    assert answer(data_dir, "export", "--format", "csv").startswith("timestamp,")
    assert "주문 실패" in answer(data_dir, "export", "--format", "text")


@pytest.mark.promise("M93")
def test_writing_works_with_the_service_down(data_dir: Path, tmp_path: Path) -> None:
    for act, status in (("resolve", "RESOLVED"), ("reopen", "UNRESOLVED")):
        answer(data_dir, "errors", act, "1")
        assert told(data_dir, "errors", "show", "1")["error"]["status"] == status
    answer(data_dir, "errors", "mute", "1", "--for", "1h")
    assert told(data_dir, "errors", "list", "--status", "muted")["total"] == 1
    old = tmp_path / "old.log"
    old.write_text("2026-02-01 12:34:56 [INFO] core: 주문 접수\n", encoding="utf-8")
    answer(data_dir, "import", str(old))
    assert told(data_dir, "stats")["entries"] == 2
    made = told(data_dir, "token", "create", "shop", "--scope", "ingest")
    assert made["token"]
    assert [each["name"] for each in told(data_dir, "token", "list")] == ["shop"]
    answer(data_dir, "token", "revoke", "shop")
    answer(data_dir, "passwd", "--stdin", text="correct horse battery\n")
    saved = tmp_path / "saved"
    answer(data_dir, "backup", str(saved))
    answer(data_dir, "restore", str(saved), "--to", str(tmp_path / "again"))
    assert told(tmp_path / "again", "stats")["entries"] == 2


@pytest.mark.promise("M93")
@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["logs", "level:loud"],
        ["logs", "--odd"],
        ["errors", "list", "--status", "odd"],
        ["executions", "list", "--sort", "odd"],
        ["cleanup", "--days", "x"],
        ["export", "--format", "odd"],
        ["token", "create", "x", "--scope", "odd"],
        ["run"],
    ],
)
def test_wrong_use_ends_with_2(data_dir: Path, words: list[str]) -> None:
    assert hantu(data_dir, *words).exit_code == 2


@pytest.mark.promise("M93")
@pytest.mark.parametrize(
    "words",
    [["errors", "show", "77"], ["executions", "show", "0" * 8], ["collectors", "list"]],
)
def test_what_cannot_be_done_ends_with_1_and_a_sentence(data_dir: Path, words: list[str]) -> None:
    done = hantu(data_dir, *words)
    assert done.exit_code == 1
    assert done.stderr.startswith("hantu: ")
