"""configure() and HANTU_ variables: what is allowed, and what happens when it is wrong (M67)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hantu import configure, get_logger, shutdown, status
from hantu.client import health, lifecycle
from hantu.client.config import load, settings
from hantu.client.lifecycle import MOVES, Phase
from tests.client.logs import Logs

Library = Callable[..., Logs]
Program = Callable[..., subprocess.CompletedProcess[str]]
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def test_every_setting_is_described_with_its_variable_default_and_what_is_allowed() -> None:
    page = (DOCS / "library.md").read_text("utf-8")
    for setting in settings():
        variable = f"`{setting.variable}`" if setting.variable else "–"
        assert f"| `{setting.key}` | {variable} |" in page
        assert setting.allowed in page
        assert setting.help in page


def test_every_public_name_is_described() -> None:
    import hantu

    page = (DOCS / "library.md").read_text("utf-8")
    assert [name for name in hantu.__all__ if f"`{name}" not in page] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("service", 7),
        ("service", "a\nb"),
        ("log_dir", ""),
        ("log_dir", "a\0b"),
        ("dsn", "postgres://db/app"),
        ("dsn", "http://S3cret@host:port"),
        ("level", "LOUD"),
        ("level", True),
        ("stdout", "perhaps"),
        ("retention_days", 0),
        ("retention_days", True),
        ("flush_ms", -1),
        ("cooldown_s", 1.5),
        ("batch_s", "soon"),
        ("mask_keys", 7),
        ("mask_rules", [("(", "")]),
        ("mask_rules", [("a", r"\2")]),
        ("telegram_token", b"S3cret"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(library: Library, key: str, value: Any) -> None:
    allowed = next(setting.allowed for setting in settings() if setting.key == key)
    logs = library()
    with pytest.raises(ValueError, match=f"^{key} is ") as raised:
        configure(**{key: value})
    assert allowed in str(raised.value)
    assert "S3cret" not in str(raised.value)
    get_logger("shop").info("goes on as before")
    assert "goes on as before" in logs.text


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown setting colour; known are service, "):
        configure(colour="red")


def test_variables_set_what_configure_does_not(tmp_path: Path) -> None:
    environ = {
        "HANTU_SERVICE": "api",
        "HANTU_LEVEL": "warning",
        "HANTU_STDOUT": "off",
        "HANTU_LOG_DIR": str(tmp_path),
        "HANTU_LOG_RETENTION_DAYS": "7",
        "HANTU_RETENTION_DAYS": "99",
        "HANTU_COOLDOWN_S": "0",
        "HANTU_BATCH_S": "0.5",
        "HANTU_MASK_KEYS": "a, b",
        "HANTU_DSN": "",
    }
    config, wrong = load({"service": "scheduler"}, environ)
    assert wrong == []
    assert (config.service, config.level, config.stdout) == ("scheduler", 30, False)
    assert (config.log_dir, config.retention_days, config.cooldown_s) == (tmp_path, 7, 0)
    assert (config.batch_s, config.mask_keys, config.dsn) == (0.5, ("a", "b"), "")


@pytest.mark.parametrize(
    ("script", "service"),
    [("/srv/shop.py", "shop"), ("/srv/shop/__main__.py", "shop"), ("-c", "python"), ("", "python")],
)
def test_the_service_is_called_as_the_program(
    monkeypatch: pytest.MonkeyPatch, script: str, service: str
) -> None:
    monkeypatch.setattr("sys.argv", [script])
    assert load({}, {})[0].service == service


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({}, {})[0].log_dir == Path(os.getcwd()) / "logs"


@pytest.mark.promise("M67")
def test_a_wrong_variable_is_told_and_its_default_used(program: Program, tmp_path: Path) -> None:
    code = """
from hantu import get_logger, status
get_logger("shop").error("goes on")
found = status()
print(found["phase"], found["state"], found["reason"])
"""
    done = program(code, HANTU_LEVEL="LOUD", HANTU_DSN="postgres://S3cret@db")
    assert done.returncode == 0
    assert done.stdout.startswith("READY Degraded ")
    for text in (done.stdout, done.stderr):
        assert "HANTU_LEVEL is 'LOUD'; allowed: DEBUG, INFO" in text
        assert "HANTU_DSN is (hidden); allowed: http://TOKEN@HOST:PORT" in text
        assert "S3cret" not in text
    assert [error["message"] for error in Logs(tmp_path / "logs").errors] == ["goes on"]


@pytest.mark.promise("M67")
def test_a_library_that_cannot_start_leaves_the_application_standard_error(program: Program) -> None:
    code = """
import os, shutil, tempfile
folder = tempfile.mkdtemp()
os.chdir(folder)
shutil.rmtree(folder)
del os.environ["HANTU_LOG_DIR"]
import logging
from hantu import get_logger, status
logger = get_logger("shop")
logger.debug("not this")
logger.info("one password=hunter2")
try: 1 / 0
except ZeroDivisionError: logger.error("two %s", "three", exc_info=True)
logging.getLogger("other").warning("has a place, too")
found = status()
print(found["phase"], found["state"])
"""
    done = program(code)
    assert done.returncode == 0
    assert done.stdout == "FALLBACK Degraded\n"
    for text in (
        "[INFO] shop: one password=[masked]",
        "❌ [ERROR] shop: two three",
        "ZeroDivisionError: division by zero",
        "WARNING:other:has a place, too",
        "hantu: the log library could not start: FileNotFoundError",
    ):
        assert text in done.stderr
    assert "not this" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.promise("M54")
def test_the_library_goes_through_its_phases(library: Library) -> None:
    assert lifecycle.current.phase is Phase.INIT
    logs = library()
    assert status()["phase"] == "READY"
    get_logger("shop").error("one")
    assert shutdown() is True
    assert status()["phase"] == "ENDED"
    assert shutdown() is True
    get_logger("shop").info("late")
    get_logger("shop").error("later")
    assert [line.split(": ")[1].split(" ")[0] for line in logs.lines] == ["one", "late", "later"]
    assert len(logs.errors) == 2
    library()
    assert status()["phase"] == "READY"


@pytest.mark.promise("M54")
def test_only_moves_of_the_table_are_made() -> None:
    assert set(MOVES) == set(Phase)
    for start in Phase:
        for end in Phase:
            found = lifecycle.Lifecycle()
            found.phase = start
            if end in MOVES[start]:
                found._move(end)
                assert found.phase is end
            else:
                with pytest.raises(RuntimeError):
                    found._move(end)


def test_configure_again_moves_the_files(library: Library, tmp_path: Path) -> None:
    first = library(flush_ms=60_000)
    for text in ("one", "two", "three"):
        get_logger("shop").info(text)
    second = library(log_dir=tmp_path / "other", level="INFO")
    get_logger("shop").debug("not this")
    get_logger("shop").info("four")
    assert len(list((tmp_path / "other" / "info").iterdir())) == 1
    assert len(first.lines) == 3
    assert len(Logs(tmp_path / "other").lines) == 1
    assert second.folder == tmp_path / "logs"


def test_status_tells_where_things_are(library: Library) -> None:
    logs = library()
    get_logger("shop").error("one")
    found = status()
    assert (found["state"], found["service"], found["log_dir"]) == ("READY", "scheduler", str(logs.folder))
    assert found["delivery"]["waiting"] == 0
    assert health.current.state is health.State.READY


def test_importing_the_logger_loads_next_to_nothing() -> None:
    import sys

    code = (
        "import sys; before = set(sys.modules); from hantu import get_logger; get_logger('shop'); "
        "print(sorted(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(eval(found.stdout))
    assert {"hantu", "hantu.client", "hantu.client.logger", "hantu.client.levels"} <= loaded
    assert not {name for name in loaded if name.startswith("hantu.") and "client" not in name}
    assert loaded - {"hantu", "hantu.client", "hantu.client.logger", "hantu.client.levels"} <= {
        "importlib",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "warnings",
        "_warnings",
        "__future__",
        "_frozen_importlib",
        "_frozen_importlib_external",
    }


def test_the_library_is_of_the_standard_library_only(program: Program) -> None:
    code = """
import sys
from hantu import *
from hantu import configure, get_logger, shutdown
from hantu.client import lifecycle
configure(dsn="http://T0ken123@127.0.0.1:9", telegram_token="1:x", telegram_chat_id="1",
          telegram_api="http://127.0.0.1:9", exit_flush_s=0)
get_logger("shop").error("x")
shutdown()
roots = {name.partition(".")[0] for name in sys.modules}
print(sorted(roots - set(sys.stdlib_module_names) - {"hantu", "__main__", "__mp_main__"}))
"""
    done = program(code)
    names = [
        name for name in eval(done.stdout) if not name.startswith(("_", "sitecustomize", "usercustomize"))
    ]
    assert [name for name in names if "distutils" not in name and "pkg_resources" not in name] == []
