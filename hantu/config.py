"""Every setting: what it means, its unit, default, allowed values, and where its value came from."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hantu.systemd import credential

DEFAULT_FILE: Final = Path("/etc/hantu/hantu.toml")
ENV_PREFIX: Final = "HANTU_"


class ConfigError(ValueError):
    """A setting has a value that is not allowed; says which, what it is, and what is allowed."""


Reader = Callable[[Any], Any]
"""A raw value (from TOML: typed; from the environment: text) to the setting's value; ValueError."""


def _choice(*names: str) -> tuple[Reader, str]:
    def read(raw: Any) -> str:
        if isinstance(raw, str) and raw.lower() in names:
            return raw.lower()
        raise ValueError

    return read, " or ".join(names)


def _int(least: int, most: int) -> tuple[Reader, str]:
    def read(raw: Any) -> int:
        number = int(raw) if isinstance(raw, str) else raw
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError
        return number

    return read, f"a whole number from {least} to {most}"


def _days(raw: Any) -> float:
    number = float(raw)
    if isinstance(raw, bool) or not 0 < number <= 36500:
        raise ValueError
    return number


def _optional_days(raw: Any) -> float | None:
    return None if raw in ("", "none") else _days(raw)


_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)


def _size(raw: Any) -> int | None:
    if raw in ("", "none"):
        return None
    match = _SIZE.fullmatch(str(raw).strip())
    if match is None or isinstance(raw, bool):
        raise ValueError
    size = int(float(match.group(1)) * 1024 ** " kmgt".index(match.group(2).lower() or " "))
    if size < 1024**2:
        raise ValueError
    return size


_LEVELS: Final = "trace|debug|info|warn|error|fatal"
# A source with a pattern of source ids, a level, or both, and a time; hantu.store.keeping reads it.
_RULE: Final = re.compile(
    rf"(?:(?!level:)[^\s:=]+(?::[^\s=]+)?(?: level:(?:<=|>=)?(?:{_LEVELS}))?|level:(?:<=|>=)?(?:{_LEVELS}))"
    r"=(?=.*[1-9])\d+(?:\.\d+)?[mhdw]"
)


def _rules(raw: Any) -> tuple[str, ...]:
    """Kinds of entries with the time that they are kept, each as kind=time, in order."""
    if isinstance(raw, dict):
        pairs = [
            (scope, f"{span}d" if isinstance(span, int | float) else span) for scope, span in raw.items()
        ]
    else:
        # A level may have a = of its own: the time stands after the last one.
        pairs = [part.rpartition("=")[::2] for part in _list(raw)]
    rules = tuple(f"{' '.join(scope.split())}={span.strip()}" for scope, span in pairs if _text(span))
    if len(rules) < len(pairs) or not all(map(_RULE.fullmatch, rules)):
        raise ValueError
    return rules


def _bytes(raw: Any) -> int:
    size = _size(raw)
    if size is None:
        raise ValueError
    return size


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError
    return raw


def _path(raw: Any) -> Path:
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise ValueError
    return Path(raw).expanduser()


def _optional_path(raw: Any) -> Path | None:
    return None if raw == "" else _path(raw)


def _list(raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if isinstance(raw, list) and all(isinstance(part, str) for part in raw):
        return tuple(raw)
    raise ValueError


def _chat(raw: Any) -> str:
    # In TOML the number of a chat looks like a number.
    return _text(str(raw) if type(raw) is int else raw)


def _url(raw: Any) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", raw):
        raise ValueError
    urlsplit(raw).port  # noqa: B018  raises ValueError for a port that cannot be
    return raw


def _optional_url(raw: Any) -> str:
    return "" if raw == "" else _url(raw)


def _bool(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if isinstance(raw, str) and raw.lower() in words:
        return words[raw.lower()]
    raise ValueError


def _header(raw: Any) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9-]*", raw):
        raise ValueError
    return raw


def _networks(raw: Any) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(each, strict=False)) for each in _list(raw))


def _clock(raw: Any) -> str:
    if isinstance(raw, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", raw):
        return raw
    raise ValueError


def _optional_clock(raw: Any) -> str:
    return "off" if raw == "off" or raw is False else _clock(raw)


def _since(raw: Any) -> str:
    if isinstance(raw, str) and re.fullmatch(
        r"-\d+(s|m|min|h|d)|\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?|boot", raw
    ):
        return raw
    raise ValueError


def _setting(
    default: Any, allowed: str | tuple[Reader, str], help_text: str, read: Reader | None = None
) -> Any:
    if isinstance(allowed, tuple):
        read, allowed = allowed
    return field(default=default, metadata={"read": read, "allowed": allowed, "help": help_text})


_LIST: Final = (_list, "a list of texts (in the environment: separated by commas)")
_BOOL: Final = (_bool, "true or false")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run; settings() tells what each means and allows."""

    data_dir: Path = _setting(Path("/var/lib/hantu"), (_path, "a folder"), "where hantu.db lies")
    host: str = _setting("127.0.0.1", (_text, "an address to listen on"), "address of the web server")
    port: int = _setting(8514, _int(0, 65535), "port of the web server; 0 takes a free one")
    docker: str = _setting(
        "auto", _choice("auto", "off"), "collect containers; auto: when there is an engine"
    )
    docker_include: tuple[str, ...] = _setting(
        ("*",), _LIST, "container names to collect, * for any characters"
    )
    docker_exclude: tuple[str, ...] = _setting((), _LIST, "container names not to collect")
    journal: str = _setting(
        "auto", _choice("auto", "off"), "collect the systemd journal; auto: when there is one"
    )
    journal_units: tuple[str, ...] = _setting((), _LIST, "units to keep, * for any characters; empty: all")
    journal_identifiers: tuple[str, ...] = _setting((), _LIST, "syslog identifiers to keep; empty: all")
    journal_since: str = _setting(
        "-1h",
        (_since, "-1h, -30m, -2d …, a date, or boot"),
        "how far back the first reading of the journal goes",
    )
    journal_namespace: str = _setting(
        "", (_text, "a name"), "journal namespace to read; empty: the system's"
    )
    journal_directory: Path | None = _setting(
        None,
        "a folder",
        "folder of journal files to read in their place, as a container has it",
        _optional_path,
    )
    files: tuple[str, ...] = _setting(
        (), _LIST, "globs of log files; empty: the usual places; none: no files"
    )
    files_from: str = _setting(
        "end", _choice("end", "start"), "where reading of a file begins that was there before hantu"
    )
    file_poll_ms: int = _setting(100, _int(10, 60_000), "milliseconds between looks at the files")
    log_dir: Path | None = _setting(
        None, "a folder", "the log library's folder, read as well", _optional_path
    )
    retention_days: float = _setting(7.0, (_days, "days above 0"), "days that entries are kept")
    retention_bytes: int | None = _setting(
        None,
        (_size, "a size of at least 1M such as 4G, or none"),
        "size of hantu.db above which the oldest day goes",
    )
    retention: tuple[str, ...] = _setting(
        (),
        (_rules, "kinds of entries with a time such as 12h, 2d, 4w; the first that fits decides"),
        "entries kept longer or shorter than retention_days, by source and level",
    )
    maintenance_at: str = _setting(
        "04:00", (_clock, "a time of day HH:MM"), "local time of the daily maintenance"
    )
    backup_dir: Path | None = _setting(
        None, "a folder", "where the daily backup goes; empty: none is made", _optional_path
    )
    backup_keep: int = _setting(7, _int(1, 10_000), "daily backups that stay")
    batch_entries: int = _setting(100, _int(1, 8000), "entries that make a batch due")
    batch_ms: int = _setting(
        1000,
        _int(1, 60_000),
        "milliseconds after its first entry that a batch is due; at most 100 while somebody follows live",
    )
    tail_batch_ms: int = _setting(100, _int(10, 5000), "milliseconds between the sendings of a live tail")
    tail_clients: int = _setting(64, _int(1, 500), "live tails at the same time")
    query_limit_ms: int = _setting(5000, _int(50, 600_000), "milliseconds that one search may take")
    telegram_token: str = _setting("", (_text, "a bot token"), "Telegram bot token")
    telegram_chat_id: str = _setting("", (_chat, "a chat id"), "Telegram chat that gets the alerts")
    telegram_api: str = _setting("https://api.telegram.org", (_url, "a URL"), "address of the Bot API")
    cooldown_s: int = _setting(300, _int(0, 86_400), "seconds that an error is not told again")
    report_at: str = _setting(
        "09:00",
        (_optional_clock, "a time of day HH:MM, or off"),
        "local time of the daily report by Telegram",
    )
    public_url: str = _setting(
        "",
        (_optional_url, "a URL that begins with http:// or https://"),
        "where phones reach the pages: messages then link to the error; empty: no link",
    )
    language: str = _setting(
        "auto", _choice("auto", "ko", "en"), "language of the pages; auto: the browser's"
    )
    reconnect: str = _setting(
        "auto", _choice("auto", "manual"), "after a collector's failure: try again, or wait"
    )
    error_retention_days: float | None = _setting(
        None, (_optional_days, "days above 0, or none"), "days that errors are kept; none: without limit"
    )
    execution_retention_days: float | None = _setting(
        30.0,
        (_optional_days, "days above 0, or none"),
        "days that executions are kept after their end; none: without limit",
    )
    execution_keep_runs: int = _setting(
        10, _int(0, 1_000_000), "newest runs of each job that stay, however old"
    )
    artifact_bytes: int = _setting(
        2 * 1024**3, (_bytes, "a size of at least 1M such as 4G"), "size of an artifact, at most"
    )
    callback_hosts: tuple[str, ...] = _setting(
        ("*",), _LIST, "hosts that callback addresses of executions may name, * for any characters"
    )
    callback_secret: str = _setting(
        "", (_text, "a text"), "secret that callbacks are signed with; empty: no signature"
    )
    allowed_hosts: tuple[str, ...] = _setting((), _LIST, "further names that the pages may be asked for by")
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        (_networks, "a list of addresses or networks such as 127.0.0.1, 10.0.0.0/8"),
        "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    proxy_login_header: str = _setting(
        "",
        (_header, "the name of a header such as Remote-User"),
        "header in which a trusted proxy names who signed in there; empty: none",
    )
    proxy_login_role: str = _setting(
        "none",
        _choice("none", "viewer", "operator", "admin"),
        "role of those whom the proxy names and hantu has no account of; none: they are refused",
    )
    mask: bool = _setting(True, _BOOL, "mask secrets before anything is stored")
    mask_keys: tuple[str, ...] = _setting((), _LIST, "further metadata keys whose values are masked")
    canary: bool = _setting(
        True, _BOOL, "try every 10 minutes whether lines arrive: journal, files, own address, Docker"
    )
    debug: bool = _setting(False, _BOOL, "log hantu's own debug lines")
    development: bool = _setting(False, _BOOL, "show /styleguide, for those who work on hantu's pages")

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.data_dir / "hantu.db"

    @property
    def artifact_folder(self) -> Path:
        """Where the contents of artifacts lie."""
        return self.data_dir / "artifacts"

    @property
    def control_file(self) -> Path:
        """The file by which commands on this machine find and may steer the running service."""
        return self.data_dir / "control.json"


SECRET_KEYS: Final = frozenset({"telegram_token", "callback_secret"})
"""Settings whose value is shown nowhere."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as documentation and `hantu doctor` show it."""

    key: str
    default: Any
    allowed: str
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return ENV_PREFIX + self.key.upper()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, where each value came from, and the file that was read (None: no file)."""

    config: Config
    origins: Mapping[str, str]
    file: Path | None


def settings() -> tuple[Setting, ...]:
    """All settings in order."""
    return tuple(
        Setting(
            f.name, None if f.default is MISSING else f.default, f.metadata["allowed"], f.metadata["help"]
        )
        for f in fields(Config)
    )


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Loaded:
    """The configuration: defaults, the file, systemd's credentials, HANTU_* variables, overrides.

    path None: DEFAULT_FILE when it is there. Raises ConfigError naming the key, the value and what
    is allowed; for an unknown key in the file, too."""
    environ = os.environ if environ is None else environ
    by_key = {f.name: f for f in fields(Config)}
    file = path if path is not None else (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(by_key, "default")
    for key, raw in (_read_file(file) if file else {}).items():
        if key not in by_key:
            raise ConfigError(f"{file}: unknown setting {key!r}; known are {', '.join(by_key)}")
        values[key] = _value(by_key[key], raw, f"{file}: {key}")
        origins[key] = str(file)
    for key in SECRET_KEYS:
        if given := credential(key, environ):
            values[key] = _value(by_key[key], given, f"the credential hantu.{key}")
            origins[key] = "credential"
    for key, known in by_key.items():
        variable = ENV_PREFIX + key.upper()
        if variable in environ:
            values[key] = _value(known, environ[variable], variable)
            origins[key] = variable
    for key, raw in (overrides or {}).items():
        if raw is not None:
            values[key] = _value(by_key[key], raw, f"--{key.replace('_', '-')}")
            origins[key] = "command line"
    return Loaded(Config(**values), origins, file)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _value(known: Field[Any], raw: Any, where: str) -> Any:
    try:
        return known.metadata["read"](raw)
    except (ValueError, TypeError):
        shown = "(hidden)" if known.name in SECRET_KEYS else repr(raw)
        raise ConfigError(f"{where} is {shown}; allowed: {known.metadata['allowed']}") from None
