"""The Korean of /sources and of what the first page says was found."""

from __future__ import annotations

from typing import Final

SOURCES: Final[dict[str, str]] = {
    "Last hour": "최근 1시간",
    "{n} line in the last hour": "최근 1시간 {n}줄",
    "{n} lines in the last hour": "최근 1시간 {n}줄",
    "{n} line a minute": "분당 {n}줄",
    "{n} lines a minute": "분당 {n}줄",
    "The trace at a glance": "한눈에 보는 추적",
    "{n} more source below": "아래에 수집원 {n}곳 더",
    "{n} more sources below": "아래에 수집원 {n}곳 더",
    # What hantu looks for
    "What hantu looks for here": "hantu가 이 기기에서 찾는 것",
    "Containers": "컨테이너",
    "The journal": "저널",
    "Log files": "로그 파일",
    "Found": "찾음",
    "Needs you": "조치 필요",
    "Off": "꺼짐",
    "The settings switch it off.": "설정에서 꺼 두었습니다.",
    "Followed as soon as there is one; nothing needs to be done.": (
        "생기는 대로 수집합니다. 따로 할 일은 없습니다."
    ),
    "What the units of systemd say is read.": "systemd 유닛이 남기는 로그를 읽고 있습니다.",
    "{n} container is followed.": "컨테이너 {n}개를 수집하고 있습니다.",
    "{n} containers are followed.": "컨테이너 {n}개를 수집하고 있습니다.",
    "{n} place with log files is followed.": "로그 파일이 있는 곳 {n}군데를 수집하고 있습니다.",
    "{n} places with log files are followed.": "로그 파일이 있는 곳 {n}군데를 수집하고 있습니다.",
}
