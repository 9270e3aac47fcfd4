"""A private Docker engine for tests: its own socket, data and containers, no network."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import docker
import pytest

from tests.parts import require
from tests.waiting import wait_until

IMAGE = "busybox:local"
_DOCKERD = shutil.which("dockerd") or "/usr/sbin/dockerd"
_BUSYBOX = shutil.which("busybox") or "/bin/busybox"
_TOOLS = (
    "sh",
    "echo",
    "seq",
    "sleep",
    "cat",
    "printf",
    "yes",
    "head",
    "dd",
    "tr",
    "awk",
    "usleep",
    "date",
    "true",
    "false",
    "tail",
    "wc",
    "kill",
    "env",
    "test",
    "stty",
)


class PrivateEngine:
    """A dockerd in a folder of its own. start() and kill() may alternate; stop() ends for good.

    within: a command that runs it, such as one that gives it mounts of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        live_restore: bool = True,
        environment: dict[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.environment = {"DOCKER_HOST": self.host}
        self._live_restore = live_restore
        self._within = tuple(within)
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._made: list[str] = []

    def start(self) -> None:
        """Start dockerd and wait until it answers."""
        for left in ("pid", "exec/containerd/containerd.pid", "docker.sock"):
            (self.folder / left).unlink(missing_ok=True)
        command = [
            *self._within,
            _DOCKERD,
            "--data-root",
            str(self.folder / "root"),
            "--exec-root",
            str(self.folder / "exec"),
        ]
        command += [
            "-p",
            str(self.folder / "pid"),
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
        ]
        command += ["-H", self.host, *(["--live-restore"] if self._live_restore else [])]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )
        try:
            wait_until(self._answers, 60, 0.1)
        except AssertionError:
            tail = (self.folder / "log").read_text()[-3000:]
            raise AssertionError(f"dockerd did not start:\n{tail}") from None

    def _answers(self) -> bool:
        process = self._process
        if process is None or process.poll() is not None:
            raise AssertionError("dockerd ended")
        try:
            # The SDK would leave its own socket open when nothing listens.
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(str(self.socket))
        except OSError:
            return False
        try:
            client = docker.APIClient(base_url=self.host, version="auto", timeout=5)
        except docker.errors.DockerException:
            return False
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False
        finally:
            client.close()

    def load_image(self) -> None:
        """Make busybox:local of the machine's static busybox."""
        data = BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            archive.add(_BUSYBOX, "bin/busybox")
            for tool in _TOOLS:
                link = tarfile.TarInfo(f"bin/{tool}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
        client = self.client()
        try:
            client.import_image_from_data(data.getvalue(), repository="busybox", tag="local")
        finally:
            client.close()

    def client(self) -> docker.APIClient:
        """A client; close it."""
        return docker.APIClient(base_url=self.host, version="auto", timeout=60)

    def run(
        self, script: str, *, name: str | None = None, tty: bool = False, options: tuple[str, ...] = ()
    ) -> str:
        """Start a container that runs `sh -c script`; returns its id."""
        command = ["run", "-d", "--network", "none", *(["-t"] if tty else [])]
        command += [*(["--name", name] if name else []), *options, IMAGE, "sh", "-c", script]
        container_id = self.docker(*command)
        self._made.append(container_id)
        return container_id

    def docker(self, *arguments: str) -> str:
        """Run the docker command line; returns what it prints, stripped."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            ["docker", *arguments], env=environment, check=True, capture_output=True, text=True, timeout=90
        )
        return done.stdout.strip()

    def stderr_of(self, container_id: str) -> str:
        """What the engine kept of a container's standard error."""
        client = self.client()
        try:
            raw: bytes = client.logs(container_id, stdout=False, stderr=True)
        finally:
            client.close()
        return raw.decode()

    def remove_containers(self) -> None:
        """Remove every container that run() made."""
        made, self._made = self._made, []
        client = self.client()
        try:
            for container_id in made:
                try:
                    client.remove_container(container_id, force=True, v=True)
                except docker.errors.NotFound:
                    continue
        finally:
            client.close()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End dockerd by this signal; with live-restore its containers go on."""
        process = self._process
        if process is None:
            return
        containerd = self._containerd()
        process.send_signal(number)
        process.wait(60)
        self._process = None
        if number == signal.SIGKILL and containerd is not None:
            _end(containerd)

    def stop(self) -> None:
        """End dockerd, its containers and all of its processes."""
        if self._process is not None:
            try:
                self._kill_containers()
            finally:
                self.kill(signal.SIGTERM)
        _end_all_of(str(self.folder))
        _unmount_all_below(self.folder)

    def _kill_containers(self) -> None:
        client = self.client()
        try:
            for found in client.containers(all=True):
                client.remove_container(found["Id"], force=True, v=True)
        finally:
            client.close()

    def _containerd(self) -> int | None:
        try:
            return int((self.folder / "exec/containerd/containerd.pid").read_text())
        except (OSError, ValueError):
            return None


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: not _alive(pid), 10)


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _end_all_of(folder: str) -> None:
    """End what is left of the engine: processes whose command line names its folder."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        program = os.path.basename(command[0].decode(errors="replace"))
        named = any(part.decode(errors="replace").startswith(folder) for part in command)
        if named and program.startswith(("dockerd", "containerd")):
            _end(int(entry.name))


def _unmount_all_below(folder: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)


def require_engine() -> None:
    """Skip (under CI: fail) the test when no private engine can be started here."""
    require(
        "dockerd",
        os.path.exists(_DOCKERD) and shutil.which("docker") is not None,
        "apt-get install docker.io",
    )
    require("busybox", os.path.exists(_BUSYBOX), "apt-get install busybox-static")
    require("root", os.geteuid() == 0, "a private Docker engine needs root")


def private_engine(
    within: Callable[[Path], Sequence[str]] = lambda _folder: (), **options: object
) -> Iterator[PrivateEngine]:
    """A started engine with the image loaded; stopped and removed at the end, also after a failure.

    within: the command that runs it, for its folder; the rest as PrivateEngine's."""
    require_engine()
    # A short path: a Unix socket's may have 107 bytes. Not tmp_path, whose files pytest keeps.
    folder = Path(tempfile.mkdtemp(prefix="hantu-engine-"))
    engine = PrivateEngine(folder, within=within(folder), **options)  # type: ignore[arg-type]  # passed on as they are
    try:
        engine.start()
        engine.load_image()
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine() -> Iterator[PrivateEngine]:
    """One private engine for all tests; each test cleans up the containers that it made."""
    yield from private_engine()
