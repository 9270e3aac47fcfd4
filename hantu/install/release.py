"""The program that runs now, as something that can be put elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hantu import __version__
from hantu.install.system import InstallError, reachable
from hantu.paths import BUILD_ID, PACKAGE, ROOT

PROGRAM: Final = "hantu"
MODULES: Final = "lib"
"""Where a release without Python of its own has its modules."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of hantu. name: of its folder.

    tree: the folder to copy; None when the program stays where pip has put it. interpreter: the Python
    that runs the tree's modules; None when the tree has its own. program: what pip has made."""

    name: str
    tree: Path | None = None
    interpreter: Path | None = None
    program: Path | None = None

    @property
    def launcher(self) -> str | None:
        """The text of the program that a tree of modules needs."""
        if self.interpreter is None:
            return None
        return (
            f"#!{self.interpreter} -I\n"
            "import os.path\n"
            "import sys\n\n"
            f'sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "{MODULES}"))\n'
            "from hantu.cli.entry import main\n\n"
            "main()\n"
        )


def running_release() -> Release:
    """The release that this process runs. Raises InstallError when it cannot be a service's."""
    if getattr(sys, "frozen", False):
        return Release(_name(), tree=Path(sys.executable).resolve().parent)
    if BUILD_ID.is_file():
        interpreter = Path(os.path.realpath(sys.executable))
        return Release(_name(), tree=PACKAGE.parent, interpreter=_for_everybody(interpreter))
    if (ROOT / "app.py").is_file():
        raise InstallError(
            "a checkout is not installed; make a file that can be: make build, then sudo dist/hantu install"
        )
    program = Path(sys.argv[0]).absolute()
    return Release(__version__, program=_for_everybody(program))


def _name() -> str:
    return f"{__version__}-{BUILD_ID.read_text(encoding='ascii').strip()}"


def _for_everybody(path: Path) -> Path:
    if closed := reachable(path):
        raise InstallError(
            f"the service's user cannot run {path}: {closed} is closed to others; "
            "install Debian's python3.11, or use the file hantu-standalone"
        )
    return path
