"""Korean of the rows of log and what opens in them; joined in korean.py."""

from __future__ import annotations

from typing import Final

LINES: Final[dict[str, str]] = {
    # Copying
    "Not copied: select it and copy by hand": "복사하지 못했습니다: 선택해서 직접 복사하세요",
    "curl: this line": "curl: 이 줄",
    "curl: this search": "curl: 이 검색",
    # Repeats
    "{n} times the same": "같은 줄 {n}번",
    "When it came": "나온 시각",
    "Fold": "반복 접기",
    # Context
    "± 50 lines, with a search of their own": "±50줄, 따로 검색",
    "Search around this line": "이 줄의 앞뒤에서 검색",
    "Of which sources": "어느 수집원에서",
    "This source": "이 수집원",
    "All sources": "모든 수집원",
    "Only lines with": "이 말이 있는 줄만",
    "Only lines with …": "이 말이 있는 줄만…",
    "No other line around it.": "앞뒤에 다른 줄이 없습니다.",
    # Histogram
    "Earlier": "이전 구간",
    "Zoom out": "넓게 보기",
    "Later": "다음 구간",
}
