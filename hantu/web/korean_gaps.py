"""The Korean of gaps."""

from __future__ import annotations

from typing import Final

GAPS: Final[dict[str, str]] = {
    "sent by programs": "프로그램이 보낸 로그",
    "Silent for longer than usual": "평소보다 오래 조용한 수집원",
    "Silent for": "조용한 시간",
    "Longest pause before": "그동안 가장 길었던 간격",
    "A line that hantu wrote into the journal {ago} has not arrived.": (
        "hantu가 {ago} 저널에 쓴 줄이 아직 들어오지 않았습니다."
    ),
    "A line that hantu wrote into the journal {ago} arrived after {delay}.": (
        "hantu가 {ago} 저널에 쓴 줄이 {delay} 만에 들어왔습니다."
    ),
    "{size} lost": "{size} 잃음",
}
