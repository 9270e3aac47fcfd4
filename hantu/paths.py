"""The only place that knows where the files beside the package lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
ROOT: Final = PACKAGE.parent
_SHIPPED: Final = PACKAGE / "files"
FILES: Final = _SHIPPED if _SHIPPED.is_dir() else ROOT
"""A wheel and a built file carry them within the package (setup.py); a checkout has them beside it."""
TEMPLATES: Final = FILES / "templates"
STATIC: Final = FILES / "static"
SCHEMA: Final = FILES / "schema.sql"
UNIT: Final = FILES / "hantu.service"
BUILD_ID: Final = FILES / "build-id"
"""Tells built files of one version apart; only they have it."""
CHECKOUT_DATA: Final = ROOT / "data"
"""Where `make run` keeps its data."""
