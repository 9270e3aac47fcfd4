"""Contents of artifacts in a real folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.executions import Artifact, ArtifactStatus, IllegalMove, Keeping, TooLarge
from hantu.store.artifact_files import ArtifactFiles, ContentBusy, ContentDiffers, Swept
from hantu.store.artifact_keeping import STALE_NS, tidy_executions
from hantu.store.base import StoreError
from hantu.store.execution_base import UnknownArtifact
from hantu.store.sqlite import SqliteStore
from tests.contract.execution_samples import DAY_S, a_file, at, run, uuid

CONTENT = "계좌,금액\n1,25000\n".encode() * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MOST = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with_store = SqliteStore.open(tmp_path / "hantu.db", background=False)
    yield with_store
    with_store.close()


@pytest.fixture
def files(tmp_path: Path) -> ArtifactFiles:
    return ArtifactFiles(tmp_path / "artifacts")


def awaited(store: SqliteStore, **fields: object) -> Artifact:
    """An artifact whose content is awaited."""
    return store.add_artifact(run(store).id, a_file(**fields), at_ns=at(0)).artifact


def receive(
    store: SqliteStore, files: ArtifactFiles, artifact: Artifact, content: bytes = CONTENT
) -> Artifact:
    """Take a content in pieces, and tell the store."""
    with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
        for begin in range(0, len(content), 1000):
            receiving.write(content[begin : begin + 1000])
        done = receiving.finish()
        return store.artifact_arrived(
            artifact.id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=at(1)
        )


def found(tmp_path: Path) -> list[str]:
    """All files in the folder."""
    folder = tmp_path / "artifacts"
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


@pytest.mark.promise("M116")
def test_a_content_arrives_as_it_was_sent(tmp_path: Path, store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = receive(store, files, awaited(store))
    assert (artifact.status, artifact.file_size, artifact.checksum) == (
        ArtifactStatus.ACTIVE,
        len(CONTENT),
        DIGEST,
    )
    assert files.path(artifact).read_bytes() == CONTENT
    assert found(tmp_path) == [artifact.file_path]


def test_an_empty_content_is_one(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = receive(store, files, awaited(store, file_size=0), b"")
    assert files.path(artifact).read_bytes() == b""
    assert artifact.file_size == 0


def test_only_the_service_may_read_contents(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    place = files.path(receive(store, files, awaited(store)))
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (place, place.parent, tmp_path / "artifacts")]
    assert modes == [0o600, 0o700, 0o700]


def test_it_is_told_how_much_has_arrived(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = awaited(store)
    assert files.received_bytes(artifact) == 0
    with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
        receiving.write(CONTENT)
        assert files.received_bytes(artifact) == len(CONTENT)
    assert files.received_bytes(artifact) == 0


@pytest.mark.promise("M116")
@pytest.mark.parametrize(
    ("said", "later"),
    [
        ({"checksum": "0" * 64}, None),
        ({"file_size": 3}, None),
        ({}, "0" * 64),
        ({"checksum": DIGEST}, "1" * 64),
    ],
)
def test_a_content_that_differs_from_what_was_said_is_refused(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles, said: dict[str, object], later: str | None
) -> None:
    artifact = awaited(store, **said)

    def attempt() -> None:
        with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
            receiving.write(CONTENT)
            receiving.finish(later)

    with pytest.raises(ContentDiffers):
        attempt()
    assert found(tmp_path) == []
    assert store.artifact(artifact.id) == artifact


def test_more_than_is_allowed_is_never_stored(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    artifact = awaited(store)

    def attempt() -> None:
        with files.receiving(artifact.id, store.artifact, most_bytes=1500) as receiving:
            receiving.write(CONTENT[:1500])
            assert files.received_bytes(artifact) == 1500
            receiving.write(b"x")

    with pytest.raises(TooLarge, match="at most 1,500 bytes"):
        attempt()
    assert found(tmp_path) == []


def test_an_upload_that_breaks_off_can_be_sent_again(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    artifact = awaited(store)

    def attempt() -> None:
        with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
            receiving.write(CONTENT[:10])
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        attempt()
    assert found(tmp_path) == []
    assert receive(store, files, artifact).checksum == DIGEST


def test_of_two_uploads_at_once_one_is_refused(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = awaited(store)
    with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
        with (
            pytest.raises(ContentBusy),
            files.receiving(artifact.id.upper(), store.artifact, most_bytes=MOST),
        ):
            pytest.fail("two received at once")
        receiving.write(b"x")
        receiving.finish()


def test_a_content_that_is_there_is_never_written_over(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = receive(store, files, awaited(store))
    with (
        pytest.raises(IllegalMove),
        files.receiving(artifact.id, store.artifact, most_bytes=MOST),
    ):
        pytest.fail("received a second time")
    assert files.path(artifact).read_bytes() == CONTENT


def test_what_is_deleted_while_it_arrives_leaves_nothing(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    artifact = awaited(store)

    def attempt() -> None:
        with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
            receiving.write(CONTENT)
            done = receiving.finish()
            store.move_artifact(artifact.id, ArtifactStatus.DELETED, at_ns=at(1))
            store.artifact_arrived(
                artifact.id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=at(1)
            )

    with pytest.raises(IllegalMove):
        attempt()
    assert found(tmp_path) == []


def test_an_unknown_artifact_has_no_content(store: SqliteStore, files: ArtifactFiles) -> None:
    for name in (uuid(1), "../../etc/passwd"):
        with pytest.raises(UnknownArtifact), files.receiving(name, store.artifact, most_bytes=MOST):
            pytest.fail("received")


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "ab/../../x", "ab/x\0", "", f"aa/{uuid(1)}/x", "%2e%2e/x"]
)
def test_a_place_outside_of_the_folder_is_refused(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles, path: str
) -> None:
    outside = tmp_path / "x"
    outside.write_bytes(b"")
    artifact = awaited(store)
    with store._database.writing() as connection:
        connection.execute("UPDATE artifacts SET file_path = ?", (path,))
    with pytest.raises(StoreError, match="no place of an artifact"):
        files.path(store.artifact(artifact.id))
    with pytest.raises(StoreError, match="no place of an artifact"):
        files.remove([path])
    with (
        pytest.raises(StoreError, match="no place of an artifact"),
        files.receiving(artifact.id, store.artifact, most_bytes=MOST),
    ):
        pytest.fail("received")
    assert outside.exists()


def test_a_link_that_somebody_put_in_the_way_is_not_followed(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    artifact = awaited(store)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    part = files.path(artifact).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.symlink_to(victim)
    with (
        pytest.raises(StoreError),
        files.receiving(artifact.id, store.artifact, most_bytes=MOST),
    ):
        pytest.fail("received")
    assert victim.read_bytes() == b"mine"


def test_a_sweep_takes_what_belongs_to_nothing_and_nothing_else(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    kept = receive(store, files, awaited(store))
    archived = receive(store, files, awaited(store))
    store.move_artifact(archived.id, ArtifactStatus.ARCHIVED, at_ns=at(1))
    deleted = receive(store, files, awaited(store))
    store.move_artifact(deleted.id, ArtifactStatus.DELETED, at_ns=at(1))
    unfinished = awaited(store)
    folder = tmp_path / "artifacts"
    for name in (unfinished.file_path, f"{uuid(7)[-2:]}/{uuid(7)}", f"{uuid(8)[-2:]}/{uuid(8)}.part"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"12345")
    strange = ["README", "ab/notes.txt", "ab/x.part"]
    (folder / "ab").mkdir(exist_ok=True)
    for name in strange:
        (folder / name).write_bytes(b"somebody's")
    assert files.sweep(store.artifact_states) == Swept(4, 15 + len(CONTENT))
    assert found(tmp_path) == sorted([kept.file_path, archived.file_path, *strange])
    assert files.sweep(store.artifact_states) == Swept(0, 0)


def test_a_sweep_leaves_what_is_arriving(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = awaited(store)
    with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
        receiving.write(CONTENT)
        assert files.sweep(store.artifact_states) == Swept(0, 0)
        done = receiving.finish()
        assert files.sweep(store.artifact_states) == Swept(0, 0)
        store.artifact_arrived(artifact.id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=at(1))
    assert files.sweep(store.artifact_states) == Swept(0, 0)
    assert files.path(artifact).read_bytes() == CONTENT


def test_a_sweep_of_no_folder_finds_nothing(store: SqliteStore, files: ArtifactFiles) -> None:
    assert files.sweep(store.artifact_states) == Swept(0, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words(store: SqliteStore, files: ArtifactFiles) -> None:
    artifact = awaited(store)

    def attempt() -> None:
        with files.receiving(artifact.id, store.artifact, most_bytes=MOST) as receiving:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, receiving._descriptor)
            os.close(full)
            receiving.write(CONTENT)

    with pytest.raises(StoreError, match="the disk is full"):
        attempt()
    assert receive(store, files, artifact).checksum == DIGEST


@pytest.mark.promise("M106", "M116")
def test_a_days_work_removes_rows_and_files(
    tmp_path: Path, store: SqliteStore, files: ArtifactFiles
) -> None:
    young = run(store, created=9 * DAY_S)
    expiring = store.add_artifact(young.id, a_file(retention_days=1), at_ns=at(0)).artifact
    staying = store.add_artifact(young.id, a_file(), at_ns=at(0)).artifact
    of_old = awaited(store)
    for artifact in (expiring, staying, of_old):
        receive(store, files, artifact)
    never = store.add_artifact(young.id, a_file(), at_ns=at(10 * DAY_S) - STALE_NS - 1).artifact
    done = tidy_executions(
        lambda work: work(store), files, Keeping(days=7), now_ns=at(10 * DAY_S), pause=lambda: False
    )
    assert (done.executions, done.artifacts, done.swept) == (1, 2, Swept(0, 0))
    assert found(tmp_path) == [staying.file_path]
    states = store.artifact_states([each.id for each in (expiring, staying, of_old, never)])
    assert states == {
        expiring.id: ArtifactStatus.DELETED,
        staying.id: ArtifactStatus.ACTIVE,
        never.id: ArtifactStatus.DELETED,
    }
