"""A real nginx that runs a recipe of docs/security.md."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hantu.paths import ROOT
from tests.parts import require
from tests.waiting import wait_until

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)


def answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a proxy takes connections; AssertionError with its log when it ended."""

    def open_or_over() -> bool:
        with socket.socket() as probe:
            return process.poll() is not None or probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(open_or_over, 20)
    assert process.poll() is None, log.read_text(encoding="utf-8")


@contextmanager
def running(folder: Path, recipe: str, changes: Mapping[str, str]) -> Iterator[Path]:
    """nginx over a recipe in which each text of `changes`, found once or more, is replaced; gives its
    access log: method, address, status."""
    require("nginx", shutil.which("nginx") is not None, "install nginx-light")
    for old, new in changes.items():
        assert old in recipe, f"{old!r} is not in the recipe"
        recipe = recipe.replace(old, new)
    config, log = folder / "nginx.conf", folder / "access.log"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events { worker_connections 64; }\n"
        f"http {{\nlog_format short '$request_method $uri $status';\naccess_log {log} short;\n"
        f"{temporary}{recipe}\n}}\n"
    )
    process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: (folder / "nginx.pid").exists() or process.poll() is not None)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        yield log
    finally:
        process.terminate()
        process.wait(10)
        if process.stderr is not None:
            process.stderr.close()
