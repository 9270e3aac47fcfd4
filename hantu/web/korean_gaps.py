"""The Korean of gaps."""

from __future__ import annotations

from typing import Final

GAPS: Final[dict[str, str]] = {
    "sent by programs": "프로그램이 보낸 로그",
    "Silent for longer than usual": "평소보다 오래 조용한 수집원",
    "Silent for": "조용한 시간",
    "Longest pause before": "그동안 가장 길었던 간격",
    "Silent sources": "조용한 수집원",
    "Lines that do not arrive": "들어오지 않는 로그",
    "Look below:": "아래를 확인하세요:",
    "{n} source collects.": "수집원 {n}곳이 수집하고 있습니다.",
    "{n} sources collect.": "수집원 {n}곳이 수집하고 있습니다.",
    "Do lines arrive?": "로그 수신 점검",
    "hantu tries each way every 10 minutes; its own lines are not stored": (
        "hantu가 경로마다 10분에 한 번 확인합니다. 확인용 줄은 저장하지 않습니다."
    ),
    "Way": "경로",
    "Tried": "확인 시각",
    "Result": "결과",
    "Sent by programs": "프로그램이 보내는 로그",
    "The newest lines have not been read: {names}": "최신 줄을 아직 읽지 못함: {names}",
    "It has not arrived": "들어오지 않음",
    "On its way": "들어오는 중",
    "The newest line of {n} container was read": "컨테이너 {n}개의 최신 줄까지 읽음",
    "The newest lines of {n} containers were read": "컨테이너 {n}개의 최신 줄까지 읽음",
    "Arrived after {delay}": "{delay} 만에 들어옴",
    "{size} lost": "{size} 잃음",
}
