"""What built files carry is pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from release.site import SOURCES

ROOT = Path(__file__).resolve().parents[2]


def pins(name: str) -> dict[str, str]:
    """Packages of a file of requirements and their versions."""
    found = {}
    for line in (ROOT / name).read_text(encoding="ascii").splitlines():
        package, _, version = line.lower().partition("==")
        assert version, f"{name}: {line} is not pinned"
        found[re.sub(r"[-_.]+", "-", package)] = version
    return found


def test_built_files_carry_the_versions_that_are_tested() -> None:
    tested = pins("requirements.txt")
    carried = pins("release/constraints.txt")
    assert {name: carried.get(name) for name in tested} == tested


def test_the_library_alone_needs_nothing_and_the_server_what_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == []
    server = {re.split(r"[><=]", need)[0].lower() for need in project["optional-dependencies"]["server"]}
    assert server - set(pins("requirements.txt")) == set()


def test_everything_that_a_wheel_is_made_of_is_there() -> None:
    assert [name for name in SOURCES if not (ROOT / name).exists()] == []
