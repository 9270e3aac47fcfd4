"""The file for hosts without Python 3.11: PyInstaller's folder, packed behind a short shell script.

PyInstaller's own single file unpacks everything at each start, and again for each worker; this one
unpacks once."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# Loaded by name, where PyInstaller does not see it.
_HIDDEN: Final = ("gunicorn.glogging", "gunicorn.workers.gthread", "apsw.unicode")
# readline: its licence is the GPL, and hantu has no prompt.
_LEFT_OUT: Final = (
    "readline",
    "tkinter",
    "pydoc_data",
    "lib2to3",
    "setuptools",
    "pip",
    "distutils",
    "PIL",
    "IPython",
)
_HEAD_BYTES: Final = 4096
_LEVEL: Final = 9


def standalone(python: Path, stage: Path, site: Path, target: Path, *, name: str, time_s: int) -> None:
    """Write the file. name: of the folder that it unpacks to."""
    folder = _freeze(python, stage, site, time_s=time_s)
    head = (ROOT / "release/head.sh").read_text(encoding="utf-8")
    head = head.replace("@NAME@", name).replace("@HEAD_BYTES@", str(_HEAD_BYTES + 1))
    raw = head.encode()
    if len(raw) > _HEAD_BYTES:
        sys.exit(f"release/head.sh is longer than {_HEAD_BYTES} bytes")
    target.write_bytes(raw + b"\n" * (_HEAD_BYTES - len(raw)) + _packed(folder, time_s=time_s))
    target.chmod(0o755)


def _freeze(python: Path, stage: Path, site: Path, *, time_s: int) -> Path:
    work = stage / "frozen"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    words = ["--name", "hantu", "--onedir", "--noupx", "--log-level", "ERROR", "--paths", str(site)]
    words += ["--distpath", str(work / "dist"), "--workpath", str(work / "work"), "--specpath", str(work)]
    words += ["--collect-submodules", "hantu", "--add-data", f"{site / 'hantu' / 'files'}:hantu/files"]
    for hidden in _HIDDEN:
        words += ["--hidden-import", hidden]
    for left in _LEFT_OUT:
        words += ["--exclude-module", left]
    environment = {**os.environ, "PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": str(time_s)}
    environment["PYTHONPATH"] = str(site)
    # A copy: PyInstaller would take the modules of the checkout around it before the site's.
    shutil.copy2(ROOT / "release/main.py", work / "main.py")
    command = [python, "-m", "PyInstaller", *words, "main.py"]
    done = subprocess.run(
        command,
        cwd=work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"PyInstaller failed:\n{done.stdout[-4000:]}")
    return work / "dist" / "hantu"


def _packed(folder: Path, *, time_s: int) -> bytes:
    """A gzipped tar archive of a folder's content: the same bytes for the same content."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = time_s
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    buffer = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", _LEVEL, buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=plain)
    return buffer.getvalue()
