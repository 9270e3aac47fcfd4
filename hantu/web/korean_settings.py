"""The Korean of /settings."""

from __future__ import annotations

from typing import Final

SETTINGS: Final[dict[str, str]] = {
    "Settings": "설정",
    # Sections
    "Pages": "화면",
    # What a reader chooses
    "How the pages look for you.": "화면을 보기 편하게 고릅니다.",
    "Language": "언어",
    "As the browser": "브라우저에 맞춤",
    "Colours": "색상",
    "As the system": "시스템에 맞춤",
    "Light": "밝게",
    "Dark": "어둡게",
    "Contrast": "대비",
    "High": "높게",
    "Density": "밀도",
    "Dense": "촘촘하게",
    "Roomy": "넉넉하게",
    "Save": "저장",
    "Saved.": "저장했습니다.",
    "Kept in this browser, and for the account that is signed in: another browser begins with it.": (
        "이 브라우저에 저장되고, 로그인했다면 계정에도 저장되어 다른 브라우저에서 처음 값으로 쓰입니다."
    ),
    "Fixed by the setting {name}.": "설정 {name}에서 정한 값입니다.",
    "{name} cannot be that.": "{name}에는 그 값을 쓸 수 없습니다.",
}
