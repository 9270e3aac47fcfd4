"""/api/executions/…/artifacts and /api/artifacts: files that runs leave behind, up and down."""

from __future__ import annotations

import logging
import mimetypes
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from flask import Response, current_app, request
from msgspec import Meta

from hantu.executions import ENDED, Artifact, ArtifactStatus, IllegalMove, NewArtifact
from hantu.jobs import wire
from hantu.jobs.asked import ArtifactAsked, new_artifact, text_fields
from hantu.store.artifact_files import ContentBusy, ContentDiffers
from hantu.store.base import StoreError
from hantu.store.execution_base import UnknownExecution
from hantu.web.api_executions import ACT_REFUSALS, PATH, READ_REFUSALS, answering
from hantu.web.arriving import FORM_BYTES_MOST, checksum_of, form, pieces, too_large
from hantu.web.current import change_executions, executions, service
from hantu.web.errors import ApiError
from hantu.web.leaving import UNKNOWN, file_response
from hantu.web.openapi import Api, Args, Content, NoArgs, Route, body_of
from hantu.web.wire import complaint_of, json_response

log = logging.getLogger(__name__)

api: Final = Api("api_artifacts")

FORM: Final = "multipart/form-data"
AT_ONCE: Final = 4
"""Contents that are received at the same time."""
FREE_BYTES: Final = 256 * 1024 * 1024
"""What artifacts leave free of the disk: the logs need it."""
CHECK_BYTES: Final = 64 * 1024 * 1024
_ID: Final[dict[str, dict[str, Any]]] = {"artifact_id": {"type": "string", "format": "uuid"}}
_SEND_REFUSALS: Final = (*ACT_REFUSALS, 429)


class ContentArgs(Args, frozen=True):
    """How the content is given."""

    inline: Annotated[bool, Meta(description="Images and texts for showing instead of saving.")] = False


class FormAsked(ArtifactAsked, frozen=True, kw_only=True):
    """The fields of a form, before the file."""

    file_name: str = ""
    file: Annotated[str, Meta(extra_json_schema={"contentMediaType": UNKNOWN})] = ""


class _Gate:
    """How many contents are received."""

    def __init__(self) -> None:
        self.places = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def _entering() -> Iterator[None]:
    """Go on while fewer than AT_ONCE contents are received. Raises ApiError."""
    gate: _Gate = current_app.extensions.setdefault("hantu.artifacts", _Gate())
    if not gate.places.acquire(blocking=False):
        raise ApiError(
            429, "too many contents are being received; try again shortly", headers={"Retry-After": "2"}
        )
    try:
        with answering():
            yield
    except ContentDiffers as wrong:
        raise ApiError(400, str(wrong), code="content_differs") from None
    except ContentBusy as busy:
        raise ApiError(409, str(busy), code="busy") from None
    finally:
        gate.places.release()


@api.route(
    Route(
        "POST",
        "/api/executions/<execution_id>/artifacts",
        "Announce a file, or send it at once as a form",
        body=(
            Content(type=ArtifactAsked, example={"fileName": "보고서.pdf", "type": "DOCUMENT"}),
            Content(FORM, type=FormAsked),
        ),
        answer=Content(type=wire.Artifact),
        other_answers={200: Content(type=wire.Artifact)},
        status=201,
        refusals=_SEND_REFUSALS,
        path_schemas=PATH,
    )
)
def add_artifact(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001  every view takes its arguments
    if request.mimetype == FORM:
        with _entering():
            return _send_form(execution_id)
    asked = body_of(ArtifactAsked)
    with answering():
        artifact, is_new = _announce(execution_id, asked)
    return json_response(wire.artifact_of(artifact), 201 if is_new else 200)


def _send_form(execution_id: str) -> Response:
    # Before the body is read: it may be long.
    known = executions().execution(execution_id)
    desk = service()
    limit = desk.config.artifact_bytes
    found = form(pieces(limit + FORM_BYTES_MOST, stopping=desk.stopping.is_set))
    words = {"fileName": found.file_name, "mimeType": found.mime_type} | text_fields(found.words)
    try:
        asked = msgspec.convert(words, ArtifactAsked, strict=False)
    except msgspec.ValidationError as error:
        name, reason = complaint_of(error)
        raise ApiError(400, f"field {name!r}: {reason}", code="bad_body", parameter=name) from None
    artifact, is_new = _announce(known.id, asked)
    if not is_new and artifact.has_content:
        return json_response(wire.artifact_of(artifact))
    try:
        arrived = _receive(artifact, found.content)
    except Exception:
        # Nobody knows the id that it was given: it could never be sent again.
        if not asked.id:
            _discard(artifact)
        raise
    return json_response(wire.artifact_of(arrived), 201)


def _announce(execution_id: str, asked: ArtifactAsked) -> tuple[Artifact, bool]:
    """The artifact, and whether it is new."""
    new: NewArtifact = new_artifact(asked)
    limit = service().config.artifact_bytes
    if new.file_size is not None and new.file_size > limit:
        raise too_large(limit)
    if not new.mime_type:
        guessed, _ = mimetypes.guess_type(new.file_name)
        new = replace(new, mime_type=guessed or UNKNOWN)
    added = change_executions(lambda store: store.add_artifact(execution_id, new, at_ns=time.time_ns()))
    return added.artifact, added.is_new


def _discard(artifact: Artifact) -> None:
    try:
        change_executions(
            lambda store: store.move_artifact(artifact.id, ArtifactStatus.DELETED, at_ns=time.time_ns())
        )
    except (StoreError, IllegalMove) as error:
        log.warning("artifact %s stays announced: %s", artifact.id, error)


@api.route(
    Route(
        "PUT",
        "/api/artifacts/<artifact_id>/content",
        "Send the content of a file that was announced",
        body=(Content(UNKNOWN),),
        answer=Content(type=wire.Artifact),
        refusals=_SEND_REFUSALS,
        path_schemas=_ID,
    )
)
def send_content(args: NoArgs, artifact_id: str) -> Response:  # noqa: ARG001
    desk = service()
    with _entering():
        artifact = executions().artifact(artifact_id)
        content = pieces(desk.config.artifact_bytes, stopping=desk.stopping.is_set)
        arrived = _receive(artifact, content)
    return json_response(wire.artifact_of(arrived))


def _receive(artifact: Artifact, content: Iterator[bytes]) -> Artifact:
    """The artifact with its content in place."""
    desk = service()
    store, limit, said = desk.store, desk.config.artifact_bytes, checksum_of(request.headers)
    _check_room(request.content_length or 0)
    with desk.artifact_files.receiving(artifact.id, store.artifact, most_bytes=limit) as receiving:
        checked_bytes = 0
        for piece in _with_signs_of_life(artifact, content):
            receiving.write(piece)
            if receiving.size_bytes - checked_bytes > CHECK_BYTES:
                checked_bytes = receiving.size_bytes
                _check_room(0)
        received = receiving.finish(said)
        return change_executions(
            lambda store: store.artifact_arrived(
                artifact.id,
                size_bytes=received.size_bytes,
                checksum=received.checksum,
                at_ns=time.time_ns(),
            )
        )


def _with_signs_of_life(artifact: Artifact, content: Iterator[bytes]) -> Iterator[bytes]:
    """The content. While it comes its runner lives, though it may be unable to say so beside it."""
    run = service().store.execution(artifact.execution_id)
    interval_ms = run.heartbeat_interval_ms
    if interval_ms is None or run.status in ENDED:
        yield from content
        return
    said_at = time.monotonic()
    for piece in content:
        yield piece
        if time.monotonic() - said_at >= interval_ms / 1000:
            said_at = time.monotonic()
            _say_alive(run.id, interval_ms)


def _say_alive(execution_id: str, interval_ms: int) -> None:
    try:
        change_executions(
            lambda store: store.heartbeat(execution_id, at_ns=time.time_ns(), interval_ms=interval_ms)
        )
    except (StoreError, UnknownExecution) as error:
        log.info("no sign of life of %s was written down: %s", execution_id, error)


def _check_room(size_bytes: int) -> None:
    """Raises ApiError when so much more would leave too little of the disk."""
    free_bytes = shutil.disk_usage(service().config.data_dir).free
    if free_bytes - size_bytes < FREE_BYTES:
        raise ApiError(
            503,
            f"the disk has {free_bytes:,} bytes left; artifacts leave {FREE_BYTES:,} free",
            code="disk_full",
        )


@api.route(
    Route(
        "GET",
        "/api/executions/<execution_id>/artifacts",
        "The artifacts of an execution",
        answer=Content(type=wire.ArtifactsAnswer),
        refusals=READ_REFUSALS,
        path_schemas=PATH,
    )
)
def list_artifacts(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    with answering():
        found = executions().artifacts(execution_id)
    return json_response(wire.ArtifactsAnswer([wire.artifact_of(each) for each in found]))


@api.route(
    Route(
        "GET",
        "/api/artifacts/<artifact_id>",
        "One artifact",
        answer=Content(type=wire.Artifact),
        refusals=READ_REFUSALS,
        path_schemas=_ID,
    )
)
def one_artifact(args: NoArgs, artifact_id: str) -> Response:  # noqa: ARG001
    with answering():
        return json_response(wire.artifact_of(executions().artifact(artifact_id)))


@api.route(
    Route(
        "GET",
        "/api/artifacts/<artifact_id>/content",
        "The content of an artifact, or a range of it",
        args=ContentArgs,
        answer=Content(UNKNOWN),
        more_media=("text/plain", "image/png"),
        other_answers={206: Content(UNKNOWN), 304: Content(UNKNOWN)},
        refusals=(*READ_REFUSALS, 409, 416),
        path_schemas=_ID,
    )
)
def content(args: ContentArgs, artifact_id: str) -> Response:
    with answering():
        found = executions().artifact(artifact_id)
    if found.status is ArtifactStatus.UPLOADING:
        raise ApiError(409, "its content has not come yet")
    if not found.has_content:
        raise ApiError(404, "it was deleted, or its time is over")
    return file_response(
        service().artifact_files.path(found),
        name=found.file_name,
        media=found.mime_type or UNKNOWN,
        etag=found.checksum or found.id,
        inline=args.inline,
    )


def _act(method: str, act: str, summary: str) -> Route:
    return Route(
        method,
        f"/api/artifacts/<artifact_id>{act}",
        summary,
        answer=Content(type=wire.Artifact),
        refusals=(400, 401, 403, 404, 409, 421, 503),
        path_schemas=_ID,
    )


@api.route(_act("POST", "/archive", "Keep an artifact past its expiry"))
def archive_artifact(args: NoArgs, artifact_id: str) -> Response:  # noqa: ARG001
    return _moved(artifact_id, ArtifactStatus.ARCHIVED)


@api.route(_act("POST", "/restore", "Take an artifact out of the archive"))
def restore_artifact(args: NoArgs, artifact_id: str) -> Response:  # noqa: ARG001
    return _moved(artifact_id, ArtifactStatus.ACTIVE)


@api.route(_act("DELETE", "", "Delete an artifact with its content"))
def delete_artifact(args: NoArgs, artifact_id: str) -> Response:  # noqa: ARG001
    return _moved(artifact_id, ArtifactStatus.DELETED)


def _moved(artifact_id: str, to: ArtifactStatus) -> Response:
    with answering():
        moved = change_executions(lambda store: store.move_artifact(artifact_id, to, at_ns=time.time_ns()))
    if to is ArtifactStatus.DELETED:
        try:
            service().artifact_files.remove([moved.file_path])
        except StoreError as error:
            log.warning("the content of artifact %s goes with the next maintenance: %s", moved.id, error)
    return json_response(wire.artifact_of(moved))
