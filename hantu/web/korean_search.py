"""Korean of the search side of /logs: completion, views, times, export, patterns; joined in korean.py."""

from __future__ import annotations

from typing import Final

SEARCH: Final[dict[str, str]] = {
    # Completion
    "Suggestions": "추천 검색어",
    "searched before": "이전 검색",
    "{count} suggestions": "추천 {count}개",
    "level, ordered": "레벨(크기 비교 가능)",
    "where it came from": "어디에서 왔는지",
    "Docker container, by name or id": "Docker 컨테이너(이름 또는 id)",
    "systemd unit": "systemd 유닛",
    "log file, by path or name": "로그 파일(경로 또는 이름)",
    "service, by metadata or source": "서비스(메타데이터 또는 수집원)",
    "name of the logger": "로거 이름",
    "trace_id": "trace_id",
    "stdout, stderr or tty": "stdout, stderr, tty",
    "name of the host": "호스트 이름",
    "one entry": "로그 한 줄",
    "from this time on": "이 시각부터",
    "up to this time": "이 시각까지",
    "on this day": "이 날",
    "field of the metadata": "메타데이터 필드",
    "this or more": "이상",
    "this or less": "이하",
    "more than this": "초과",
    "less than this": "미만",
    "Perhaps:": "이렇게 써 보세요:",
    # Views
    "Views": "뷰",
    "start": "시작 화면",
    "A search that you need again gets a name here.": "다시 쓸 검색에 이름을 붙여 둘 수 있습니다.",
    "Name of this view": "이 뷰의 이름",
    "For everybody": "모두에게 공유",
    "Begin with it": "시작 화면으로",
    "Begin with all lines": "시작 화면에서 빼기",
    "Save this view": "이 뷰 저장",
    "Rename or remove views": "뷰 이름 바꾸기·삭제",
    "Searches with a name. They stand in the menu beside the search box.": (
        "이름을 붙인 검색입니다. 검색창 옆 메뉴에서 바로 열 수 있습니다."
    ),
    "Whose": "소유",
    "What to do": "할 일",
    "Everybody's": "공유",
    "Yours": "내 것",
    "Rename": "이름 바꾸기",
    "New name": "새 이름",
    "Remove": "삭제",
    "No view has a name yet": "저장한 뷰가 아직 없습니다",
    "Search for something, open the menu Views beside the search box, and give it a name.": (
        "검색한 다음 검색창 옆의 ‘뷰’ 메뉴에서 이름을 붙이면 여기에 나타납니다."
    ),
    "hantu begins with {address}": "hantu는 {address} 화면으로 시작합니다",
    "There is no such view.": "그런 뷰가 없습니다.",
    "This is no page of hantu.": "hantu의 페이지가 아닙니다.",
    "There is no such time zone.": "그런 시간대가 없습니다.",
    "Views of everybody take the role operator.": "공유 뷰를 바꾸려면 operator 역할이 필요합니다.",
    # Times
    "Today": "오늘",
    "Use this zone": "이 시간대로 보기",
    "The server's ({zone})": "서버 시간대 ({zone})",
    "This browser's ({zone})": "이 브라우저의 시간대 ({zone})",
    # Filters and columns
    "Another field": "다른 필드",
    "Another field of the metadata": "메타데이터의 다른 필드",
    "Add": "추가",
    "Columns": "열",
    "Show these columns": "이 열 보기",
    # Export
    "{done} lines": "{done}줄",
    "{done} of about {all} lines": "약 {all}줄 중 {done}줄",
    "Done: {done} lines": "완료: {done}줄",
    "The export broke off after {done} lines.": "{done}줄까지 받고 끊어졌습니다.",
    "Cancelled.": "취소했습니다.",
    "Cancel": "취소",
    # Patterns
    "How lines are shown": "보는 방식",
    "Patterns": "패턴",
    "{n} pattern": "패턴 {n}개",
    "{n} patterns": "패턴 {n}개",
    "{n} variant": "변형 {n}가지",
    "{n} variants": "변형 {n}가지",
    "Most lines": "많은 순",
    "Fewest lines": "적은 순",
    "First seen last": "최근에 처음 나온 순",
    "Counted back to {time}, as far as the time allowed.": "제한 시간 안에 {time}까지 거슬러 세었습니다.",
    "Look further back": "더 거슬러 세기",
    "Choose a time to see which patterns are new in it.": (
        "기간을 고르면 그 안에 새로 나온 패턴을 표시합니다."
    ),
    "Lines over time": "시간에 따른 줄 수",
    "new": "새로움",
    "(no text)": "(내용 없음)",
    "Hide this pattern": "이 패턴 숨기기",
    "The first {n} are shown; a further word or a shorter time brings others.": (
        "앞의 {n}개만 보여 줍니다. 검색어를 더하거나 기간을 줄이면 다른 패턴이 나옵니다."
    ),
}
