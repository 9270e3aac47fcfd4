"""The Korean of the palette and of the list of keys."""

from __future__ import annotations

from typing import Final

PALETTE: Final[dict[str, str]] = {
    "Go to": "이동",
    "A page, a source, an error, a run: a few letters are enough.": (
        "화면, 수집원, 에러, 실행을 몇 글자만으로 찾습니다. 초성만 써도 됩니다."
    ),
    "A page, a source, an error, a run": "화면, 수집원, 에러, 실행",
    "go anywhere": "어디로든 이동",
    "close": "닫기",
    "By its number or id": "번호나 ID로",
    "Saved views": "저장한 뷰",
    "Acts": "할 일",
    "Light colours": "밝은 색상",
    "Dark colours": "어두운 색상",
    "Colours of the system": "시스템 색상",
    "High contrast": "높은 대비",
    "Contrast of the system": "시스템 대비",
    "Search the logs for {words}": "로그에서 ‘{words}’ 검색",
}
