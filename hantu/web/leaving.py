"""Files as answers: parts of them, known ones not again, and nothing in them that a browser would run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import parse_options_header
from werkzeug.wsgi import FileWrapper

from hantu.text import visible
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.streams import paced

CHUNK_BYTES: Final = 256 * 1024
UNKNOWN: Final = "application/octet-stream"
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})
"""Shown in a browser as they are. Not SVG, which holds scripts."""
TEXTS: Final = re.compile(
    r"text/.+|application/(?:json|.+\+json|x-ndjson|xml|.+\+xml|yaml|x-yaml|toml|sql)"
)
"""Shown in a browser as plain text, whatever they are."""
CSP: Final = "default-src 'none'; sandbox"

_MEDIA: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_CHARSET: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


def file_response(path: Path, *, name: str, media: str, etag: str, inline: bool) -> Response:
    """The file at path, or what Range and If-None-Match leave of it.

    name: what people call it. inline: images and texts are for showing, all else is saved in any case.
    Raises ApiError 404 when it is not there, 416."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ApiError(404, "its content is gone from the folder of artifacts") from None
    size = path.stat().st_size
    shown, headed = _media(media, inline=inline)
    response = Response(FileWrapper(file, CHUNK_BYTES), mimetype=None)
    response.call_on_close(file.close)
    response.content_length = size
    response.headers["Content-Type"] = headed
    response.headers["Content-Disposition"] = disposition(name, inline=shown)
    response.headers["Content-Security-Policy"] = CSP
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(etag)
    asked = dict(request.environ)
    if request.range is not None and request.range.units != "bytes":
        # Source: RFC 9110, section 14.2: a range of another unit is passed over.
        del asked["HTTP_RANGE"]
    try:
        response.make_conditional(asked, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise ApiError(
            416,
            f"it has {size:,} bytes",
            code="no_such_range",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
    if request.method == "HEAD" or response.status_code == 304:
        # The server is given no body, and would never close it.
        file.close()
        return response
    # Not the server's own sendfile(): a client that stops reading would hold a thread for ever.
    found = cast(Iterable[bytes], response.response)
    response.response = paced(found, request.environ, stopping=service().stopping.is_set)
    return response


def disposition(name: str, *, inline: bool) -> str:
    """A Content-Disposition that no name can break out of; folders in it are left out."""
    last = re.split(r"[/\\]", visible(name).replace("\n", " "))[-1].strip(". ") or "artifact"
    plain = re.sub(r"[^A-Za-z0-9 _.()+=@,-]", "_", last)
    how = "inline" if inline else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(last, safe='')}"


def _media(media: str, *, inline: bool) -> tuple[bool, str]:
    """Whether it is shown in the browser, and its Content-Type."""
    kind, options = parse_options_header(media)
    kind = kind.lower()
    if not _MEDIA.fullmatch(kind):
        return False, UNKNOWN
    if inline and kind in IMAGES:
        return True, kind
    if inline and TEXTS.fullmatch(kind):
        charset = options.get("charset", "utf-8")
        return True, f"text/plain; charset={charset if _CHARSET.fullmatch(charset) else 'utf-8'}"
    return False, kind
