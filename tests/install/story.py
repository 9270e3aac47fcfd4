"""What a person does on a machine and what it answers: printed as it goes, and kept in a file to read."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from tests.browser import ARGUMENTS, CHROMIUM
from tests.install.machine import ROOT, Machine
from tests.parts import require

FILE: Final = ROOT / "build" / "story.txt"
MOST_LINES: Final = 40


class Story:
    """Tells of a machine, chapter by chapter, with the seconds since the story began."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._began = time.monotonic()
        self._chapters = 0
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text("")

    def _tell(self, line: str) -> None:
        print(line, flush=True)
        with FILE.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def chapter(self, title: str) -> None:
        """A new part of it."""
        self._chapters += 1
        self._tell(f"\n{self._chapters}. {title}  [{time.monotonic() - self._began:.1f} s]")

    def note(self, sentence: str) -> None:
        """What was seen."""
        self._tell(f"   = {sentence}")

    def run(self, *words: str, code: int = 0) -> str:
        """Do something on the machine and tell what it printed; it ends with `code`."""
        self._tell(f"   # {shlex.join(words)}")
        began = time.monotonic()
        said = self._machine.run(*words, code=code)
        lines = said.splitlines()
        for line in lines[:MOST_LINES]:
            self._tell(f"     {line}")
        if len(lines) > MOST_LINES:
            self._tell(f"     … and {len(lines) - MOST_LINES} lines more")
        self._tell(f"     ({time.monotonic() - began:.1f} s)")
        return said


@contextmanager
def browser_of(machine: Machine, folder: Path) -> Iterator[Page]:
    """A page of a real browser in the machine's own network: 127.0.0.1 is the machine."""
    require("Chromium", shutil.which(CHROMIUM) is not None, f"{CHROMIUM} is not installed")
    command = folder / "chromium"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(machine.beside())} {CHROMIUM} "$@"\n')
    command.chmod(0o755)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=list(ARGUMENTS))
        try:
            page = browser.new_page(locale="en-GB")
            page.set_default_timeout(120_000)
            yield page
        finally:
            browser.close()
