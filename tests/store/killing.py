"""A process that kills itself before its n-th change of a file."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import apsw

VFS = "hantu-killing"


class Fuse:
    """How many more writes there are before the process is killed; how many there were."""

    kill_at: int | None = None
    left: int | None = None
    writes = 0

    @classmethod
    def light(cls) -> None:
        """The counting begins."""
        cls.writes, cls.left = 0, cls.kill_at

    @classmethod
    def burn(cls) -> None:
        """A file is about to change."""
        cls.writes += 1
        if cls.left is not None:
            cls.left -= 1
            if cls.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


class KillingFile(apsw.VFSFile):
    """A file whose changes are counted."""

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 — SQLite's name
        Fuse.burn()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 — SQLite's name
        Fuse.burn()
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 — SQLite's name
        Fuse.burn()
        super().xTruncate(newsize)


class KillingVFS(apsw.VFS):
    """The default VFS with files that count."""

    def __init__(self) -> None:
        super().__init__(VFS, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 — SQLite's name
        return KillingFile("", name, flags)


def changes(act: Callable[[], object], kill_at: int | None) -> int:
    """Do something in a process of its own, which kills itself before its kill_at-th change of a file
    of KillingVFS (or where Fuse.burn() is called); how many changes there were, −1 when it was killed.

    `act` says with Fuse.light() where the counting begins."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Nothing of pytest's may run here, whatever happens.
        try:
            vfs = KillingVFS()
            Fuse.kill_at = kill_at
            act()
            os.write(writing, b"%d" % Fuse.writes)
            vfs.unregister()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 32)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return -1
    return int(told)
