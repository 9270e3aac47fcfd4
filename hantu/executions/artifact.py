"""An artifact: a file that a run leaves behind (CONTRACT M109, M116)."""

from __future__ import annotations

from dataclasses import dataclass

from hantu.executions.states import ArtifactStatus, ArtifactType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArtifact:
    """A file that is going to be sent.

    id: a UUID of the sender's own; "": the store gives one. file_name: data for people, never a path.
    file_size, checksum (SHA-256, hexadecimal): what the sender says of it, None: not said. retention_days:
    how long it is kept, None: as long as its execution."""

    file_name: str
    id: str = ""
    file_size: int | None = None
    mime_type: str | None = None
    checksum: str | None = None
    type: ArtifactType = ArtifactType.OTHER
    tags: dict[str, str] | None = None
    retention_days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of an execution. Times are nanoseconds since the epoch, UTC.

    file_path: where its content lies in the folder of artifacts. file_size, checksum: of its content once
    it is there; while it is UPLOADING what its sender said, None: nothing."""

    id: str
    execution_id: str
    file_name: str
    file_path: str
    file_size: int | None
    mime_type: str | None
    checksum: str | None
    type: ArtifactType
    status: ArtifactStatus
    created_ns: int
    expires_ns: int | None = None
    archived_ns: int | None = None
    tags: dict[str, str] | None = None

    @property
    def has_content(self) -> bool:
        """Whether its file is there."""
        return self.status in (ArtifactStatus.ACTIVE, ArtifactStatus.ARCHIVED)
