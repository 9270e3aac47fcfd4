"""The Korean of disk, rules and backups on /status, part of the catalogue in hantu/web/korean.py."""

from __future__ import annotations

from typing import Final

DISK: Final[dict[str, str]] = {
    "About {day} a day: what is kept will come to about {final}, and there is room.": (
        "하루 약 {day}씩 쌓입니다. 보관하는 로그는 모두 약 {final}가 되며, 공간은 충분합니다."
    ),
    "About {day} a day: what is to be kept would come to {final}. retention_bytes allows {limit}, so "
    "about {kept} will be kept.": (
        "하루 약 {day}씩 쌓입니다. 보관할 로그는 모두 {final}인데 retention_bytes가 {limit}까지만 "
        "허용하므로 약 {kept}치를 보관합니다."
    ),
    "About {day} a day: what is to be kept would come to {final}, and the disk will be full in about "
    "{left}.": (
        "하루 약 {day}씩 쌓입니다. 보관할 로그는 모두 {final}이며, 약 {left} 뒤에 디스크가 가득 찹니다."
    ),
    "Free some space, or set retention_bytes = {size}": (
        "공간을 비우거나 retention_bytes = {size}로 설정하세요."
    ),
    "A forecast needs an hour of lines.": "한 시간 이상 로그가 쌓이면 예측을 보여 줍니다.",
    "now {now}, later {final}": "지금 {now}, 나중에 {final}",
    "room for {size}": "쓸 수 있는 공간 {size}",
    "the disk was full": "디스크가 가득 참",
    "The disk was full, and {n} old line was removed.": (
        "디스크가 가득 차서 오래된 로그 {n}줄을 지웠습니다."
    ),
    "The disk was full, and {n} old lines were removed.": (
        "디스크가 가득 차서 오래된 로그 {n}줄을 지웠습니다."
    ),
    "New lines are stored again. Free some space:": "새 로그는 다시 저장하고 있습니다. 공간을 비우세요:",
    "also what a rule keeps longer": "규칙이 더 오래 보관하는 줄도 포함",
    "lines of {rule} before {time}": "{rule}: {time} 이전의 줄",
    "Backups": "백업",
    "No daily backup is made: set backup_dir. One by hand, beside the running service:": (
        "매일 백업을 만들지 않습니다. backup_dir를 설정하세요. 서비스를 켠 채 직접 만들려면:"
    ),
    "The daily backup failed. Older ones stay, and it is tried again in ten minutes:": (
        "오늘 백업을 만들지 못했습니다. 이전 백업은 그대로 있으며 10분 뒤 다시 시도합니다:"
    ),
    "There is none of the last day.": "지난 하루 동안 만든 백업이 없습니다.",
    "Make one now:": "지금 만들기:",
    "Last good one": "마지막 백업",
    "none yet": "아직 없음",
    "{n} of {most}": "{most}개 중 {n}개",
    "Next": "다음",
}
