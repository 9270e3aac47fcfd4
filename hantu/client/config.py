"""The settings of the log library: configure(), HANTU_ variables, defaults; docs/library.md."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hantu.client.levels import BY_NAME, DEBUG

Read = Callable[[Any], Any]
"""A raw value (typed from configure(), text from the environment) to the setting's; raises for others."""


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or "\0" in raw or "\n" in raw:
        raise ValueError
    return raw


def _path(raw: Any) -> Path:
    text = os.fspath(raw)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError
    # Absolute from the start: a later chdir of the application must not move the logs.
    return Path(os.path.abspath(os.path.expanduser(text)))


def _dsn(raw: Any) -> str:
    text = _text(raw)
    if text and not re.match(r"https?://[^/\s]|sqlite:////?[^/\s]", text):
        raise ValueError
    # Raises for an address or a port that is none.
    _ = urlsplit(text).port
    return text


def _level(raw: Any) -> int:
    if isinstance(raw, str) and raw.upper() in BY_NAME:
        return BY_NAME[raw.upper()]
    if raw in BY_NAME.values() and not isinstance(raw, bool):
        return int(raw)
    raise ValueError


def _bool(raw: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    return raw if isinstance(raw, bool) else words[_text(raw).lower()]


def _whole(least: int, most: int) -> Read:
    def read(raw: Any) -> int:
        number = int(raw) if isinstance(raw, str) else raw
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError
        return number

    return read


def _number(least: float, most: float) -> Read:
    def read(raw: Any) -> float:
        number = float(raw)
        if isinstance(raw, bool) or not least <= number <= most:
            raise ValueError
        return number

    return read


def _keys(raw: Any) -> tuple[str, ...]:
    keys = raw.split(",") if isinstance(raw, str) else raw
    return tuple(_text(key).strip() for key in keys if key.strip())


def _rules(raw: Any) -> tuple[tuple[str, str], ...]:
    rules = []
    for pattern, replacement in raw:
        rules.append((_text(pattern), _text(replacement)))
        re.compile(pattern).sub(replacement, "")
    return tuple(rules)


def _setting(
    default: Any, read: Read, allowed: str, help_text: str, variable: str = "", *, shown: bool = True
) -> Any:
    metadata = {"read": read, "allowed": allowed, "help": help_text, "variable": variable, "shown": shown}
    return field(default=default, metadata=metadata, repr=shown)


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The settings of one process; settings() tells what each means and allows."""

    service: str = _setting("", _text, "a text", "name of the application; empty: the program's name")
    log_dir: Path = _setting(Path("logs"), _path, "a folder", "where info/ and errors/ are made")
    dsn: str = _setting(
        "",
        _dsn,
        "http://TOKEN@HOST:PORT or sqlite:////PATH",
        "where errors go besides the files; empty: nowhere",
        shown=False,
    )
    level: int = _setting(
        DEBUG, _level, "DEBUG, INFO, SUCCESS, WARNING, ERROR or CRITICAL", "lines below it are not written"
    )
    stdout: bool = _setting(True, _bool, "true or false", "INFO, SUCCESS and WARNING on stdout, too")
    retention_days: int = _setting(
        3,
        _whole(1, 3650),
        "a whole number from 1 to 3650",
        "days that the local files are kept",
        "HANTU_LOG_RETENTION_DAYS",
    )
    flush_ms: int = _setting(
        500,
        _whole(0, 60_000),
        "a whole number from 0 to 60000",
        "milliseconds that lines of the text file may wait; 0: each is written at once",
    )
    telegram_token: str = _setting("", _text, "a bot token", "Telegram bot token", shown=False)
    telegram_chat_id: str = _setting(
        "", lambda raw: _text(str(raw)), "a chat id", "Telegram chat that gets the alerts"
    )
    telegram_api: str = _setting("https://api.telegram.org", _text, "a URL", "address of the Bot API")
    cooldown_s: int = _setting(
        300,
        _whole(0, 86_400),
        "a whole number from 0 to 86400",
        "seconds that an error is not told again",
    )
    batch_errors: int = _setting(
        10, _whole(1, 1000), "a whole number from 1 to 1000", "errors that are sent together"
    )
    batch_s: float = _setting(
        5.0, _number(0.01, 3600), "a number from 0.01 to 3600", "seconds that an error waits for others"
    )
    retry_s: float = _setting(
        30.0, _number(0.01, 3600), "a number from 0.01 to 3600", "seconds between tries to send"
    )
    retries: int = _setting(
        3, _whole(1, 100), "a whole number from 1 to 100", "tries after which errors stay in the file only"
    )
    queue_errors: int = _setting(
        1000,
        _whole(1, 100_000),
        "a whole number from 1 to 100000",
        "errors that wait before the queue grows",
    )
    exit_flush_s: float = _setting(
        2.0, _number(0, 60), "a number from 0 to 60", "seconds that the end of the program may take"
    )
    mask_keys: tuple[str, ...] = _setting(
        (),
        _keys,
        "a list of keys (in the environment: separated by commas)",
        "further keys that are masked",
    )
    mask_rules: tuple[tuple[str, str], ...] = _setting(
        (),
        _rules,
        "pairs of a regular expression and its replacement",
        "further texts that are masked",
        "-",
        shown=False,
    )

    @property
    def info_dir(self) -> Path:
        """Folder of the text files."""
        return self.log_dir / "info"

    @property
    def errors_dir(self) -> Path:
        """Folder of the error files."""
        return self.log_dir / "errors"


@dataclass(frozen=True, slots=True)
class ClientSetting:
    """One setting as documentation shows it. variable: "" when there is none."""

    key: str
    default: Any
    allowed: str
    help: str
    variable: str
    secret: bool


def settings() -> tuple[ClientSetting, ...]:
    """All settings in order."""
    return tuple(
        ClientSetting(
            f.name,
            f.default,
            f.metadata["allowed"],
            f.metadata["help"],
            "" if f.metadata["variable"] == "-" else f.metadata["variable"] or f"HANTU_{f.name.upper()}",
            not f.metadata["shown"],
        )
        for f in fields(ClientConfig)
    )


def load(given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[ClientConfig, list[str]]:
    """The settings, and a sentence for each variable whose value is not allowed (its default is used).

    given: wins over the environment. Raises ValueError for a value or key in it that is not allowed."""
    readers: dict[str, Read] = {f.name: f.metadata["read"] for f in fields(ClientConfig)}
    known = settings()
    values: dict[str, Any] = {}
    wrong: list[str] = []
    if unknown := set(given) - set(readers):
        raise ValueError(f"unknown setting {', '.join(sorted(unknown))}; known are {', '.join(readers)}")
    for setting in known:
        if setting.key in given:
            values[setting.key] = _read(readers[setting.key], given[setting.key], setting, setting.key)
        elif environ.get(setting.variable):
            try:
                raw = environ[setting.variable]
                values[setting.key] = _read(readers[setting.key], raw, setting, setting.variable)
            except ValueError as error:
                wrong.append(str(error))
    values.setdefault("log_dir", _path("logs"))
    if not values.get("service"):
        values["service"] = program_name()
    return ClientConfig(**values), wrong


def _read(read: Read, raw: Any, setting: ClientSetting, where: str) -> Any:
    try:
        return read(raw)
    except Exception:  # a value of the application: whatever it does, the answer is the same
        shown = "(hidden)" if setting.secret else repr(raw)
        raise ValueError(f"{where} is {shown}; allowed: {setting.allowed}") from None


def program_name() -> str:
    """What the running program is called: its script, or the package that `python -m` runs."""
    script: Final = Path(sys.argv[0] if getattr(sys, "argv", None) else "")
    if script.stem == "__main__":
        return script.parent.name or "python"
    return script.stem if script.stem not in ("", "-c", "-m") else "python"
