"""The service behind the request being answered."""

from __future__ import annotations

from typing import cast

from flask import current_app

from hantu.service import Service


def service() -> Service:
    """The Service that create_app was given."""
    return cast(Service, current_app.extensions["hantu"])
