"""The house keeps its layers, and each kind of part stays in its place."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What may be imported where: the first part of the module's name → folders or files under hantu/.
PLACES = {
    "apsw": ("store/sqlite/",),
    "argon2": ("accounts/",),
    "flask": ("web/", "serve.py"),
    "flask_sock": ("web/",),
    "htmx_flask": ("web/",),
    "simple_websocket": ("web/",),
    "docker": ("collect/docker",),
    "requests": ("collect/docker",),
    "urllib3": ("collect/docker",),
    "subprocess": ("client/migration/", "collect/journal", "cli/", "install/"),
    "gunicorn": ("serve.py",),
    "click": ("cli/",),
    "rich": ("cli/",),
    "numpy": ("store/sqlite/",),
    "zstandard": ("store/sqlite/",),
}


def sources() -> list[Path]:
    return sorted((ROOT / "hantu").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_imports_go_down_the_layers_only() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("package", PLACES)
def test_package_is_imported_only_in_its_place(package: str) -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in sources()
        if not path.relative_to(ROOT / "hantu").as_posix().startswith(PLACES[package] or ("\0",))
        if any(name == package or name.startswith(package + ".") for name in imports(path))
    ]
    assert strays == []


def test_only_threads_py_makes_threads() -> None:
    strays = []
    for path in sources():
        if path.name == "threads.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "threading.Thread",
                "Thread",
                "ThreadPoolExecutor",
                "threading.Timer",
            ):
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert strays == []


def test_importing_hantu_costs_nothing() -> None:
    code = "import sys; before = set(sys.modules); import hantu; print(len(set(sys.modules) - before))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(found.stdout) == 1


def test_schema_and_sql_stay_in_the_store() -> None:
    verbs = ("SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE ", "PRAGMA ")
    strays = []
    for path in sources():
        if path.is_relative_to(ROOT / "hantu" / "store" / "sqlite"):
            continue
        # Applications write errors by the standard library alone: it cannot import the store.
        if path == ROOT / "hantu" / "client" / "sink_sqlite.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith(verbs)
            ):
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert strays == []
