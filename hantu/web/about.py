"""/settings/about: versions, the file, and what hantu is made of."""

from __future__ import annotations

import platform
import time
from functools import lru_cache
from importlib import metadata
from typing import Final

from flask import Blueprint, Response

from hantu import __version__
from hantu.service.gauges import file_bytes
from hantu.web.current import service
from hantu.web.settings import section_page

LIBRARIES: Final = {
    "apsw": "any OSI licence",
    "argon2-cffi": "MIT",
    "click": "BSD-3-Clause",
    "docker": "Apache-2.0",
    "Flask": "BSD-3-Clause",
    "flask-sock": "MIT",
    "google-re2": "BSD-3-Clause",
    "gunicorn": "MIT",
    "htmx-flask": "MIT",
    "MarkupSafe": "BSD-3-Clause",
    "msgspec": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "requests": "Apache-2.0",
    "rich": "MIT",
    "simple-websocket": "MIT",
    "urllib3": "MIT",
    "zstandard": "BSD-3-Clause",
}
"""The licences of what requirements.txt names."""

VENDORED: Final = (("htmx", "2.0.11", "0BSD"),)
"""Name, version and licence of what lies in static/vendor."""


def register(blueprint: Blueprint) -> None:
    """Add the route of this page."""
    blueprint.add_url_rule("/settings/about", view_func=about)


def about() -> Response:
    """The page."""
    stats = service().store.stats()
    return section_page(
        "settings/about.html",
        "about",
        hantu_version=__version__,
        database=service().config.database,
        size_bytes=file_bytes(service().config.database),
        schema=stats.schema_version,
        entries=stats.entries,
        sqlite=_sqlite(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        up_s=(time.time_ns() - service().started_ns) / 1e9,
        started_ns=service().started_ns,
        libraries=[*_libraries(), *VENDORED],
    )


@lru_cache(maxsize=1)
def _libraries() -> tuple[tuple[str, str, str], ...]:
    """(name, version, licence); no version where one file holds everything and tells none."""
    return tuple((name, _version(name), licence) for name, licence in LIBRARIES.items())


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _sqlite() -> str:
    # APSW brings its own SQLite and has the same version in front.
    return ".".join(_version("apsw").split(".")[:3])
