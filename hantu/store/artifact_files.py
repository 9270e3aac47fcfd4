"""The contents of artifacts: files in a folder beside the database.

A content is written to `ab/<uuid>.part`, synced, and renamed; only then its row becomes ACTIVE. A row
becomes DELETED, or goes, before its file does. So whatever a crash leaves is a file that no row calls its
own, and sweep() takes it; a row that says it has content, has it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from hantu.executions import Artifact, ArtifactStatus, IllegalMove, TooLarge
from hantu.store.base import StoreError
from hantu.store.execution_base import UnknownArtifact
from hantu.store.execution_words import check_arrival

PART: Final = ".part"
SWEEP_FILES: Final = 500
"""Files that are looked up at once."""

_PATH: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT: Final = frozenset({ArtifactStatus.ACTIVE, ArtifactStatus.ARCHIVED})


class ContentDiffers(ValueError):
    """What arrived is not what its sender said: another size, or another checksum."""


class ContentBusy(Exception):
    """The content of this artifact is being received by somebody else just now."""


@dataclass(frozen=True, slots=True)
class Received:
    """A content in its place. checksum: SHA-256, hexadecimal."""

    size_bytes: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Swept:
    """Files that belonged to no artifact, and their bytes."""

    files: int
    size_bytes: int


class Receiving:
    """A content that is arriving; from ArtifactFiles.receiving()."""

    def __init__(self, part: Path, artifact: Artifact, most_bytes: int) -> None:
        self._part = part
        self._artifact = artifact
        self._most_bytes = most_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        with _explained(part):
            _make_folder(part.parent)
            self._descriptor = os.open(part, _CREATE, 0o600)

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes. Raises TooLarge before more is stored than is allowed, and StoreError."""
        if self.size_bytes + len(chunk) > self._most_bytes:
            raise TooLarge("content", f"has at most {self._most_bytes:,} bytes")
        rest = memoryview(chunk)
        self._hash.update(rest)
        with _explained(self._part):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        self.size_bytes += len(chunk)

    def finish(self, checksum: str | None = None) -> Received:
        """Put all that came into its place, safe from a power cut.

        checksum: what the sender says now, besides what it said before. Raises ContentDiffers and
        StoreError."""
        self._check(checksum)
        with _explained(self._part):
            os.fsync(self._descriptor)
            self.close()
            place = self._part.with_suffix("")
            self._part.rename(place)
            _sync_folder(place.parent)
        return Received(self.size_bytes, self._hash.hexdigest())

    def close(self) -> None:
        """Take nothing more."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _check(self, checksum: str | None) -> None:
        size = self._artifact.file_size
        if size is not None and size != self.size_bytes:
            raise ContentDiffers(f"the content has {self.size_bytes:,} bytes, not {size:,} as was said")
        digest = self._hash.hexdigest()
        for said in (checksum, self._artifact.checksum):
            if said is not None and said != digest:
                raise ContentDiffers(f"the content has the SHA-256 {digest}, not {said} as was said")


class ArtifactFiles:
    """The folder of contents. Methods may be called from any thread; only one process may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._active: set[str] = set()
        self._lock = threading.Lock()

    def path(self, artifact: Artifact) -> Path:
        """Where its content lies. Raises StoreError for a place outside of the folder."""
        return self._place(artifact.file_path)

    @contextmanager
    def receiving(
        self, artifact_id: str, load: Callable[[str], Artifact], *, most_bytes: int
    ) -> Iterator[Receiving]:
        """Take the content of an artifact that is UPLOADING: write() its bytes, finish(), and tell the
        store (artifact_arrived) before this ends. What was not finished is removed.

        load: ExecutionStorage's artifact. Raises IllegalMove when it has its content already, ContentBusy,
        StoreError when the disk is full or fails, and what load raises."""
        with self._alone(load(artifact_id).id) as alone_id:
            # Read again: whoever was first may have finished meanwhile, and its content must stay.
            artifact = load(alone_id)
            check_arrival(artifact)
            place = self._place(artifact.file_path)
            part = place.with_suffix(PART)
            receiving = Receiving(part, artifact, most_bytes)
            try:
                yield receiving
            except (IllegalMove, UnknownArtifact):
                # It was deleted meanwhile. After any other failure only the database knows what was
                # committed: a file that is not its row's is left to the sweep.
                place.unlink(missing_ok=True)
                raise
            finally:
                receiving.close()
                with suppress(OSError):
                    part.unlink(missing_ok=True)

    def received_bytes(self, artifact: Artifact) -> int:
        """How much of a content that is arriving is there."""
        try:
            return self.path(artifact).with_suffix(PART).stat().st_size
        except OSError:
            return 0

    def remove(self, file_paths: Iterable[str]) -> None:
        """Remove contents, after their rows say so. Raises StoreError."""
        for file_path in file_paths:
            place = self._place(file_path)
            with _explained(place):
                place.unlink(missing_ok=True)

    def sweep(self, states: Callable[[Sequence[str]], Mapping[str, ArtifactStatus]]) -> Swept:
        """Remove files that belong to no artifact: what a crash left. states: ExecutionStorage's
        artifact_states. What somebody else put into the folder stays. Raises StoreError."""
        files = size_bytes = 0
        found = self._files()
        while some := list(islice(found, SWEEP_FILES)):
            with self._lock:
                # First who is active, then the rows: an upload that ends in between has committed.
                idle = [place for place in some if place.name.removesuffix(PART) not in self._active]
            known = states([place.name for place in idle if place.suffix != PART])
            for place in idle:
                if place.suffix != PART and known.get(place.name) in _KEPT:
                    continue
                with _explained(place):
                    size_bytes += place.stat().st_size
                    place.unlink()
                files += 1
        return Swept(files, size_bytes)

    def _files(self) -> Iterator[Path]:
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for place in sorted(folder.iterdir()):
                if _PATH.fullmatch(f"{folder.name}/{place.name.removesuffix(PART)}"):
                    yield place

    def _place(self, file_path: str) -> Path:
        if not _PATH.fullmatch(file_path):
            raise StoreError(
                f"{file_path!r} is no place of an artifact's content; the database was changed"
            )
        return self._folder / file_path

    @contextmanager
    def _alone(self, artifact_id: str) -> Iterator[str]:
        with self._lock:
            if artifact_id in self._active:
                raise ContentBusy(f"the content of {artifact_id} is being received already")
            self._active.add(artifact_id)
        try:
            yield artifact_id
        finally:
            with self._lock:
                self._active.discard(artifact_id)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Raises StoreError for what the disk does."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"the disk is full: {place} could not be written") from error
        raise StoreError(f"{place} could not be written or removed: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    for each in (folder.parent, folder):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700, parents=True)
            _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
