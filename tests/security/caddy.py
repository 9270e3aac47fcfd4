"""A real Caddy that runs the recipe of docs/security.md."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts import require
from tests.security.nginx import PAGE, answers

(RECIPE,) = re.findall(r"```caddy\n(.*?)```", PAGE, re.DOTALL)
_ADDRESS = "logs.example.com {"
_DESK = "127.0.0.1:8514"


@contextmanager
def running(folder: Path, *, port: int, desk: str, key: Path, pem: Path) -> Iterator[None]:
    """Caddy over the recipe, at this port of 127.0.0.1 and with this certificate, before `desk`."""
    require("caddy", shutil.which("caddy") is not None, "install caddy")
    assert _ADDRESS in RECIPE
    assert _DESK in RECIPE
    site = RECIPE.replace(
        _ADDRESS, f"{_ADDRESS[:-2]}:{port} {{\n    bind 127.0.0.1\n    tls {pem} {key}"
    ).replace(_DESK, desk)
    config = folder / "Caddyfile"
    # No port of the machine but the one: neither that of orders nor that which leads to https.
    config.write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}")
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"],
            env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        answers(port, process, folder / "caddy.log")
        yield
    finally:
        process.terminate()
        process.wait(10)
