"""Puts what lies beside the package in a checkout into the wheel: hantu/files/. See hantu/paths.py."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("templates", "static")
FILES = ("schema.sql", "hantu.service")


class BuildWithFiles(build_py):
    """build_py, and then the files; an editable install reads them where they are."""

    def run(self) -> None:
        """Copy the modules, then the files."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "hantu" / "files"
        for name in FOLDERS:
            shutil.copytree(ROOT / name, target / name, dirs_exist_ok=True)
        for name in FILES:
            shutil.copy2(ROOT / name, target / name)


setup(cmdclass={"build_py": BuildWithFiles})
