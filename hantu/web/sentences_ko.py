"""The Korean catalogue of sentences.py: English sentences of the layers below → Korean.

tests/web/test_sentences.py finds sentences that are missing here, and those that nobody says any more."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # Queries: the text
    "a query has at most {most} characters, this has {count}": (
        "검색어는 {most}자까지 쓸 수 있습니다. 지금은 {count}자입니다."
    ),
    "a query has at most {most} terms; put words that belong together in quotes": (
        "검색어에는 항목을 {most}개까지 쓸 수 있습니다. 함께 찾을 낱말은 따옴표로 묶으세요."
    ),
    "a query is nested at most {most} levels deep": "괄호는 {most}단계까지만 겹칠 수 있습니다.",
    'a quote is opened here but never closed; end it with "': (
        '여기서 연 따옴표가 닫히지 않았습니다. 끝에 "를 붙이세요.'
    ),
    "empty quotes search for nothing; write the words between them": (
        "빈 따옴표로는 아무것도 찾지 못합니다. 따옴표 사이에 낱말을 쓰세요."
    ),
    "empty quotes search for nothing; write the text between them": (
        "빈 따옴표로는 아무것도 찾지 못합니다. 따옴표 사이에 찾을 글을 쓰세요."
    ),
    "a * stands at the start or the end of a word; in between write a regular expression such as "
    '/a.*b/, or "quotes" to search for the star itself': (
        "*는 낱말의 처음이나 끝에만 쓸 수 있습니다. 낱말 가운데라면 /a.*b/ 같은 정규식을 쓰고, "
        '별표 자체를 찾으려면 "따옴표"로 묶으세요.'
    ),
    "{name}: takes one value; write ({name}:one OR {name}:other)": (
        "{name}: 뒤에는 값을 하나만 씁니다. 여럿이면 ({name}:하나 OR {name}:다른것)처럼 쓰세요."
    ),
    "{name}: needs a value directly after it, for example {name}:{example}": (
        "{name}: 바로 뒤에 값이 필요합니다. 예: {name}:{example}"
    ),
    'a parenthesis is closed here but none is open; use "quotes" for the sign': (
        '여기서 괄호를 닫았지만 연 괄호가 없습니다. 괄호 글자를 찾으려면 "따옴표"로 묶으세요.'
    ),
    "a parenthesis is opened here but never closed; end it with )": (
        "여기서 연 괄호가 닫히지 않았습니다. 끝에 )를 붙이세요."
    ),
    'these parentheses are empty; write terms between them or "quotes" around them': (
        '괄호 안이 비어 있습니다. 안에 찾을 것을 쓰거나, 괄호 글자를 찾으려면 "따옴표"로 묶으세요.'
    ),
    'OR needs a term on both sides; write "OR" to search for the word': (
        'OR는 양쪽에 항목이 있어야 합니다. OR라는 낱말을 찾으려면 "OR"처럼 따옴표로 묶으세요.'
    ),
    'AND needs a term on both sides; write "AND" to search for the word': (
        'AND는 양쪽에 항목이 있어야 합니다. AND라는 낱말을 찾으려면 "AND"처럼 따옴표로 묶으세요.'
    ),
    'NOT needs a term after it; write "NOT" to search for the word': (
        'NOT은 뒤에 항목이 있어야 합니다. NOT이라는 낱말을 찾으려면 "NOT"처럼 따옴표로 묶으세요.'
    ),
    "a term is missing here": "여기에 찾을 것이 빠졌습니다.",
    "this excludes everything; exclude a word, a phrase or a field": (
        "이렇게 하면 모든 것이 제외됩니다. 제외할 낱말이나 구절, 필드를 쓰세요."
    ),
    "since: until: and on: limit the whole search, so they cannot stand inside OR, NOT or parentheses; "
    "write (a OR b) since:2h": (
        "since: until: on:은 검색 전체의 기간을 정하므로 OR, NOT, 괄호 안에 쓸 수 없습니다. "
        "(a OR b) since:2h처럼 쓰세요."
    ),
    # Queries: fields
    "{value} is no field name: letters, digits and _ . @ - are allowed": (
        "필드 이름으로 쓸 수 없습니다: {value}. 영문자와 숫자, _ . @ -만 쓸 수 있습니다."
    ),
    "{name}: cannot be compared with {sign}; write {name}:{example}": (
        "{name}: 값은 {sign}로 비교할 수 없습니다. {name}:{example}처럼 쓰세요."
    ),
    "{sign} needs a value to compare with, for example {name}:{sign}500": (
        "{sign} 뒤에 비교할 값이 필요합니다. 예: {name}:{sign}500"
    ),
    "id: takes the UUID of an entry; for a value of the metadata write {prefix}id:7": (
        "id: 뒤에는 로그 줄의 UUID를 씁니다. 메타데이터의 id 값을 찾으려면 {prefix}id:7처럼 쓰세요."
    ),
    "{value} is no level; use one of {names}": (
        "그런 레벨은 없습니다: {value}. {names} 가운데 하나를 쓰세요."
    ),
    "{name}: is a time, not a field; {prefix}{name} is the field": (
        "{name}:은 필드가 아니라 시각입니다. 필드로 찾으려면 {prefix}{name}을 쓰세요."
    ),
    # Queries: times
    "on: takes a day, not {value}; use today, yesterday or 2026-11-20": (
        "on: 뒤에는 날짜를 씁니다: {value}. today, yesterday, 2026-11-20처럼 쓰세요."
    ),
    "{value} is no time; use 15m, 2h, 7d (that long ago), now, today, yesterday, 2026-11-20 or "
    "2026-11-20T13:05:00, with a zone such as Z or +09:00 if it is not the local one": (
        "시각으로 읽을 수 없습니다: {value}. 15m, 2h, 7d(그만큼 전), now, today, yesterday, 2026-11-20, "
        "2026-11-20T13:05:00처럼 쓰고, 이곳 시간대가 아니면 Z나 +09:00 같은 시간대를 붙이세요."
    ),
    "{value} is no date: {inner}": "그런 날짜는 없습니다: {value} ({inner}).",
    "{value} is no time: {inner}": "그런 시각은 없습니다: {value} ({inner}).",
    # Queries: regular expressions
    "a regular expression has at most {most} characters, this has {count}": (
        "정규식은 {most}자까지 쓸 수 있습니다. 지금은 {count}자입니다."
    ),
    "the regular expression is wrong: {inner}": "정규식이 잘못되었습니다: {inner}",
    # Queries: parameters
    "cursor: is not one that an earlier page gave; leave it out to begin at the first page": (
        "cursor: 앞 페이지에서 받은 값이 아닙니다. 첫 페이지부터 보려면 빼세요."
    ),
    "{name}: is given {count} times; give it once": "{name}: {count}번 주어졌습니다. 한 번만 쓰세요.",
    "{name}: {value} is no whole number from {least} to {most}": (
        "{name}: {value} 대신 {least}부터 {most}까지의 정수를 쓰세요."
    ),
    "order: {value} is unknown; use desc (newest first) or asc (oldest first)": (
        "order: 알 수 없는 값입니다: {value}. desc(최신부터)나 asc(오래된 것부터)를 쓰세요."
    ),
    "order: is {said}, but the cursor comes from a page in order {order}; leave one out": (
        "order: {said}인데 cursor는 {order} 순서의 페이지에서 왔습니다. 둘 중 하나를 빼세요."
    ),
    # The Docker engine
    "DOCKER_HOST={host} is no address hantu can use": "DOCKER_HOST={host} 주소는 쓸 수 없습니다.",
    "use unix:///path/to/docker.sock or tcp://host:port": (
        "unix:///path/to/docker.sock 또는 tcp://host:port 형식으로 쓰세요"
    ),
    "the certificates for {host} cannot be used: {cause}": "{host}의 인증서를 쓸 수 없습니다: {cause}",
    "set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem": (
        "DOCKER_CERT_PATH를 ca.pem, cert.pem, key.pem이 있는 폴더로 설정하세요"
    ),
    "a proxy before the engine refuses: {cause}": "엔진 앞의 프록시가 거절했습니다: {cause}",
    "allow GET /containers and /events in the proxy's settings": (
        "프록시 설정에서 GET /containers와 /events를 허용하세요"
    ),
    "the engine refuses: {cause} (HTTP {status})": "엔진이 거절했습니다: {cause} (HTTP {status})",
    "hantu may not use the Docker engine at {host} (permission denied)": (
        "hantu가 {host}의 Docker 엔진을 쓸 권한이 없습니다 (permission denied)."
    ),
    "there is no Docker engine at {host}": "{host}에 Docker 엔진이 없습니다.",
    'start it (systemctl start docker), set DOCKER_HOST, or set docker = "off"': (
        "엔진을 시작하거나(systemctl start docker), DOCKER_HOST를 설정하거나, "
        '설정에 docker = "off"를 쓰세요'
    ),
    "the Docker engine at {host} does not answer": "{host}의 Docker 엔진이 응답하지 않습니다.",
    "the Docker engine at {host} cannot be reached: {cause}": (
        "{host}의 Docker 엔진에 연결할 수 없습니다: {cause}"
    ),
    "the Docker engine at {host} went away": "{host}의 Docker 엔진이 사라졌습니다.",
    "the engine's events cannot be read: {cause}": "엔진의 이벤트를 읽을 수 없습니다: {cause}",
    "the engine cannot read its own log: {notice}": "엔진이 자신의 로그를 읽지 못합니다: {notice}",
    "`docker logs` says the same; recreate the container to give it a new log": (
        "`docker logs`도 같은 말을 합니다. 컨테이너를 다시 만들어 새 로그를 쓰게 하세요"
    ),
    "the container's log driver cannot be read: {cause}": (
        "컨테이너의 로그 드라이버는 읽을 수 없는 종류입니다: {cause}"
    ),
    "recreate the container with a driver that can: `docker run --log-driver json-file …`, in compose "
    "`logging: {driver: json-file}`": (
        "읽을 수 있는 드라이버로 컨테이너를 다시 만드세요: `docker run --log-driver json-file …`, "
        "compose에서는 `logging: {driver: json-file}`"
    ),
    "the engine closed the connection without an answer": "엔진이 응답 없이 연결을 끊었습니다.",
    "what listens on the engine's address does not speak HTTP": (
        "엔진 주소에서 듣는 프로그램이 HTTP로 응답하지 않습니다."
    ),
    "{count} containers": "컨테이너 {count}개",
    # The journal
    "no permission to read the system journal": "시스템 저널을 읽을 권한이 없습니다.",
    "add hantu's user to the group systemd-journal and restart hantu: {command}": (
        "hantu의 사용자를 systemd-journal 그룹에 넣고 hantu를 다시 시작하세요: {command}"
    ),
    "there are no journal files on this machine": "이 기기에는 저널 파일이 없습니다.",
    'start systemd-journald, or set journal = "off"': (
        'systemd-journald를 시작하거나, 설정에 journal = "off"를 쓰세요'
    ),
    "the journal does not know the stored place any more": "저장해 둔 위치가 저널에 더는 없습니다.",
    "journalctl ended": "journalctl이 끝났습니다.",
    "journalctl ended: {last}": "journalctl이 끝났습니다: {last}",
    "journalctl ended (exit status {status})": "journalctl이 끝났습니다 (종료 코드 {status}).",
    "journalctl ended (exit status {status}): {last}": (
        "journalctl이 끝났습니다 (종료 코드 {status}): {last}"
    ),
    "journalctl is not installed": "journalctl이 설치되어 있지 않습니다.",
    'install systemd, or set journal = "off" if this machine has no journal': (
        'systemd를 설치하거나, 이 기기에 저널이 없다면 설정에 journal = "off"를 쓰세요'
    ),
    "journalctl cannot be started: {cause}": "journalctl을 시작할 수 없습니다: {cause}",
    "no entry seen yet": "아직 들어온 로그 없음",
    "{count} unit seen": "유닛 {count}개",
    "{count} units seen": "유닛 {count}개",
    # Files
    "cannot read {path}: permission denied": "{path}: 읽을 권한이 없습니다.",
    "cannot read {path}: {cause}": "{path}: 읽을 수 없습니다: {cause}",
    "{path} leads to {real}, outside the configured folders": (
        "{path} 링크가 설정한 폴더 밖을 가리킵니다: {real}"
    ),
    'add "{real}" to the setting files': 'files 설정에 "{real}" 항목을 추가하세요',
    "too many files are open": "열린 파일이 너무 많습니다.",
    "raise LimitNOFILE in hantu.service, or name fewer files in the setting files": (
        "hantu.service의 LimitNOFILE을 늘리거나, files 설정의 파일 수를 줄이세요"
    ),
    "reading files failed and is tried again: {cause}": ("파일을 읽지 못해 다시 시도합니다: {cause}"),
    "{inner} (and {count} more)": "{inner} (외 {count}개)",
    "no file matches yet": "아직 맞는 파일 없음",
    "1 file": "파일 1개",
    "{count} files": "파일 {count}개",
    "{count} left alone: no text": "텍스트가 아니어서 읽지 않음 {count}개",
    "folders closed to hantu: {count}": "권한이 없는 폴더 {count}개",
    # Canaries
    "its own address gave no HTTP answer ({cause})": (
        "hantu 자신의 주소가 HTTP로 응답하지 않았습니다. ({cause})"
    ),
    "the file of its own cannot be written ({cause})": ("hantu 자신의 파일에 쓸 수 없습니다. ({cause})"),
    "its own address does not answer ({cause})": "hantu 자신의 주소가 응답하지 않습니다. ({cause})",
    "its own address answered HTTP {status}": "hantu 자신의 주소에서 HTTP {status} 응답이 왔습니다.",
    # Gaps
    "lines may be missing here: the log was rotated before it was read": (
        "다 읽기 전에 로그가 교체되어 빠진 줄이 있을 수 있습니다."
    ),
    "lines may be missing here: the container was removed before all of its log was read": (
        "로그를 다 읽기 전에 컨테이너가 삭제되어 빠진 줄이 있을 수 있습니다."
    ),
    "the engine says: {notice}": "엔진이 알린 내용: {notice}",
    "the file was replaced before it was read to its end": "끝까지 읽기 전에 파일이 바뀌었습니다.",
    "the file was truncated before it was read to its end": "끝까지 읽기 전에 파일이 잘렸습니다.",
    "it cannot be read on: {cause}": "더 읽을 수 없습니다: {cause}",
    "removed by journald before hantu could read them": "hantu가 읽기 전에 journald가 지웠습니다.",
    "hantu was stopped; what programs sent meanwhile was not taken": (
        "hantu가 멈춰 있어 그동안 프로그램이 보낸 로그를 받지 못했습니다."
    ),
    "the database was damaged; lines of this time could not be read any more": (
        "데이터베이스가 손상되어 이 시간의 줄을 읽지 못했습니다."
    ),
    "hantu had no room; the senders were told to send again": (
        "받을 자리가 없어 보낸 쪽에 다시 보내라고 알렸습니다."
    ),
    # Errors
    "q: a search has at most {most} characters": "q: 검색어는 {most}자까지 쓸 수 있습니다.",
    "{name}: {word} is unknown; use one of {words}": (
        "{name}: {word}: 모르는 말입니다. {words} 중에서 쓰세요."
    ),
    "cursor: it comes from a page in order {own}, and order is {order}; leave one out": (
        "cursor: {own} 순서로 본 쪽에서 온 것인데 order는 {order}입니다. 하나를 빼세요."
    ),
    "cursor: {text} is none; use the nextCursor of the page before": (
        "cursor: {text}: 커서가 아닙니다. 앞쪽 답의 nextCursor를 쓰세요."
    ),
    "level: {name} is no level of errors; use error or critical": (
        "level: {name}: 에러의 레벨이 아닙니다. error나 critical을 쓰세요."
    ),
    "limit: {text} is no whole number from 1 to {most}": "limit: {text}: 1부터 {most}까지의 정수를 쓰세요.",
    # Executions
    "search: it has at most {most} characters": "search: 검색어는 {most}자까지 쓸 수 있습니다.",
    "{name}: {value} is unknown; use true or false": (
        "{name}: {value}: 모르는 말입니다. true나 false를 쓰세요."
    ),
    # The store
    "the time limit of {seconds} s was over before there was an answer; ask for a shorter time range or "
    "add a word to look for": (
        "제한 시간 {seconds}초 안에 답을 얻지 못했습니다. 기간을 줄이거나 찾을 낱말을 더하세요."
    ),
    "the daily backup failed: {inner}": "오늘 백업을 만들지 못했습니다: {inner}",
    "old entries could not be removed: {inner}": "오래된 로그를 지우지 못했습니다: {inner}",
    "the database refuses writes: {inner}": "데이터베이스에 쓸 수 없습니다: {inner}",
    "hantu is stopping": "hantu가 종료되는 중입니다.",
    "the disk is full: {path} could not be written ({said})": (
        "디스크가 가득 차서 {path} 파일에 쓰지 못했습니다 ({said})."
    ),
    "{path} is damaged ({said}); restore a backup or move the file away": (
        "{path} 파일이 손상되었습니다 ({said}). 백업을 되돌리거나 파일을 다른 곳으로 옮기세요."
    ),
    "{path} is locked by another process ({said})": "다른 프로세스가 {path} 파일을 잠갔습니다 ({said}).",
    "{path} cannot be opened or written: check the rights of the file and its folder ({said})": (
        "{path} 파일을 열거나 쓸 수 없습니다. 파일과 폴더의 권한을 확인하세요 ({said})."
    ),
    "the disk failed: {path} could not be read or written ({said})": (
        "디스크 오류로 {path} 파일을 읽거나 쓰지 못했습니다 ({said})."
    ),
    # Alerts
    "Telegram: {inner}": "텔레그램: {inner}",
    "Telegram asks to wait (429)": "텔레그램이 잠시 기다리라고 합니다 (429).",
    "Telegram does not know the bot token ({code})": "텔레그램이 봇 토큰을 인정하지 않습니다 ({code}).",
    "the bot may not write to the chat (403)": "봇이 채팅방에 글을 쓸 수 없습니다 (403).",
    "Telegram does not know the chat id (400)": "텔레그램에 그런 채팅 ID가 없습니다 (400).",
    "Telegram refused the message ({code}: {words})": "텔레그램이 메시지를 거절했습니다 ({code}: {words}).",
    "Telegram failed ({code})": "텔레그램 서버 오류입니다 ({code}).",
    "Telegram did not answer in time": "텔레그램이 제때 응답하지 않았습니다.",
    "a message could not be sent: {reason}": "메시지를 보내지 못했습니다: {reason}",
    "no thread could be started to send a message": "메시지를 보낼 스레드를 만들지 못했습니다.",
}

DOOR: Final[dict[str, str]] = {
    "without a token hantu answers only on its own machine; {inner}": (
        "토큰 없이는 같은 기기에서만 볼 수 있습니다. {inner}"
    ),
    "make one with `{command}` and send it as `Authorization: Bearer TOKEN`": (
        "`{command}` 명령으로 토큰을 만들어 `Authorization: Bearer TOKEN` 헤더로 보내세요."
    ),
    "this takes an admin, a token with scope admin, or the command line: {command}": (
        "관리자 계정이나 admin 권한 토큰, 또는 명령줄이 필요합니다: {command}"
    ),
    "this takes the role {needed}; {name} has the role {role}": (
        "{needed} 역할이 필요합니다. {name} 계정의 역할은 {role}입니다."
    ),
    "the proxy names somebody without an account here; an admin makes one, or see the setting "
    "proxy_login_role": (
        "프록시가 알려 준 사용자의 계정이 없습니다. "
        "관리자가 계정을 만들거나 proxy_login_role 설정을 정해야 합니다."
    ),
    "sign in first, or send a token as `Authorization: Bearer TOKEN`": (
        "먼저 로그인하거나 `Authorization: Bearer TOKEN` 헤더로 토큰을 보내세요."
    ),
    "this page was opened by https, but hantu was asked by http: name the address of the proxy between "
    "them in the setting trusted_proxies": (
        "페이지는 https로 열렸는데 hantu에는 http로 요청이 왔습니다. "
        "사이에 있는 프록시의 주소를 trusted_proxies 설정에 적으세요."
    ),
    "too many sign-ins at once; try again in a moment": (
        "로그인 요청이 몰렸습니다. 잠시 뒤 다시 시도하세요."
    ),
    # Accounts
    "a password has at least {least} characters": "비밀번호는 {least}자 이상이어야 합니다.",
    "a password has at most {most} bytes": "비밀번호는 {most}바이트까지 쓸 수 있습니다.",
    "a name has 1 to {most} letters, digits and . _ @ + -": (
        "이름에는 글자, 숫자, . _ @ + - 를 {most}자까지 쓸 수 있습니다."
    ),
    "there is an account {name} already": "{name} 계정이 이미 있습니다.",
    "there is an account already; sign in with it": "계정이 이미 있습니다. 그 계정으로 로그인하세요.",
    "the first account is an admin; others can be made then": (
        "첫 계정은 관리자여야 합니다. 다른 계정은 그다음에 만들 수 있습니다."
    ),
    "{name} is the only admin; make another one first": (
        "관리자는 {name} 계정뿐입니다. 먼저 다른 관리자를 만드세요."
    ),
    "this link was used already or is not right; set a password with: {command}": (
        "이미 사용되었거나 맞지 않는 링크입니다. 비밀번호는 이 명령으로 정합니다: {command}"
    ),
    "this token is unknown or was revoked; see `{command}`": (
        "모르는 토큰이거나 취소된 토큰입니다. `{command}`로 확인하세요."
    ),
    "a token with scope {scope} may not {method} {path}; {inner}": (
        "{scope} 권한 토큰으로는 {method} {path} 요청을 할 수 없습니다. {inner}"
    ),
    "hantu does not answer as {name}; see the setting allowed_hosts": (
        "{name} 이름으로는 응답하지 않습니다. allowed_hosts 설정을 보세요."
    ),
    "a host without name": "이름 없는 호스트",
    "this request comes from a page of another site": "다른 사이트의 페이지에서 온 요청입니다.",
    "a program needs a token for this; {inner}": "프로그램은 토큰이 있어야 합니다. {inner}",
    "hantu made an error here; its own log says more": (
        "hantu에 오류가 생겼습니다. 자세한 내용은 hantu 자신의 로그에 있습니다."
    ),
    "The requested URL was not found on the server. If you entered the URL manually please check your "
    "spelling and try again.": "그런 페이지가 없습니다. 주소를 직접 입력했다면 철자를 확인해 주세요.",
    "The browser (or proxy) sent a request that this server could not understand.": (
        "서버가 이해할 수 없는 요청입니다."
    ),
    "The method is not allowed for the requested URL.": "이 주소에는 쓸 수 없는 요청 방식입니다.",
    "The data value transmitted exceeds the capacity limit.": "보낸 데이터가 너무 큽니다.",
    "The length of the requested URL exceeds the capacity limit for this server. The request cannot be "
    "processed.": "주소가 너무 길어 처리할 수 없습니다.",
}
"""What the error pages say besides: of who may ask, and of the HTTP library."""

REASONS: Final[dict[str, str]] = {
    # Executions that hantu itself ended
    "it ran longer than its timeout of {seconds} s": "제한 시간 {seconds}초를 넘겼습니다.",
    "its runner sent no sign of life for {many} intervals of {seconds} s": (
        "실행기가 {seconds}초 간격 신호를 {many}번 연달아 보내지 않았습니다."
    ),
    # Times and regular expressions
    "day is out of range for month": "그 달에 없는 날",
    "month must be in 1..12": "달은 1..12",
    "year {year} is out of range": "쓸 수 없는 해 {year}",
    "hour must be in 0..23": "시는 0..23",
    "minute must be in 0..59": "분은 0..59",
    "second must be in 0..59": "초는 0..59",
    "missing ]: {rest}": "]가 빠졌습니다: {rest}",
    "missing ): {rest}": ")가 빠졌습니다: {rest}",
    "unexpected ): {rest}": "짝이 없는 )가 있습니다: {rest}",
    "no argument for repetition operator: {sign}": "{sign} 앞에 반복할 것이 없습니다.",
    "bad repetition operator: {sign}": "반복 기호를 이어 쓸 수 없습니다: {sign}",
    "invalid repetition size: {sign}": "반복 횟수가 너무 큽니다: {sign}",
    "invalid character class range: {rest}": "문자 범위가 잘못되었습니다: {rest}",
    "invalid named capture group: {rest}": "이름 붙인 묶음이 잘못되었습니다: {rest}",
    "trailing \\": "끝에 \\만 남았습니다.",
    "invalid escape sequence: {rest}": "쓸 수 없는 이스케이프입니다: {rest}",
    "invalid escape sequence: {rest} (back-references are not possible)": (
        "역참조는 쓸 수 없습니다: {rest}"
    ),
    "invalid perl operator: {rest}": "쓸 수 없는 연산자입니다: {rest}",
    "invalid perl operator: {rest} (look-around is not possible)": (
        "전방·후방 탐색은 쓸 수 없습니다: {rest}"
    ),
}
"""Reasons inside of other sentences: of Python's calendar and of RE2."""

COMMANDS: Final = (
    "systemctl start docker",
    "usermod -aG docker hantu && systemctl restart hantu",
    "sudo setfacl -R -m u:{user}:rX,d:u:{user}:rX {folder}",
)
"""Mends that are commands: the same in every language."""
