"""The only place that knows where the files beside the package lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATES: Final = ROOT / "templates"
STATIC: Final = ROOT / "static"
SCHEMA: Final = ROOT / "schema.sql"
CHECKOUT_DATA: Final = ROOT / "data"
"""Where `make run` keeps its data."""
