"""The Korean of gaps."""

from __future__ import annotations

from typing import Final

GAPS: Final[dict[str, str]] = {
    "sent by programs": "프로그램이 보낸 로그",
    "{size} lost": "{size} 잃음",
}
