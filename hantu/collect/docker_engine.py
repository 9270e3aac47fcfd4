"""The Docker engine as hantu sees it: list, inspect, events, logs, and nothing else (GET only)."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hantu.collect.docker_stream import Address, ContainerGone, EngineError, EngineStream

if TYPE_CHECKING:
    # The SDK is loaded by the first call, in the collector's thread: it would be a tenth of hantu's start.
    import docker

DEFAULT_SOCKET: Final = "/var/run/docker.sock"
SERVICE_LABEL: Final = "com.docker.compose.service"
EVENTS: Final = ("start", "die", "rename", "destroy")

_TIMEOUT_S: Final = 10
_SIZE: Final = re.compile(r"(\d+)([kmgt]?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
# The local driver rotates by default; json-file only when told to.
_LOCAL_SIZE_BYTES: Final = 20 * 1024 * 1024
_OWN_MOUNT: Final = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) /etc/")


@dataclass(frozen=True, slots=True)
class Container:
    """What hantu keeps of a container: never its environment (Config.Env), which holds secrets.

    running: its log may still grow. started, finished: as the engine writes them, to compare only.
    file_bytes: size at which its log file is rotated, None when it is not. files: its log is kept
    in files of the engine (which may repeat lines when it rotates them)."""

    id: str
    name: str
    image: str
    service: str
    tty: bool
    running: bool
    created_ns: int
    started_ns: int
    finished: str
    finished_ns: int
    driver: str
    file_bytes: int | None

    @property
    def files(self) -> bool:
        """Whether the engine keeps the log in files of its own."""
        return self.driver in ("json-file", "local")


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the engine's list of containers."""

    id: str
    name: str
    image: str
    running: bool
    created_ns: int


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a container: start, die, rename, destroy. name: the one it has after it."""

    action: str
    container_id: str
    name: str
    time_ns: int
    image: str = ""


class Engine:
    """A Docker engine: DOCKER_HOST, else /var/run/docker.sock. Connects at the first call.

    Every method raises EngineError, with what to do, when the engine is away or refuses."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._lock = threading.Lock()
        self._api: docker.APIClient | None = None

    @property
    def host(self) -> str:
        """The address as a person writes it."""
        return self._environment.get("DOCKER_HOST") or f"unix://{DEFAULT_SOCKET}"

    @property
    def local(self) -> bool:
        """Whether it runs on this machine, with this machine's clock."""
        return self.host.startswith(("unix://", "/", "http+unix://"))

    def containers(self) -> list[Listed]:
        """All containers, running or not."""
        found = self._call(lambda api: api.containers(all=True))
        return [
            Listed(
                id=item["Id"],
                name=_own_name(item.get("Names") or ()) or item["Id"][:12],
                image=item.get("Image", ""),
                running=item.get("State") in ("running", "paused"),
                created_ns=int(item.get("Created", 0)) * 10**9,
            )
            for item in found
        ]

    def inspect(self, container_id: str) -> Container:
        """One container. Raises ContainerGone, too."""
        return _container(self._call(lambda api: api.inspect_container(container_id)))

    def logs(self, container_id: str, parameters: dict[str, str]) -> EngineStream:
        """Its log stream, requested with these parameters."""
        try:
            return EngineStream(self.address(), f"/containers/{container_id}/logs", parameters)
        except OSError as error:
            raise self._unreachable(error) from error

    def events(self, since_ns: int | None, until_ns: int | None = None) -> EventStream:
        """The stream of events from since_ns (inclusive) on, None: from now on; until_ns: only those that
        the engine remembers until then, and the stream ends."""
        parameters = {"filters": json.dumps({"type": ["container"], "event": list(EVENTS)})}
        if since_ns is not None:
            parameters["since"] = since_text(since_ns)
        if until_ns is not None:
            parameters["until"] = since_text(until_ns)
        try:
            return EventStream(EngineStream(self.address(), "/events", parameters))
        except OSError as error:
            raise self._unreachable(error) from error

    def address(self) -> Address:
        """Where to connect a log stream to."""
        settings = self._settings()
        base = self._parsed(settings)
        if base.startswith("http+unix://"):
            return Address(path=base.removeprefix("http+unix://"))
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self._unusable()
        tls = _tls_context(settings["tls"]) if "tls" in settings else None
        return Address(host=parts.hostname, port=parts.port or 2375, tls=tls)

    def close(self) -> None:
        """Release the connections; a later call opens new ones."""
        with self._lock:
            api, self._api = self._api, None
        if api is not None:
            api.close()

    def _call(self, work: Any) -> Any:
        from docker.errors import APIError, DockerException
        from requests import RequestException

        with self._lock:
            try:
                # First without the SDK: it leaks the socket of a connection that fails (SDK 7.2).
                self.address().connect().close()
                if self._api is None:
                    self._api = self._connect()
                return work(self._api)
            except (DockerException, RequestException, OSError) as error:
                if not isinstance(error, APIError) and self._api is not None:
                    self._api.close()
                    self._api = None
                raise self._explain(error) from error

    def _settings(self) -> dict[str, Any]:
        from docker.errors import TLSParameterError
        from docker.utils import kwargs_from_env

        try:
            return dict(kwargs_from_env(self._environment or {"DOCKER_HOST": ""}))
        except TLSParameterError as error:
            raise EngineError(
                f"the certificates for {self.host} cannot be used: {error}",
                fix="set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem",
            ) from error

    def _parsed(self, settings: Mapping[str, Any]) -> str:
        from docker.errors import DockerException
        from docker.utils import parse_host

        try:
            return str(parse_host(settings.get("base_url") or self.host, False, "tls" in settings))
        except DockerException as error:
            raise self._unusable() from error

    def _connect(self) -> docker.APIClient:
        from docker import APIClient
        from docker.errors import DockerException
        from requests import RequestException

        settings = self._settings()
        base = self._parsed(settings)
        if not base.startswith(("http+unix://", "http://", "https://")):
            raise self._unusable()
        try:
            _knock(base)
            api = APIClient(
                base_url=base, tls=settings.get("tls", False), version="auto", timeout=_TIMEOUT_S
            )
            # The SDK would keep a connection open for each of the last 25 URLs (SDK 7.2).
            api.headers["Connection"] = "close"
            return api
        except (DockerException, RequestException, OSError) as error:
            raise self._explain(error) from error

    def _unusable(self) -> EngineError:
        return EngineError(
            f"DOCKER_HOST={self.host} is no address hantu can use",
            fix="use unix:///path/to/docker.sock or tcp://host:port",
            lasting=True,
        )

    def _explain(self, error: Exception) -> EngineError:
        from docker.errors import APIError

        if isinstance(error, EngineError):
            return error
        if isinstance(error, APIError):
            text = str(error.explanation or error)
            status = int(error.status_code or 0)
            if status == 404:
                return ContainerGone(text, status=status)
            if status == 403:
                return EngineError(
                    f"a proxy before the engine refuses: {text}",
                    fix="allow GET /containers and /events in the proxy's settings",
                    status=status,
                )
            return EngineError(f"the engine refuses: {text} (HTTP {status})", status=status)
        return self._unreachable(error)

    def _unreachable(self, error: Exception) -> EngineError:
        cause = _root(error)
        if isinstance(cause, PermissionError):
            return EngineError(
                f"hantu may not use the Docker engine at {self.host} (permission denied)",
                fix="usermod -aG docker hantu && systemctl restart hantu",
            )
        if isinstance(cause, FileNotFoundError):
            return EngineError(
                f"there is no Docker engine at {self.host}",
                fix='start it (systemctl start docker), set DOCKER_HOST, or set docker = "off"',
                absent=not self._environment.get("DOCKER_HOST"),
            )
        if isinstance(cause, ConnectionRefusedError):
            return EngineError(
                f"the Docker engine at {self.host} does not answer", fix="systemctl start docker"
            )
        return EngineError(f"the Docker engine at {self.host} cannot be reached: {cause}")


class EventStream:
    """Events as they come. read() and close() belong to one thread; cancel() to any."""

    def __init__(self, stream: EngineStream) -> None:
        self._stream = stream
        self._rest = b""

    def read(self, wait_s: float) -> list[Event] | None:
        """The events that came, [] when none did within wait_s; None at the end of the stream.

        Raises EngineError, OSError."""
        chunk = self._stream.read(wait_s)
        if chunk is None:
            return []
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        try:
            events = [_event(json.loads(line)) for line in lines if line.strip()]
        except ValueError as error:
            raise EngineError(f"the engine's events cannot be read: {error}") from error
        return [event for event in events if event is not None]

    def rest(self, limit_s: float) -> list[Event]:
        """All events of a stream that ends, as many as come within limit_s; closes it."""
        until = time.monotonic() + limit_s
        found: list[Event] = []
        try:
            while (left_s := until - time.monotonic()) > 0 and (batch := self.read(left_s)) is not None:
                found += batch
        finally:
            self.close()
        return found

    @property
    def answered(self) -> bool:
        """Whether the engine has agreed to send."""
        return self._stream.answered

    def cancel(self) -> None:
        """Make read() return None at once, from any thread."""
        self._stream.cancel()

    def close(self) -> None:
        """Release the connection."""
        self._stream.close()


def _knock(base: str) -> None:
    """Raise OSError when nothing listens at a Unix socket's address: the SDK would leave its own
    socket open in that case (SDK 7.2)."""
    if not base.startswith("http+unix://"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT_S)
        probe.connect("/" + base.removeprefix("http+unix://").lstrip("/"))


def since_text(time_ns: int) -> str:
    """A time as `since` takes it exactly: seconds.nanoseconds."""
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"


def own_container(
    hostname: str | None = None, mounts: Path = Path("/proc/self/mountinfo")
) -> tuple[str, ...]:
    """How the id of the container that hantu itself runs in may begin; empty outside of one.

    Collecting its own output would feed hantu with what it says about collecting."""
    try:
        ids = set(_OWN_MOUNT.findall(mounts.read_text()))
    except OSError:
        ids = set()
    name = os.uname().nodename if hostname is None else hostname
    if re.fullmatch(r"[0-9a-f]{12}", name):
        ids.add(name)
    return tuple(sorted(ids))


def _own_name(names: Any) -> str:
    """The container's own name among link aliases (`/other/alias`)."""
    own = [name for name in names if name.count("/") <= 1]
    return str(own[0]).lstrip("/") if own else ""


def _container(found: Mapping[str, Any]) -> Container:
    state, config = found["State"], found["Config"]
    log = (found.get("HostConfig") or {}).get("LogConfig") or {}
    driver = str(log.get("Type", ""))
    finished = str(state.get("FinishedAt", ""))
    return Container(
        id=found["Id"],
        name=str(found.get("Name", "")).lstrip("/") or found["Id"][:12],
        image=str(config.get("Image", "")),
        service=str((config.get("Labels") or {}).get(SERVICE_LABEL, "")),
        tty=bool(config.get("Tty")),
        running=bool(state.get("Running")) and not state.get("Restarting"),
        created_ns=_time_ns(found.get("Created", "")),
        started_ns=_time_ns(state.get("StartedAt", "")),
        finished=finished,
        finished_ns=_time_ns(finished),
        driver=driver,
        file_bytes=_file_bytes(driver, log.get("Config") or {}),
    )


def _file_bytes(driver: str, options: Mapping[str, str]) -> int | None:
    match = _SIZE.fullmatch(options.get("max-size", ""))
    if match is not None:
        size = int(match[1]) * 1024 ** _POWERS[match[2].lower()]
        return size or None
    return _LOCAL_SIZE_BYTES if driver == "local" else None


def _time_ns(text: str) -> int:
    """Epoch ns of the engine's `2026-11-21T02:01:05.601196259Z`; 0 for its "never" (year 1)."""
    second, _, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.strptime(second[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return 0
    digits = re.match(r"\d*", fraction)
    nanos = int((digits[0] if digits else "").ljust(9, "0")[:9])
    return max(0, int(moment.timestamp()) * 10**9 + nanos)


def _event(item: Mapping[str, Any]) -> Event | None:
    actor = item.get("Actor") or {}
    container_id = actor.get("ID") or item.get("id")
    action = str(item.get("Action") or item.get("status") or "")
    if not container_id or action not in EVENTS:
        return None
    told = actor.get("Attributes") or {}
    name = str(told.get("name", "")).lstrip("/") or str(container_id)[:12]
    time_ns = int(item.get("timeNano") or int(item.get("time", time.time())) * 10**9)
    return Event(action, str(container_id), name, time_ns, str(told.get("image", "")))


def _tls_context(settings: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_cert or None)
    if settings.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert:
        context.load_cert_chain(*settings.cert)
    return context


def _root(error: BaseException) -> BaseException:
    """The operating system's error at the bottom of the libraries' own."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, OSError) and current.errno is not None:
            return current
        todo += [
            inner
            for inner in (*current.args, current.__cause__, current.__context__)
            if isinstance(inner, BaseException)
        ]
    return error
