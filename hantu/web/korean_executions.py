"""The Korean of the pages of executions, part of the catalogue in hantu/web/korean.py."""

from __future__ import annotations

from typing import Final

EXECUTIONS: Final[dict[str, str]] = {
    "Executions": "실행",
    "Runs of jobs: what each was asked, what it brought, its log, its tokens and cost.": (
        "작업을 실행한 기록입니다. 요청과 결과, 로그, 토큰과 비용을 볼 수 있습니다."
    ),
    # States
    "Pending": "대기",
    "Running": "실행 중",
    "Completed": "완료",
    "Cancelled": "취소됨",
    "Uploading": "올리는 중",
    "Active": "보관 중",
    "Archived": "보존됨",
    "Deleted": "삭제됨",
    # The list
    "Search runs": "실행 검색",
    "words of the job, the prompt, the output or the error": "작업, 요청, 출력, 에러에 있는 낱말",
    "All jobs": "모든 작업",
    "Job": "작업",
    "Model": "모델",
    "Created": "생성",
    "Created from": "이 시각부터 생성",
    "Created before": "이 시각 전에 생성",
    "7d, today or 2026-11-20T09:00": "7d, today, 2026-11-20T09:00",
    "Took": "걸린 시간",
    "Tokens": "토큰",
    "Cost": "비용",
    "Files": "파일",
    "With or without files": "파일 유무 상관없이",
    "With files": "파일 있음",
    "Without files": "파일 없음",
    "from {time}": "{time}부터",
    "before {time}": "{time} 이전",
    "Runs a page": "한 쪽에 보일 개수",
    "Show": "보기",
    "Newest first": "최신순",
    "Oldest first": "오래된 순",
    "Last ended first": "최근에 끝난 순",
    "First ended first": "먼저 끝난 순",
    "Pending first": "대기 중인 것부터",
    "Cancelled first": "취소된 것부터",
    "Show all runs": "모든 실행 보기",
    "No run matches": "맞는 실행이 없습니다",
    "Runs of every status": "모든 상태의 실행",
    "Runs of all time": "전체 기간의 실행",
    "Pages": "쪽",
    "page {n} of {most}": "{most}쪽 중 {n}쪽",
    "Page before": "이전 쪽",
    "Next page": "다음 쪽",
    "{n} run": "실행 {n}건",
    "{n} runs": "실행 {n}건",
    # Sums
    "Tokens and cost": "토큰과 비용",
    "Show tokens and cost": "토큰과 비용 보기",
    "Adding up…": "더하는 중…",
    "last {n} days": "최근 {n}일",
    "of this list": "이 목록",
    "Runs": "실행",
    "{n} failed": "실패 {n}",
    "Runs a day": "하루 실행",
    "Tokens a day": "하루 토큰",
    "Cost a day": "하루 비용",
    "today": "오늘",
    "By job": "작업별",
    "By model": "모델별",
    "and {n} more": "그 밖에 {n}개",
    # The first visit
    "No run has been told of yet": "아직 실행 기록이 없습니다",
    "Put this before a command, also in cron: its lines, exit code, time, memory and files come here; its "
    "output stays what it is.": (
        "명령 앞에 이것을 붙이세요. cron에서도 됩니다. 출력한 줄, 종료 코드, 시간, 메모리, 파일이 여기에 "
        "모이고, 명령의 출력은 그대로입니다."
    ),
    "To see the first run now:": "지금 첫 실행을 보려면:",
    "A Python program tells of a block itself, with tokens and cost:": (
        "파이썬 프로그램은 블록 하나를 토큰, 비용과 함께 직접 알릴 수 있습니다:"
    ),
    "It finds this desk by a token:": "토큰으로 이곳에 연결합니다:",
    # One run
    "There is no such run; retention may have removed it.": (
        "그런 실행이 없습니다. 보관 기간이 지나 지워졌을 수 있습니다."
    ),
    "Cancel run": "실행 취소",
    "It was over already: there was nothing to cancel.": "이미 끝난 실행이라 취소할 것이 없었습니다.",
    "usually after {time}": "보통 {time} 뒤",
    "usually {time}": "보통 {time}",
    "none was completed yet": "아직 완료된 것이 없습니다",
    "of {n}": "최대 {n}",
    "Input": "입력",
    "Output": "출력",
    "Exit code": "종료 코드",
    "CPU time": "CPU 시간",
    "Most memory": "최대 메모리",
    "Log": "로그",
    "Its log cannot be read just now.": "지금은 로그를 읽을 수 없습니다.",
    "No line of this run is kept. A program passes HANTU_TRACE_ID on, or writes trace_id into its lines.": (
        "이 실행의 로그가 없습니다. 프로그램이 HANTU_TRACE_ID를 이어받거나 줄에 trace_id를 적으면 여기에 "
        "모입니다."
    ),
    "No line yet: what it writes with its trace id appears here.": (
        "아직 로그가 없습니다. 이 추적 ID로 쓰는 줄이 여기에 나타납니다."
    ),
    "It brought no output.": "출력이 없습니다.",
    "What it brings stands here when it ends.": "끝나면 결과가 여기에 나타납니다.",
    "All lines and errors of this trace": "이 추적의 모든 줄과 에러",
    "Request": "요청",
    "Prompt, {n} characters": "프롬프트 {n}자",
    "at most {n} tokens": "최대 {n}토큰",
    "Timeout": "제한 시간",
    "Machine": "기기",
    "for ever": "영구",
    "as the settings say": "설정에 따름",
    "Callback": "콜백",
    "{n} try": "{n}번 시도",
    "{n} tries": "{n}번 시도",
    "Resources": "자원",
    "Runs like it": "같은 작업의 실행",
    "All runs of this job": "이 작업의 모든 실행",
    "How long the last ones took": "최근 실행이 걸린 시간",
    "It is the first run of this job.": "이 작업의 첫 실행입니다.",
    # Files
    "{n} file": "파일 {n}개",
    "{n} files": "파일 {n}개",
    "It left no files.": "남긴 파일이 없습니다.",
    "Name": "이름",
    "Type": "종류",
    "Expires": "만료",
    "Checksum": "체크섬",
    "with the run": "실행과 함께",
    "after upload": "올린 뒤",
    "Open it": "열기",
    "Code": "코드",
    "Document": "문서",
    "Image": "이미지",
    "Data": "데이터",
    "Other": "기타",
    "There is no such file.": "그런 파일이 없습니다.",
    "Its content is gone.": "내용이 없어졌습니다.",
    "Its first 64 kB; the name above saves all of it.": (
        "처음 64 kB만 보입니다. 위의 이름을 누르면 전체를 저장합니다."
    ),
    # A trace
    "This trace is that of a run.": "작업을 실행하며 남긴 추적입니다.",
    "RUN": "실행",
}
