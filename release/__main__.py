"""`make build`: dist/hantu, dist/hantu-standalone, the wheel, SHA256SUMS; the same bytes each time."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from hantu import __version__
from release.site import ROOT, pip, site, wheel
from release.standalone import standalone

DEFAULT_TIME_S: Final = 1_767_225_600
"""2026-01-01, for files that were built without git and without SOURCE_DATE_EPOCH."""
PYTHON: Final = "python3.11"
SUMS: Final = "SHA256SUMS"


TOOLS: Final = ROOT / "build" / "release-tools"


def tools(folder: Path = TOOLS) -> Path:
    """The Python of an environment with the tools that build, and nothing else."""
    python = folder / "bin" / "python"
    asked = (ROOT / "release/requirements.txt").read_text(encoding="ascii")
    done = folder / "requirements.txt"
    if not done.is_file() or done.read_text(encoding="ascii") != asked:
        venv.create(folder, clear=True, with_pip=True)
        pip(python, "install", "-r", ROOT / "release/requirements.txt")
        done.write_text(asked, encoding="ascii")
    return python


def time_s() -> int:
    """The time that built files carry: SOURCE_DATE_EPOCH, else the last commit's."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    found = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False
    )
    return int(found.stdout) if found.returncode == 0 and found.stdout.strip() else DEFAULT_TIME_S


def zipapp(python: Path, site_folder: Path, target: Path) -> None:
    """The file for hosts with Python 3.11."""
    command = [python, "-m", "shiv", "--reproducible", "--site-packages", site_folder]
    command += ["--python", f"/usr/bin/env {PYTHON}", "--entry-point", "hantu.cli.entry:main"]
    done = subprocess.run([*command, "--output-file", target], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"shiv failed:\n{done.stdout}{done.stderr}")


def build(into: Path, stage: Path, only: str | None) -> list[Path]:
    """Make the files, and SHA256SUMS of them; stage: for the work."""
    when_s = time_s()
    os.environ["SOURCE_DATE_EPOCH"] = str(when_s)
    os.umask(0o022)
    for folder in (stage, into):
        folder.mkdir(parents=True, exist_ok=True)
    python = tools()
    made = [wheel(python, stage, into)]
    if only != "wheel":
        folder = site(python, stage, made[0], time_s=when_s)
        if only != "standalone":
            made.append(into / "hantu")
            zipapp(python, folder, made[-1])
        if only != "zipapp":
            made.append(into / "hantu-standalone")
            name = f"{__version__}-{(folder / 'hantu/files/build-id').read_text().strip()}"
            standalone(python, stage, folder, made[-1], name=name, time_s=when_s)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(made)]
    (into / SUMS).write_text("\n".join(sums) + "\n", encoding="ascii")
    return made


def differing(into: Path) -> list[str]:
    """Build again elsewhere: the lines of SHA256SUMS that are not the same."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder, "dist")
        build(again, Path(folder, "stage"), None)
        lines = [(each / SUMS).read_text(encoding="ascii").splitlines() for each in (into, again)]
        return sorted(set(lines[0]) ^ set(lines[1]))


def main() -> None:
    """Build what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m release")
    parser.add_argument("--only", choices=("wheel", "zipapp", "standalone"), help="build one of them")
    parser.add_argument("--again", action="store_true", help="build elsewhere and compare with dist/")
    asked = parser.parse_args()
    if sys.version_info[:2] != (3, 11):
        sys.exit("hantu's files are built with Python 3.11: they carry modules compiled for it")
    into = ROOT / "dist"
    if asked.again:
        if lines := differing(into):
            sys.exit("a second build is not the same:\n" + "\n".join(lines))
        print("a second build is the same, byte for byte")
        return
    for path in build(into, ROOT / "build" / "release", asked.only):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
