"""A folder of logs as it may be found, what can be said of it to the last bit, and a sudden death."""

from __future__ import annotations

import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

OLD_NS = 1_700_000_000_123_456_789

State = dict[str, tuple[object, ...]]


def make_logs(root: Path) -> Path:
    """A folder with all that has been seen among logs."""
    for folder in (".", "trading", "trading/빈 폴더", "api/2026", "locked"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    files = {
        "app.log": b"first\nsecond\n" * 1000,
        "app.log.1": b"rotated\n",
        "trading/주문 기록.log": "주문 실행 시작\n".encode() * 500,
        "trading/orders.csv": b"id,price\n1,70000\n",
        "api/2026/access.log": os.urandom(3_000_000),
        "api/empty.log": b"",
        "new\nline.log": b"odd name\n",
        os.fsdecode(b"latin-\xe9.log"): b"no UTF-8 in the name\n",
        "locked/secret.log": b"for its owner only\n",
    }
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.write_bytes(content)
        path.chmod((0o640, 0o600, 0o444)[number % 3])
        os.utime(path, ns=(OLD_NS, OLD_NS + number * 1_000_000_007))
    (root / "current.log").symlink_to("app.log")
    (root / "dangling.log").symlink_to("/nowhere/else.log")
    (root / "locked").chmod(0o2750)
    for folder in ("trading/빈 폴더", "trading", "api/2026", "api", "locked", "."):
        os.utime(root / folder, ns=(OLD_NS, OLD_NS + 5))
    return root


def state(root: Path) -> State:
    """All there is under a folder: kind, mode, owner, time, content."""
    found: State = {}
    for path in [root, *sorted(root.rglob("*"))]:
        seen = path.lstat()
        content: object = b""
        if stat.S_ISREG(seen.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(seen.st_mode):
            content = os.readlink(path)
        found[os.fspath(path.relative_to(root))] = (
            oct(seen.st_mode),
            seen.st_uid,
            seen.st_gid,
            seen.st_mtime_ns,
            content,
        )
    return found


def contents(*roots: Path) -> set[bytes]:
    """What the files under these folders hold: a set, wherever it is."""
    return {path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()}


_CHANGES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.utime",
    "os.symlink",
    "os.chown",
)


def killed_at(number: int, act: Callable[[], object]) -> bool:
    """Do something in a process that kills itself before its number-th change of a file or folder;
    False when it ended before that."""
    child = os.fork()
    if child == 0:
        # Nothing of pytest's may run here, whatever happens.
        left = number

        def watch(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            opens = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            if event in _CHANGES or opens:
                left -= 1
                if left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 0
        try:
            sys.addaudithook(watch)
            act()
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False
