"""gunicorn: its settings, and the hooks that tie its life to the service's."""

from __future__ import annotations

import faulthandler
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import flask
import gunicorn.app.base
import gunicorn.glogging
import gunicorn.workers.gthread

from hantu.config import Config, Loaded, load
from hantu.service import Service, memory
from hantu.service.opening import open_sound
from hantu.store.base import LogStorage
from hantu.systemd import Notifier
from hantu.threads import Worker
from hantu.web import create_app

log = logging.getLogger(__name__)

THREADS_FOR_PAGES: Final = 16
# The default of 5 ms makes a search beside a busy collector wait for each of its rows: newest 100
# took 65 to 159 ms, and 0.4 to 0.8 ms with this.
SWITCH_INTERVAL_S: Final = 0.0005
REQUESTS_S: Final = 1.5
"""Requests in flight may take so long at the end: also a connection that only lies open (browsers
open some in advance) or a half-sent body counts as one. All ends within 2 s so."""
KEPT_OPEN_S: Final = 0.5
"""A connection on which all was answered stays open so long at the end: its client may be sending."""
END_LOOK_S: Final = 0.1
GRACEFUL_S: Final = 10
"""Then the worker is killed: requests, collectors, the last commit and the file have ended by then."""
SAY_S: Final = 10.0
ANEW_S: Final = 60
"""So long a start may be silent while a file of an older version is made anew."""
START_S: Final = 3_600.0
"""A worker may take so long to start, when it makes a damaged file anew; then it counts as hanging."""
CONFIG_VARIABLE: Final = "HANTU_CONFIG"
_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class ServeError(Exception):
    """The service cannot start; the message says why and what to do."""


class JournalFormatter(logging.Formatter):
    """Lines for stderr: `<priority>` in front when journald reads them (sd-daemon(3)), else the time."""

    _PRIORITY: Final = {
        logging.DEBUG: 7,
        logging.INFO: 6,
        logging.WARNING: 4,
        logging.ERROR: 3,
        logging.CRITICAL: 2,
    }

    def __init__(self, *, journal: bool) -> None:
        super().__init__(
            "%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The record; every line of it with its priority, since journald splits at line ends."""
        text = super().format(record)
        if not self._journal:
            return text
        priority = self._PRIORITY.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines() or [""])


def set_up_logging(*, debug: bool) -> None:
    """Send hantu's own lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter(journal="JOURNAL_STREAM" in os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("hantu").setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


class GunicornLog(gunicorn.glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's lines go where hantu's go: with a priority where the journal reads them."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn does, then without its own handlers."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Threads(gunicorn.workers.gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's worker with threads, which ends in time whoever is connected."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        """As gunicorn does, for connections that are still there.

        A live tail has closed its own: gunicorn would fail to close it again, count it as ended twice, and
        not wait for requests in flight at the end then."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """At the end the time is over when it is over: gunicorn looks once a second."""
        super().wait_for_and_dispatch_events(timeout if self.alive else min(timeout, END_LOOK_S))

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(min(deadline, time.monotonic() + KEPT_OPEN_S))


def build_app(loaded: Loaded | None = None) -> flask.Flask:
    """The WSGI application over a new Service (not started: the worker's hook does that)."""
    if loaded is None:
        path = os.environ.get(CONFIG_VARIABLE)
        loaded = load(Path(path) if path else None)
    set_up_logging(debug=loaded.config.debug)
    return create_app(Service(loaded.config, origins=loaded.origins))


def check(config: Config, notifier: Notifier) -> None:
    """Bring the file to this version; raise ServeError when the service could not start: a second
    instance, a newer file, an address that others could reach."""
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ServeError(
            f"the data folder cannot be made: {error}; "
            "name one that you may write: hantu --data-dir FOLDER serve"
        ) from error
    store = open_sound(config.database, progress=_Anew(notifier))
    try:
        _check_sign_in(config, store)
    finally:
        store.close()
    _check_port(config)


def _check_sign_in(config: Config, store: LogStorage) -> None:
    """Others may reach hantu only where they have to sign in."""
    by_proxy = bool(config.proxy_login_header and config.trusted_proxies)
    if is_loopback(config.host) or by_proxy or any(account.password for account in store.accounts()):
        return
    raise ServeError(
        f"host is {config.host}, so others could reach the pages, and nobody has a password yet; "
        "set one with: hantu passwd (or use 127.0.0.1 and ssh -L 8514:127.0.0.1:8514)"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_port(config: Config) -> None:
    """gunicorn would try for seconds and print a traceback."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise ServeError(
                f"port {config.port} of {config.host} cannot be used: {error.strerror}; "
                "name another one (--port 9000, or 0 for a free one) or end what uses it"
            ) from error


class _Anew:
    """Tells the log and systemd how far it is when a file of an older version is made anew."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next and done != total:
            return
        self._next = now + SAY_S
        says = f"making the database anew in a smaller format: {100 * done // total if total else 100} %"
        log.info(says)
        self._notifier.busy(says, seconds=ANEW_S)


class Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with one worker: two would collect everything twice."""

    def __init__(self, loaded: Loaded, notifier: Notifier) -> None:
        self._loaded = loaded
        self.notifier = notifier
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings."""
        config = self._loaded.config
        host = f"[{config.host}]" if ":" in config.host else config.host
        for key, value in {
            "bind": [f"{host}:{config.port}"],
            "workers": 1,
            "worker_class": Threads,
            "threads": config.tail_clients + THREADS_FOR_PAGES,
            "graceful_timeout": GRACEFUL_S,
            "timeout": 120,
            "keepalive": 15,
            "max_requests": 0,
            "preload_app": False,
            "control_socket_disable": True,
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108  gunicorn makes its own file there
            "loglevel": "warning",
            "logger_class": GunicornLog,
            "when_ready": _one_worker_only,
            "post_fork": _wait_for_start,
            "post_worker_init": _start_service,
            "worker_exit": _stop_service,
            "proc_name": "hantu",
        }.items():
            self.cfg.set(key, value)

    def load(self) -> flask.Flask:
        """The application, built in the worker."""
        return build_app(self._loaded)


def serve(loaded: Loaded) -> None:
    """Run the service until it is told to end. Raises ServeError or StoreError before it begins."""
    # Before the store is opened: a file of an older version is made anew then, and tells how far it is.
    memory.keep_little()
    set_up_logging(debug=loaded.config.debug)
    notifier = Notifier.taken_from(os.environ)
    # What is loaded stays; what the check made goes, or every later process would have a second registry
    # of shapes: 1 MB of a new file, 25 MB of one with many. Looking through all would take 50 ms.
    gc.freeze()
    check(loaded.config, notifier)
    gc.collect()
    Server(loaded, notifier).run()


def _keep_what_is_there() -> None:
    """What is loaded by now stays: looking through it again and again for garbage took a fifth of the
    time in which pushed lines are stored. Of 131,000 objects 718 are garbage by then: not worth the
    50 ms that finding them takes."""
    gc.freeze()
    gc.enable()


def _one_worker_only(arbiter: Any) -> None:
    """gunicorn's when_ready, in the arbiter: no signal may start a second worker.

    gunicorn would start it beside the first one (HUP, TTIN) or beside itself (USR2); it cannot have
    the database, and gunicorn ends all when a worker cannot start."""
    for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)

    def hang_up(_signum: int, frame: FrameType | None) -> None:
        arbiter.signal(signal.SIGTERM, frame)

    signal.signal(signal.SIGHUP, hang_up)
    _keep_what_is_there()


def _service(worker: Any) -> Service | None:
    """The worker's service, None when it could not be built."""
    app: flask.Flask | None = worker.app.callable
    found = None if app is None else app.extensions["hantu"]
    return found if isinstance(found, Service) else None


def _wait_for_start(_arbiter: Any, worker: Any) -> None:
    """gunicorn's post_fork: a worker that makes a damaged file anew first is busy, it does not hang."""
    starting = Worker("starting", partial(_say_busy, worker))
    worker.hantu_starting = starting
    starting.start()


def _say_busy(worker: Any, stop: threading.Event) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        worker.notify()
        worker.app.notifier.alive()
        if stop.wait(SAY_S):
            return


def _start_service(worker: Any) -> None:
    """gunicorn's post_worker_init: the application is loaded, requests come next."""
    worker.hantu_starting.stop()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _keep_what_is_there()
    service = _service(worker)
    if service is None:
        raise ServeError("the application has no service")
    # The worker's own copy: the arbiter goes on with GRACEFUL_S. Not by set(): it takes whole seconds only.
    worker.cfg.settings["graceful_timeout"].value = REQUESTS_S
    _end_in_order(worker, service)
    service.renewal.act = partial(os.kill, os.getpid(), signal.SIGTERM)
    host, port = worker.sockets[0].getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    service.start(url)
    _tell_systemd(worker.app.notifier, service, url)
    log.info("hantu answers at %s/", url)
    if service.setup.open:
        log.info("first set-up, this link works once: %s/setup?token=%s", url, service.setup.token)


def _tell_systemd(notifier: Notifier, service: Service, url: str) -> None:
    """That the service answers, and from now on that it lives."""
    if notifier.watchdog_s is not None:
        # The watchdog ends a service that hangs with SIGABRT: the journal then says where it hung.
        faulthandler.enable(all_threads=True)
        service.watch(notifier.alive, notifier.watchdog_s)
    notifier.ready(f"answers at {url}/")


def _end_in_order(worker: Any, service: Service) -> None:
    """Every signal to end is a request to end in order, also Ctrl-C. After a renewal gunicorn goes on, and
    makes a new worker.

    Open tails are requests in flight: told before gunicorn waits for them. Not gunicorn's own handler
    for INT and QUIT: it raises SystemExit wherever the thread is, also within the last commit, and
    Ctrl-C in a terminal brings both."""

    def handle(signum: int, frame: FrameType | None) -> None:
        service.begin_stop()
        if service.renewal.begun:
            worker.app.notifier.status("making a damaged database anew")
        else:
            worker.app.notifier.stopping()
        worker.handle_exit(signum, frame)

    for number in _ENDING:
        signal.signal(number, handle)


def _stop_service(_server: Any, worker: Any) -> None:
    """gunicorn's worker_exit: no request is in flight any more, or it has taken too long."""
    service = _service(worker)
    if service is None:
        return
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if not service.stop():
        log.error("not everything that waited could be written; it will be read again")
    if worker.booted:
        _end_process()


def _end_process() -> None:
    """End without waiting for threads: Python would wait for a request that never ends."""
    ending = sys.exc_info()[1]
    code = ending.code if isinstance(ending, SystemExit) else 1
    logging.shutdown()
    os._exit(code if isinstance(code, int) else 1)
