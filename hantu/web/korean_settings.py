"""The Korean of /settings."""

from __future__ import annotations

from typing import Final

_OF_CONFIG: Final[dict[str, str]] = {
    "where hantu.db lies": "hantu.db가 있는 곳",
    "address of the web server": "웹 서버 주소",
    "port of the web server; 0 takes a free one": "웹 서버 포트. 0이면 비어 있는 포트",
    "collect containers; auto: when there is an engine": "컨테이너 수집. auto: 엔진이 있을 때",
    "container names to collect, * for any characters": "수집할 컨테이너 이름. *는 아무 글자",
    "container names not to collect": "수집하지 않을 컨테이너 이름",
    "collect the systemd journal; auto: when there is one": "systemd 저널 수집. auto: 저널이 있을 때",
    "units to keep, * for any characters; empty: all": "보관할 유닛. *는 아무 글자, 비우면 모두",
    "syslog identifiers to keep; empty: all": "보관할 syslog 식별자. 비우면 모두",
    "how far back the first reading of the journal goes": "저널을 처음 읽을 때 거슬러 올라가는 시간",
    "journal namespace to read; empty: the system's": "읽을 저널 네임스페이스. 비우면 시스템의 것",
    "folder of journal files to read in their place, as a container has it": (
        "대신 읽을 저널 파일 폴더 (컨테이너 안에서 실행할 때)"
    ),
    "globs of log files; empty: the usual places; none: no files": (
        "로그 파일의 글롭 패턴. 비우면 흔히 쓰는 곳, none이면 읽지 않음"
    ),
    "where reading of a file begins that was there before hantu": (
        "hantu보다 먼저 있던 파일을 읽기 시작하는 자리"
    ),
    "milliseconds between looks at the files": "파일을 살펴보는 간격 (밀리초)",
    "the log library's folder, read as well": "로그 라이브러리의 폴더. 함께 읽음",
    "days that entries are kept": "줄을 보관하는 날수",
    "size of hantu.db above which the oldest day goes": "hantu.db가 넘으면 가장 오래된 날부터 지우는 크기",
    "entries kept longer or shorter than retention_days, by source and level": (
        "수집원과 레벨에 따라 retention_days와 다르게 보관할 줄"
    ),
    "where the daily backup goes; empty: none is made": "매일 백업을 둘 곳. 비우면 백업하지 않음",
    "daily backups that stay": "남겨 두는 매일 백업 수",
    "local time of the daily maintenance": "매일 정비하는 시각",
    "entries that make a batch due": "이만큼 모이면 저장",
    "milliseconds after its first entry that a batch is due; at most 100 while somebody follows live": (
        "첫 줄이 온 뒤 저장하기까지 (밀리초). 실시간으로 보는 사람이 있으면 길어도 100"
    ),
    "milliseconds between the sendings of a live tail": "실시간 보기로 보내는 간격 (밀리초)",
    "live tails at the same time": "동시에 열 수 있는 실시간 보기",
    "milliseconds that one search may take": "검색 한 번에 쓸 수 있는 시간 (밀리초)",
    "Telegram bot token": "텔레그램 봇 토큰",
    "Telegram chat that gets the alerts": "알림을 받을 텔레그램 채팅",
    "address of the Bot API": "봇 API 주소",
    "seconds that an error is not told again": "같은 에러를 다시 알리지 않는 시간 (초)",
    "local time of the daily report by Telegram": "텔레그램 일일 리포트를 보내는 시각",
    "where phones reach the pages: messages then link to the error; empty: no link": (
        "휴대전화에서 화면을 여는 주소. 메시지에 에러 링크가 붙고, 비우면 링크 없음"
    ),
    "language of the pages; auto: the browser's": "화면의 언어. auto: 브라우저의 언어",
    "after a collector's failure: try again, or wait": "수집기가 실패한 뒤 다시 시도할지, 기다릴지",
    "days that errors are kept; none: without limit": "에러를 보관하는 날수. none: 제한 없음",
    "days that executions are kept after their end; none: without limit": (
        "실행이 끝난 뒤 보관하는 날수. none: 제한 없음"
    ),
    "newest runs of each job that stay, however old": "작업마다 오래되어도 남기는 최근 실행 수",
    "size of an artifact, at most": "아티팩트 하나의 최대 크기",
    "hosts that callback addresses of executions may name, * for any characters": (
        "실행의 콜백 주소로 쓸 수 있는 호스트. *는 아무 글자"
    ),
    "secret that callbacks are signed with; empty: no signature": "콜백 서명용 비밀 값. 비우면 서명 없음",
    "further names that the pages may be asked for by": "화면을 열 수 있는 다른 호스트 이름",
    "mask secrets before anything is stored": "저장하기 전에 비밀 값 가리기",
    "further metadata keys whose values are masked": "값을 가릴 메타데이터 키 추가",
    "try every 10 minutes whether lines arrive: journal, files, own address, Docker": (
        "10분마다 저널, 파일, hantu 자신의 주소, Docker로 로그가 들어오는지 확인"
    ),
    "log hantu's own debug lines": "hantu 자신의 디버그 줄 남기기",
    "show /styleguide, for those who work on hantu's pages": (
        "/styleguide 보이기 (hantu 화면을 만드는 사람을 위해)"
    ),
}
"""What the settings of hantu/config.py mean."""

SETTINGS: Final[dict[str, str]] = {
    **_OF_CONFIG,
    "Settings": "설정",
    # Sections
    "Pages": "화면",
    "Keeping": "보관",
    "Collection": "수집",
    "About": "정보",
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
    "Time zone": "시간대",
    "The server's: {zone}": "서버의 시간대: {zone}",
    "First page": "첫 화면",
    "Logs, live": "로그, 실시간",
    "Save": "저장",
    "Saved.": "저장했습니다.",
    "Kept in this browser, and for the account that is signed in: another browser begins with it.": (
        "이 브라우저에 저장되고, 로그인했다면 계정에도 저장되어 다른 브라우저에서 처음 값으로 쓰입니다."
    ),
    "Fixed by the setting {name}.": "설정 {name}에서 정한 값입니다.",
    "{name} cannot be that.": "{name}에는 그 값을 쓸 수 없습니다.",
    # The settings of the service
    "How long what was stored stays.": "저장한 것을 얼마나 오래 두는지 정합니다.",
    "What is read, and what happens to it on the way.": "무엇을 읽고 어떻게 다루는지 정합니다.",
    "Who is told of errors, and how often.": "에러를 누구에게 얼마나 자주 알리는지 정합니다.",
    "Where hantu answers, and its limits.": "hantu의 주소와 한도를 정합니다.",
    "Setting": "설정 이름",
    "Value": "값",
    "none": "없음",
    "Comes from": "출처",
    "default": "기본값",
    "set, not shown": "설정됨 (보여 주지 않음)",
    "How to change one": "바꾸는 방법",
    "Write it in the file, then start hantu again:": "파일에 적은 뒤 hantu를 다시 시작하세요:",
    "A wrong value stops the start and says which one it is and what is allowed.": (
        "값이 잘못되면 시작하지 않고, 어느 설정인지와 쓸 수 있는 값을 알려 줍니다."
    ),
    "What was removed, when and why": "무엇을 언제 왜 지웠는지 보기",
    "How each source fares": "수집원마다 어떤 상태인지 보기",
    # Alerts
    "Nobody is told of errors yet": "아직 에러를 아무에게도 알리지 않습니다",
    "In Telegram, write to @BotFather: /newbot. It answers with a token.": (
        "텔레그램에서 @BotFather에게 /newbot을 보내면 토큰을 줍니다."
    ),
    "Write to your new bot, then read the number of the chat:": (
        "새 봇에게 아무 말이나 보낸 뒤 채팅 번호를 읽습니다:"
    ),
    "Write both in the settings and start hantu again; this sends a test:": (
        "둘을 설정에 적고 hantu를 다시 시작합니다. 이 명령으로 시험 메시지를 보냅니다:"
    ),
    "Send a test message": "시험 메시지 보내기",
    "How alerts fare": "알림 상태 보기",
    "Sent as @{name}: look at your phone.": "@{name} 이름으로 보냈습니다. 휴대전화를 확인하세요.",
    "The test could not be sent:": "시험 메시지를 보내지 못했습니다:",
    "No channel is set: telegram_token and telegram_chat_id name one.": (
        "알릴 곳이 설정되지 않았습니다. telegram_token과 telegram_chat_id를 적으세요."
    ),
    # About
    "Schema": "스키마",
    "System": "시스템",
    "Interface": "인터페이스",
    "Made with": "사용한 라이브러리",
    "Library": "라이브러리",
    "Version": "버전",
    "Licence": "라이선스",
    "any OSI licence": "모든 OSI 라이선스",
}
