"""A data folder with something of everything."""

from __future__ import annotations

from pathlib import Path

from hantu.executions import Change, ExecutionStatus, NewArtifact, NewExecution
from hantu.store.artifact_files import ArtifactFiles
from hantu.store.base import LogStorage
from hantu.store.sqlite import SqliteStore
from tests.contract.error_samples import error
from tests.store.made import START_NS, entry, many, write_all

ENTRIES = 3_002


def fill(folder: Path, *, entries: int = ENTRIES - 2) -> None:
    """Entries (sealed and hot), an error, a run with two files."""
    store = SqliteStore.open(folder / "hantu.db", background=False)
    try:
        write_all(store, many(entries))
        store.seal()
        store.write_batch([entry("still hot 주문", at=9), error(seconds=9)])
        run_with_files(store, folder, b"first", bytes(range(256)) * 5_000)
    finally:
        store.close()


def run_with_files(store: LogStorage, folder: Path, *contents: bytes) -> list[str]:
    """A run that ended, with files of these contents; the paths of these."""
    files = ArtifactFiles(folder / "artifacts")
    run = store.add_execution(NewExecution(job_name="정산", prompt="어제"), at_ns=START_NS).execution
    for status in (ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED):
        store.change_execution(run.id, Change(status=status), at_ns=START_NS)
    paths = []
    for number, content in enumerate(contents):
        asked = NewArtifact(file_name=f"{number}.bin")
        artifact = store.add_artifact(run.id, asked, at_ns=START_NS).artifact
        with files.receiving(artifact.id, store.artifact, most_bytes=1 << 24) as receiving:
            receiving.write(content)
            done = receiving.finish()
            store.artifact_arrived(
                artifact.id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=START_NS
            )
        paths.append(artifact.file_path)
    return paths


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith((".lock", "-shm"))
    }
