"""Bodies that are files: read piece by piece, never held as a whole."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from flask import request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from hantu.web.errors import ApiError
from hantu.web.streams import client_socket

CHUNK_BYTES: Final = 256 * 1024
SILENT_S: Final = 30.0
"""A client that sends nothing for so long is given up."""
FORM_BYTES_MOST: Final = 64 * 1024
"""Of all fields and heads of a multipart body."""
FIELDS_MOST: Final = 20
_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):", re.ASCII)


def checksum_of(headers: Headers) -> str | None:
    """The SHA-256 that Content-Digest or Repr-Digest (RFC 9530) names, hexadecimal. Raises ApiError."""
    for name in ("Content-Digest", "Repr-Digest"):
        match = _DIGEST.search(headers.get(name, ""))
        if match is None:
            continue
        try:
            digest = base64.b64decode(match.group(1), validate=True)
        except (binascii.Error, ValueError):
            digest = b""
        if len(digest) != 32:
            raise ApiError(400, f"{name}: sha-256 is no SHA-256 in base64", code="bad_digest")
        return digest.hex()
    return None


def pieces(most_bytes: int, *, stopping: Callable[[], bool]) -> Iterator[bytes]:
    """The body of the current request, at most most_bytes.

    Raises ApiError: 413, 400 when the client goes away or silent before all has come, 503 at the stop."""
    request.max_content_length = most_bytes
    connection = client_socket(request.environ)
    if connection is not None:
        connection.settimeout(SILENT_S)
    try:
        while piece := request.stream.read(CHUNK_BYTES):
            if stopping():
                raise ApiError(503, "hantu is stopping; send it again later", code="stopping")
            yield piece
    except RequestEntityTooLarge:
        raise too_large(most_bytes) from None
    except (ClientDisconnected, OSError):
        raise ApiError(400, "the connection ended before all of the content had come") from None
    finally:
        if connection is not None:
            connection.settimeout(None)


def too_large(most_bytes: int) -> ApiError:
    """The refusal of a content above the limit."""
    return ApiError(413, f"an artifact has at most {most_bytes:,} bytes; see the setting artifact_bytes")


@dataclass(slots=True)
class Form:
    """A multipart body up to its first file. words: the fields before it. file_name, mime_type: of the
    file. content: its bytes, which must be read; they end before what follows, which must be nothing."""

    words: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    mime_type: str = ""
    content: Iterator[bytes] = field(default_factory=lambda: iter(()))


def form(source: Iterator[bytes]) -> Form:
    """The multipart body of the current request, which source gives. Raises ApiError."""
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary:
        raise ApiError(400, "the Content-Type names no boundary", code="bad_body")
    decoder = MultipartDecoder(boundary.encode(), FORM_BYTES_MOST + CHUNK_BYTES, max_parts=FIELDS_MOST)
    found = Form()
    name, value = "", bytearray()
    while True:
        event = _event(decoder, source)
        if isinstance(event, Epilogue):
            raise ApiError(400, "the form has no file; send one as the field `file`", code="bad_body")
        if isinstance(event, File):
            found.file_name = event.filename
            found.mime_type = event.headers.get("Content-Type", "")
            found.content = _content(decoder, source)
            return found
        if isinstance(event, Field):
            name, value = event.name, bytearray()
        elif isinstance(event, Data):
            value += event.data
            if len(value) + sum(map(len, found.words.values())) > FORM_BYTES_MOST:
                raise _too_much()
            if not event.more_data:
                found.words[name] = _text(name, value)


def _content(decoder: MultipartDecoder, source: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of the file; the form must end after it."""
    while isinstance(event := _event(decoder, source), Data):
        if event.data:
            yield event.data
        if not event.more_data:
            break
    while not isinstance(event := _event(decoder, source), Epilogue):
        if isinstance(event, (Field, File)):
            raise ApiError(
                400, "the file must be the only one, and the last part of the form", code="bad_body"
            )


def _event(decoder: MultipartDecoder, source: Iterator[bytes]) -> object:
    """The next event; more of the body is read when one needs it."""
    try:
        while isinstance(event := decoder.next_event(), NeedData):
            decoder.receive_data(next(source, None))
    except RequestEntityTooLarge:
        raise _too_much() from None
    except (ValueError, LookupError) as error:
        raise ApiError(400, f"the form cannot be read: {error}", code="bad_body") from None
    return event


def _too_much() -> ApiError:
    return ApiError(
        413, f"a form has at most {FIELDS_MOST} parts, of {FORM_BYTES_MOST:,} bytes but for the file"
    )


def _text(name: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ApiError(400, f"the field {name!r} is no UTF-8", code="bad_body") from None
