"""Settings: defaults, file, environment, and the words for a wrong value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hantu.config import SECRET_KEYS, ConfigError, load, settings
from hantu.store.keeping import rules_of


def test_defaults_are_valid_and_say_so() -> None:
    loaded = load(None, environ={})
    assert loaded.config.port == 8514
    assert loaded.config.retention_days == 7
    assert set(loaded.origins.values()) == {"default"}


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    file.write_text('port = 9000\nbatch_ms = 250\nfiles = ["/a/*.log", "/b, c/*.log"]\n')
    loaded = load(file, environ={"HANTU_PORT": "9001", "HANTU_JOURNAL_UNITS": "ssh.service, cron*"})
    assert (loaded.config.port, loaded.origins["port"]) == (9001, "HANTU_PORT")
    assert (loaded.config.batch_ms, loaded.origins["batch_ms"]) == (250, str(file))
    assert loaded.config.files == ("/a/*.log", "/b, c/*.log")
    assert loaded.config.journal_units == ("ssh.service", "cron*")


def test_overrides_beat_everything_and_none_does_not() -> None:
    loaded = load(None, environ={"HANTU_PORT": "9001"}, overrides={"port": "0", "host": None})
    assert (loaded.config.port, loaded.origins["port"]) == (0, "command line")
    assert loaded.origins["host"] == "default"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("port", "65536", "a whole number from 0 to 65535"),
        ("port", "http", "a whole number from 0 to 65535"),
        ("docker", "maybe", "auto or off"),
        ("retention_days", "0", "days above 0"),
        ("retention_days", "soon", "days above 0"),
        ("retention_bytes", "12", "a size of at least 1M"),
        ("maintenance_at", "25:00", "a time of day HH:MM"),
        ("journal_since", "1h", "-1h"),
        ("mask", "perhaps", "true or false"),
        ("data_dir", "", "a folder"),
    ],
)
def test_wrong_value_names_key_value_and_what_is_allowed(key: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, environ={f"HANTU_{key.upper()}": value})
    said = str(caught.value)
    assert key.upper() in said
    assert repr(value) in said
    assert allowed in said


def test_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    file.write_text("telegram_token = 123456789\n")
    with pytest.raises(ConfigError) as caught:
        load(file, environ={})
    assert "123456789" not in str(caught.value)
    assert "telegram_token" in SECRET_KEYS


def test_unknown_key_and_broken_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(ConfigError, match=r"unknown setting 'prot'.*port"):
        load(file, environ={})
    file.write_text("port = = 1\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file, environ={})
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "missing.toml", environ={})


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 * 1024**3), ("1.5 GiB", 1536 * 1024**2), ("2097152", 2097152)]
)
def test_sizes_are_read_with_their_unit(text: str, size: int) -> None:
    assert load(None, environ={"HANTU_RETENTION_BYTES": text}).config.retention_bytes == size


def test_every_setting_has_a_help_text_and_allowed_values() -> None:
    assert all(setting.help and setting.allowed for setting in settings())


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("report_at", "09:00", "09:00"),
        ("report_at", "off", "off"),
        ("report_at", False, "off"),
        ("telegram_chat_id", -1002003004005, "-1002003004005"),
        ("telegram_chat_id", "@channel", "@channel"),
        ("telegram_api", "http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("public_url", "", ""),
        ("public_url", "https://logs.example.com/hantu", "https://logs.example.com/hantu"),
    ],
)
def test_settings_of_alerts_are_read(key: str, raw: object, value: str) -> None:
    assert getattr(load(environ={}, overrides={key: raw}).config, key) == value


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("report_at", "9:00"),
        ("report_at", 0),
        ("report_at", "24:00"),
        ("telegram_chat_id", True),
        ("telegram_api", ""),
        ("telegram_api", "api.telegram.org"),
        ("telegram_api", "https://host:99999"),
        ("telegram_api", "https://user@host"),
        ("public_url", "logs.example.com"),
        ("public_url", "javascript:alert(1)"),
        ("public_url", "https://x/?a=b"),
    ],
)
def test_wrong_settings_of_alerts_stop_the_start(key: str, raw: object) -> None:
    with pytest.raises(ConfigError, match=key.replace("_", "-")):
        load(environ={}, overrides={key: raw})


def test_a_credential_of_systemd_beats_the_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    file.write_text('telegram_token = "old"\n')
    (tmp_path / "hantu.telegram_token").write_text("123:new\n")
    (tmp_path / "hantu.callback_secret").write_text("\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    loaded = load(file, environ=environ)
    assert (loaded.config.telegram_token, loaded.origins["telegram_token"]) == ("123:new", "credential")
    assert (loaded.config.callback_secret, loaded.origins["callback_secret"]) == ("", "default")
    environ["HANTU_TELEGRAM_TOKEN"] = "by variable"
    assert load(file, environ=environ).config.telegram_token == "by variable"


@pytest.mark.parametrize(
    ("written", "read", "days"),
    [
        ("docker:noisy-*=2d, level:debug=12h", ("docker:noisy-*=2d", "level:debug=12h"), [2.0, 0.5]),
        ("level:<=debug=1d", ("level:<=debug=1d",), [1.0]),
        ("app  level:>=warn = 4w", ("app level:>=warn=4w",), [28.0]),
        ({"file:/a/*.log": 3, "journal": "36m"}, ("file:/a/*.log=3d", "journal=36m"), [3.0, 0.025]),
        ("", (), []),
    ],
)
def test_rules_of_retention_are_read_in_order(written: Any, read: object, days: list[float]) -> None:
    rules = load(environ={}, overrides={"retention": written}).config.retention
    assert rules == read
    assert [rule.keep_days for rule in rules_of(rules)] == pytest.approx(days)


@pytest.mark.parametrize(
    "written",
    ["2d", "docker", "docker=0d", "docker=2x", "level:loud=2d", "docker journal=2d", "=2d", 7, {"app": []}],
)
def test_rules_that_say_nothing_are_refused(written: Any) -> None:
    with pytest.raises(ConfigError, match="retention"):
        load(environ={}, overrides={"retention": written})
