"""SIGKILL at every step of an upload, a deletion and a removal: neither rows nor files are orphaned."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hantu.executions import ArtifactStatus, Keeping
from hantu.store.artifact_files import ArtifactFiles
from hantu.store.artifact_keeping import tidy_executions
from hantu.store.sqlite import SqliteStore
from tests.contract.execution_samples import DAY_S, a_file, at, run
from tests.store.killing import VFS, Fuse, changes

Act = Callable[[SqliteStore, ArtifactFiles], object]

CONTENT = b"a content of several pieces" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def upload(store: SqliteStore, files: ArtifactFiles) -> None:
    """Add an artifact to the only execution, and send its content."""
    execution_id = _executions(store)[0]
    artifact = store.add_artifact(execution_id, a_file(checksum=DIGEST), at_ns=at(0)).artifact
    _send(store, files, artifact.id)


def delete(store: SqliteStore, files: ArtifactFiles) -> None:
    """Delete the first artifact there is."""
    artifact = store.artifacts(_executions(store)[0])[0]
    store.move_artifact(artifact.id, ArtifactStatus.DELETED, at_ns=at(5))
    files.remove([artifact.file_path])


def tidy(store: SqliteStore, files: ArtifactFiles) -> None:
    """A day's work that takes all."""
    tidy_executions(
        lambda work: work(store), files, Keeping(days=1), now_ns=at(50 * DAY_S), pause=lambda: False
    )


def _executions(store: SqliteStore) -> list[str]:
    return [row[0] for row in store.sql("SELECT id FROM executions ORDER BY execution_no", most=99)[1]]


def _send(store: SqliteStore, files: ArtifactFiles, artifact_id: str) -> None:
    with files.receiving(artifact_id, store.artifact, most_bytes=1 << 20) as receiving:
        for begin in range(0, len(CONTENT), 1000):
            receiving.write(CONTENT[begin : begin + 1000])
        done = receiving.finish()
        store.artifact_arrived(artifact_id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=at(1))


def _burning(call: Callable[..., Any]) -> Callable[..., Any]:
    def burn(*args: Any, **kwargs: Any) -> Any:
        Fuse.burn()
        return call(*args, **kwargs)

    return burn


def acted(folder: Path, act: Act, kill_at: int | None) -> int:
    """As changes(): files of the folder and of SQLite count alike."""

    def with_store() -> None:
        store = SqliteStore.open(folder / "hantu.db", vfs=VFS, background=False)
        # pathlib and the store reach the disk through these alone; the process ends after the act.
        for name in ("write", "fsync", "rename", "unlink", "mkdir"):
            setattr(os, name, _burning(getattr(os, name)))
        Fuse.light()
        act(store, ArtifactFiles(folder / "artifacts"))

    return changes(with_store, kill_at)


def check(folder: Path) -> dict[ArtifactStatus, int]:
    """After a sweep: every row that says so has its content, every file is a row's, and what was not
    finished can be sent again. How many artifacts there are by status."""
    files = ArtifactFiles(folder / "artifacts")
    with closing(SqliteStore.open(folder / "hantu.db", background=False)) as store:
        files.sweep(store.artifact_states)
        every = [each for execution_id in _executions(store) for each in store.artifacts(execution_id)]
        here = {str(each.relative_to(folder / "artifacts")) for each in (folder / "artifacts").glob("*/*")}
        assert here == {each.file_path for each in every if each.has_content}
        for each in every:
            if each.has_content:
                assert hashlib.sha256(files.path(each).read_bytes()).hexdigest() == each.checksum == DIGEST
            if each.status is ArtifactStatus.UPLOADING:
                _send(store, files, each.id)
                assert files.path(each).read_bytes() == CONTENT
        assert store.maintain(10_000, now_ns=at(0), pause=lambda: False).problems == ()
        return {status: sum(each.status is status for each in every) for status in ArtifactStatus}


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize("act", [upload, delete, tidy])
def test_a_kill_at_any_step_orphans_nothing(tmp_path: Path, act: Act) -> None:
    before, folder = tmp_path / "before", tmp_path / "copy"
    with closing(SqliteStore.open(before / "hantu.db", background=False)) as store:
        run(store)
        if act is not upload:
            upload(store, ArtifactFiles(before / "artifacts"))
            upload(store, ArtifactFiles(before / "artifacts"))
    (before / "artifacts").mkdir(exist_ok=True)

    def fresh() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)

    fresh()
    steps = acted(folder, act, None)
    whole = check(folder)
    seen = set()
    assert steps > 5
    for kill_at in range(steps):
        fresh()
        assert acted(folder, act, kill_at) == -1
        seen.add(tuple(check(folder).values()))
    # The kills lay before, in the middle, and after.
    assert tuple(whole.values()) in seen
    assert len(seen) > 1
