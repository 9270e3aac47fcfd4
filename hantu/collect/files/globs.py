"""Patterns of log files, and finding what they match at little cost."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hantu.collect.files.opening import FORBIDDEN, LEFT_ALONE

_WILD: Final = re.compile(r"[*?\[]")
FOLDERS_MOST: Final = 10_000
# A folder changed this shortly before it was listed may change again within the same time stamp.
_SETTLED_NS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class _Listing:
    mtime_ns: int
    sure: bool
    files: tuple[str, ...]
    folders: tuple[str, ...]
    links: frozenset[str]


class Folders:
    """Lists folders; asks the file system again only for those that changed."""

    def __init__(self) -> None:
        self._known: dict[str, _Listing] = {}
        self.unreadable: dict[str, OSError] = {}

    def list(self, folder: str) -> _Listing | None:
        """What lies in `folder`; None when it is no folder or cannot be read."""
        try:
            mtime_ns = os.stat(folder).st_mtime_ns
            known = self._known.get(folder)
            if known is not None and known.sure and known.mtime_ns == mtime_ns:
                return known
            listing = self._read(folder, mtime_ns)
        except (FileNotFoundError, NotADirectoryError):
            self._known.pop(folder, None)
            self.unreadable.pop(folder, None)
            return None
        except OSError as error:
            self._known.pop(folder, None)
            self.unreadable[folder] = error
            return None
        self.unreadable.pop(folder, None)
        self._known[folder] = listing
        return listing

    def _read(self, folder: str, mtime_ns: int) -> _Listing:
        sure = time.time_ns() - mtime_ns > _SETTLED_NS
        files: list[str] = []
        folders: list[str] = []
        links: set[str] = set()
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_symlink():
                    links.add(entry.name)
                    files.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
        # Links last: where a link and its target both match, the target is the path.
        files.sort(key=lambda name: (name in links, name))
        return _Listing(mtime_ns, sure, tuple(files), tuple(sorted(folders)), frozenset(links))


class FileGlob:
    """A pattern such as `/var/log/**/*.log`: `**` is any number of folders, `*`, `?` and `[…]` stay
    within a name, and match a leading dot only when the pattern writes it.

    root: the folder before the first wildcard."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        parts = [part for part in os.path.abspath(os.path.expanduser(pattern)).split("/") if part]
        if not parts:
            raise ValueError(f"{pattern!r} names no file")
        fixed = 0
        while fixed < len(parts) - 1 and not _WILD.search(parts[fixed]):
            fixed += 1
        self.root = "/" + "/".join(parts[:fixed])
        self.literal = fixed == len(parts) - 1 and not _WILD.search(parts[-1])
        self._parts = tuple(parts[fixed:])
        if self._parts[-1] == "**":
            self._parts = (*self._parts, "*")
        self._tests = [None if part == "**" else _test(part) for part in self._parts]

    @property
    def real_root(self) -> str:
        """The root with links resolved: files outside it are refused."""
        return os.path.realpath(self.root)

    def find(self, folders: Folders) -> Iterator[str]:
        """Paths of files that match now, each once; compressed and other known non-logs left out."""
        seen: set[tuple[str, int]] = set()
        found: set[str] = set()
        waiting = [(self.root, 0)]
        while waiting:
            folder, at = waiting.pop()
            if (folder, at) in seen or len(seen) > FOLDERS_MOST or folder in FORBIDDEN:
                continue
            seen.add((folder, at))
            listing = folders.list(folder)
            if listing is None:
                continue
            test = self._tests[at]
            if test is None:
                waiting.append((folder, at + 1))
                waiting += [
                    (os.path.join(folder, name), at) for name in listing.folders if not name.startswith(".")
                ]
            elif at < len(self._parts) - 1:
                waiting += [
                    (os.path.join(folder, name), at + 1)
                    for name in (*listing.folders, *listing.links)
                    if test.match(name)
                ]
            else:
                for name in listing.files:
                    path = os.path.join(folder, name)
                    if test.match(name) and path not in found and not _left_alone(name):
                        found.add(path)
                        yield path

    def matches(self, path: str) -> bool:
        """Whether `path` is of this pattern, be it there or not."""
        if not path.startswith(self.root if self.root == "/" else self.root + "/"):
            return False
        names = [part for part in path[len(self.root) :].split("/") if part]
        return not _left_alone(names[-1]) and self._match(names, 0, 0)

    def _match(self, names: list[str], name: int, at: int) -> bool:
        if at == len(self._tests):
            return name == len(names)
        test = self._tests[at]
        if test is None:
            if self._match(names, name, at + 1):
                return True
            return (
                name < len(names) and not names[name].startswith(".") and self._match(names, name + 1, at)
            )
        return (
            name < len(names)
            and test.match(names[name]) is not None
            and self._match(names, name + 1, at + 1)
        )


def _test(part: str) -> re.Pattern[str]:
    expression = fnmatch.translate(part)
    if not part.startswith("."):
        expression = r"(?!\.)" + expression
    return re.compile(expression)


def _left_alone(name: str) -> bool:
    return LEFT_ALONE.fullmatch(os.path.splitext(name)[1]) is not None
