"""The built files, each in a place that has nothing but it: they start, store, search and answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.parts import require
from tests.running import NOTHING
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

ROOT: Final = Path(__file__).resolve().parents[2]
DIST: Final = ROOT / "dist"
START_S: Final = 60.0
BUSYBOX: Final = Path("/bin/busybox")
TOOLS: Final = ("sh", "id", "mkdir", "mktemp", "tail", "gzip", "tar", "mv", "rm")
"""All that the head of hantu-standalone calls."""
LIBRARIES: Final = (
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libz.so.1",
)
"""glibc and zlib: all of the system that the frozen program needs."""


def built(name: str) -> Path:
    require(f"dist/{name}", (DIST / name).is_file(), "make build")
    return DIST / name


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path], folder: Path, *, env: Mapping[str, str], seen: str = ""
) -> Iterator[tuple[str, str]]:
    """A service over folder/data; its address and the token of commands. seen: the folder's name within."""
    log = folder / "log"
    within = seen if seen else str(folder)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data-dir", f"{within}/data", "serve", "--port", "0"],
            cwd=folder,
            env={**NOTHING, **env},
            stdout=output,
            stderr=output,
        )
    control = folder / "data" / "control.json"
    try:
        wait_until(
            lambda: process.poll() is not None or (control.exists() and control.read_text()), START_S
        )
        assert process.poll() is None, log.read_text()
        found = json.loads(control.read_text())
        yield found["url"], found["token"]
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait(20)


def ask(url: str, token: str, path: str, body: bytes | None = None) -> str:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    request = urllib.request.Request(url + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def works(url: str, token: str) -> None:
    """Takes a line, finds it, shows it with its styles."""
    ask(url, token, "/api/ingest", '{"message": "주문 42 packed"}'.encode())
    found: list[str] = []

    def stored() -> bool:
        answer = json.loads(ask(url, token, f"/api/logs?q={quote('주문')}"))
        found[:] = [entry["message"] for entry in answer["logs"]]
        return bool(found)

    wait_until(stored)
    assert found == ["주문 42 packed"]
    assert "packed" in ask(url, token, "/logs")
    assert "--" in ask(url, token, "/static/tokens.css")


def test_the_sums_are_those_of_the_files() -> None:
    lines = built("SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert {"hantu", "hantu-standalone"} <= set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest


def test_the_file_for_hosts_without_python_needs_an_empty_root_and_a_shell(tmp_path: Path) -> None:
    require("root", os.geteuid() == 0, "chroot needs it")
    require("busybox", BUSYBOX.is_file(), "install busybox-static")
    root = tmp_path / "root"
    for folder in ("bin", "lib64", "lib/x86_64-linux-gnu", "tmp", "proc", "dev", "home/data"):
        (root / folder).mkdir(parents=True)
    shutil.copy2(BUSYBOX, root / "bin/busybox")
    for tool in TOOLS:
        (root / "bin" / tool).symlink_to("busybox")
    shutil.copy2("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    for library in LIBRARIES:
        shutil.copy2(f"/lib/x86_64-linux-gnu/{library}", root / "lib/x86_64-linux-gnu")
    for device in ("null", "urandom"):
        os.mknod(root / "dev" / device, 0o20666, Path(f"/dev/{device}").stat().st_rdev)
    shutil.copy2(built("hantu-standalone"), root / "hantu")
    env = {"PATH": "/bin", "HOME": "/home", "LANG": "C.UTF-8"}
    with serving(["/usr/sbin/chroot", root, "/hantu"], root / "home", env=env, seen="/home") as (
        url,
        token,
    ):
        works(url, token)
    # Unpacked once, for its owner alone.
    (unpacked,) = (root / "var/cache/hantu-files").iterdir()
    assert (unpacked / "hantu").is_file()
    assert (root / "var/cache/hantu-files").stat().st_mode & 0o077 == 0


def test_a_cut_download_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    cut = tmp_path / "hantu"
    cut.write_bytes(built("hantu-standalone").read_bytes()[:2_000_000])
    cut.chmod(0o755)
    cache = tmp_path / "cache"
    done = subprocess.run(
        [cut, "--version"],
        env={**os.environ, "HANTU_UNPACK_TO": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "is the download whole?" in done.stderr
    assert list(cache.iterdir()) == []


def test_the_file_for_hosts_with_python_works_from_an_empty_folder(tmp_path: Path) -> None:
    python = shutil.which("python3.11", path="/usr/bin:/usr/local/bin") or shutil.which("python3.11")
    require("python3.11", python is not None, "install python3.11")
    assert python is not None
    env = {"PATH": str(Path(python).parent), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    # Its first line finds Python; nothing else is on its path.
    with serving([built("hantu")], tmp_path, env=env) as (url, token):
        works(url, token)


def unpacked_wheel(folder: Path) -> Path:
    wheels = sorted(DIST.glob("hantu-*.whl"))
    require("the wheel", len(wheels) == 1, "make build")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder)
    return folder


def test_the_wheel_carries_pages_styles_schema_and_unit(tmp_path: Path) -> None:
    site = unpacked_wheel(tmp_path / "site")
    assert not (site / "templates").exists()
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    code = "import sys; from hantu.cli.entry import main; sys.argv[0] = 'hantu'; main()"
    with serving([sys.executable, "-c", code], tmp_path, env=env) as (url, token):
        works(url, token)
    assert (site / "hantu/files/hantu.service").read_bytes() == (ROOT / "hantu.service").read_bytes()


def test_the_wheel_alone_is_the_library_and_needs_nothing(tmp_path: Path) -> None:
    site = unpacked_wheel(tmp_path / "site")
    (metadata,) = site.glob("*.dist-info/METADATA")
    needs = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist:")]
    assert needs
    assert [line for line in needs if 'extra == "server"' not in line] == []
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from hantu import get_logger\n"
        "get_logger('shop').info('packed')\n"
        "assert not {'flask', 'numpy', 'apsw', 'click'} & set(sys.modules), sys.modules\n"
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HANTU_LOG_DIR": str(tmp_path / "logs")}
    # -S: without the packages of this environment.
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "packed" in done.stdout


@pytest.mark.parametrize("name", ["hantu", "hantu-standalone"])
def test_a_built_file_unpacks_once(name: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    env = {**os.environ, "HANTU_UNPACK_TO": str(cache), "SHIV_ROOT": str(cache)}

    def unpacked() -> dict[str, int]:
        done = subprocess.run(
            [built(name), "--version"], env=env, check=True, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.startswith("hantu, version ")
        return {folder.name: folder.stat().st_ino for folder in cache.iterdir() if folder.is_dir()}

    first = unpacked()
    assert len(first) == 1
    assert unpacked() == first
