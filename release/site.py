"""The folder of modules that both built files carry: hantu's wheel and what it needs, nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = (
    "hantu",
    "templates",
    "static",
    "schema.sql",
    "hantu.service",
    "setup.py",
    "pyproject.toml",
    "README.md",
)
# Records of this very installation: they name folders of the building machine.
_RECORDS: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
# Never imported by hantu; a third of all bytes.
_LEFT_OUT: Final = (
    "bin",
    "apsw/sqlite_extra_binaries",
    "apsw/tests",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/random/lib",
    "numpy/*/tests",
    "numpy/tests",
    "zstandard/_cffi.*",
)


def pip(python: Path, *words: str | Path) -> None:
    """Run pip; what it says is shown only when it fails."""
    command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"pip failed:\n{done.stdout}")


def wheel(python: Path, stage: Path, target: Path) -> Path:
    """Build the wheel into target, from a copy: the checkout stays as it is."""
    copy = stage / "source"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    target.mkdir(exist_ok=True)
    for old in target.glob("hantu-*.whl"):
        old.unlink()
    pip(python, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, copy)
    (built,) = target.glob("hantu-*.whl")
    return built


def site(python: Path, stage: Path, built: Path, *, time_s: int) -> Path:
    """Install the wheel and what it needs into a folder; the same bytes each time."""
    folder = stage / "site"
    shutil.rmtree(folder, ignore_errors=True)
    pip(
        python,
        *("install", "--no-compile", "--target", folder),
        *("--constraint", ROOT / "release/constraints.txt"),
        *("--requirement", ROOT / "requirements.txt"),
        built,
    )
    _check_pinned(folder)
    for pattern in _LEFT_OUT:
        for found in folder.glob(pattern):
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink()
    for name in _RECORDS:
        for found in folder.glob(f"*.dist-info/{name}"):
            found.unlink()
    for found in (*folder.rglob("*.pyi"), *folder.rglob("*.pyc")):
        found.unlink()
    (folder / "hantu" / "files" / "build-id").write_text(fingerprint(folder) + "\n", encoding="ascii")
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (time_s, time_s))
    return folder


def _check_pinned(folder: Path) -> None:
    """What is not pinned would differ from one build to the next."""
    pins = (ROOT / "release/constraints.txt").read_text(encoding="ascii").lower().split()
    there = {
        _pin(found.name) for found in folder.glob("*.dist-info") if not found.name.startswith("hantu-")
    }
    if loose := sorted(there - set(pins)):
        sys.exit(f"write these lines to release/constraints.txt: {', '.join(loose)}")


def _pin(folder_name: str) -> str:
    """name_of_it-1.2.dist-info → name-of-it==1.2."""
    name, _, version = folder_name.removesuffix(".dist-info").rpartition("-")
    return f"{name.lower().replace('_', '-')}=={version}"


def fingerprint(folder: Path) -> str:
    """Twelve hex digits of all names and contents."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
