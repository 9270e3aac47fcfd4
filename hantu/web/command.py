"""The command line as it works on this machine, for pages that tell people what to type."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from hantu.config import Config
from hantu.paths import CHECKOUT_DATA, ROOT

NAME: Final = "hantu"


def command(config: Config, *words: str) -> str:
    """`hantu …` as a shell takes it here: from a checkout by its path, with the folder of this service
    where the command line would look in another."""
    start: tuple[str, ...] = (NAME,)
    checkout = ROOT / "app.py"
    if shutil.which(NAME) is None and checkout.is_file():
        start = (sys.executable, str(checkout))
    return shlex.join((*start, *_place(config), *words))


def as_root(config: Config, *words: str) -> str:
    """The same for what an installed service lets only root do."""
    text = command(config, *words)
    return f"sudo {text}" if text.startswith(f"{NAME} ") else text


def python() -> str:
    """A Python that finds `import hantu`, as a shell takes it here."""
    if shutil.which(NAME) is None and (ROOT / "app.py").is_file():
        return f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)}"
    return "python3"


def _place(config: Config) -> tuple[str, ...]:
    # A checkout's own data come first for its command line; see hantu/cli/main.py.
    own = CHECKOUT_DATA if (CHECKOUT_DATA / "hantu.db").is_file() else Config().data_dir
    return () if Path(config.data_dir) == own else ("--data-dir", str(config.data_dir))
