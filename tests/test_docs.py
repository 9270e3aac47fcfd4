"""Documentation is complete: every setting and every command is described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hantu.cli.main import cli
from hantu.config import settings

DOCS = Path(__file__).resolve().parent.parent / "docs"


def commands(group: click.Group, words: str = "hantu") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{words} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")


def test_every_setting_is_described_with_its_default_and_what_is_allowed() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    missing = [
        setting.key
        for setting in settings()
        if f"| `{setting.key}` |" not in page or setting.allowed not in page or setting.help not in page
    ]
    assert missing == []


@pytest.mark.parametrize(("words", "command"), list(commands(cli)))
def test_every_command_and_option_is_described(words: str, command: click.Command) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert f"`{words}" in page
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert any(f"`{name}" in page or f" {name}" in page for name in option.opts), option.opts


def test_every_page_of_docs_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    missing = [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page.name not in index
    ]
    assert missing == []
