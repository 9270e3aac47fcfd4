"""The Korean of signing in, accounts, sessions, tokens and the audit trail, part of hantu/web/korean.py."""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final[dict[str, str]] = {
    # What is noted with an act
    "until {value}": "해제 조건 {value}",
    "text {value}": "내용 {value}",
    "days {value}": "{value}일",
    "removed {value}": "{value}줄 삭제",
    "role {value}": "역할 {value}",
    "scope {value}": "권한 {value}",
    "many {value}": "{value}개",
    "format {value}": "형식 {value}",
    "query {value}": "검색어 {value}",
    "entries {value}": "{value}줄",
    # Signing in
    "Sign in": "로그인",
    "Sign out": "로그아웃",
    "Password": "비밀번호",
    "The name or the password is not right.": "이름이나 비밀번호가 맞지 않습니다.",
    "Too many wrong sign-ins. Try again in {time}.": (
        "로그인에 여러 번 실패했습니다. {time} 뒤에 다시 시도하세요."
    ),
    "Too many wrong sign-ins. This is closed for {time}.": (
        "로그인에 너무 많이 실패해 {time} 동안 잠겼습니다."
    ),
    "Forgotten? On the server: {command}": "잊으셨나요? 서버에서 실행하세요: {command}",
    "Or come through the proxy that names you in {header}.": (
        "또는 {header} 헤더로 사용자를 알려 주는 프록시를 거쳐 들어오세요."
    ),
    # The first account
    "This set-up link is not right or was used already. This sets a password: {make}": (
        "설정 링크가 맞지 않거나 이미 사용되었습니다. 비밀번호는 이 명령으로 정합니다: {make}"
    ),
    "The two passwords are not the same.": "두 비밀번호가 서로 다릅니다.",
    "Your account": "내 계정",
    "From then on the pages are for those who sign in. It may do everything; further accounts, and tokens"
    " for programs, are made in the settings.": (
        "계정을 만들면 로그인한 사람만 페이지를 볼 수 있습니다. 이 계정은 모든 일을 할 수 있으며, "
        "다른 계정과 프로그램용 토큰은 설정에서 만듭니다."
    ),
    "Password, at least 8 characters": "비밀번호 (8자 이상)",
    "The password again": "비밀번호 다시 입력",
    "Make the account": "계정 만들기",
    # Settings
    "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed": (
        "X-Forwarded-For와 X-Forwarded-Proto를 믿을 프록시"
    ),
    "header in which a trusted proxy names who signed in there; empty: none": (
        "믿는 프록시가 로그인한 사용자를 알려 주는 헤더. 비우면 쓰지 않음"
    ),
    "role of those whom the proxy names and hantu has no account of; none: they are refused": (
        "프록시가 알려 주었지만 hantu에 계정이 없는 사용자의 역할. none: 거절"
    ),
    # Sessions and the own password
    "Nobody has signed in here.": "로그인한 사람이 없습니다.",
    "Where you are signed in.": "로그인해 있는 브라우저입니다.",
    "The password of now is not right.": "현재 비밀번호가 맞지 않습니다.",
    "The password is changed; other browsers have to sign in anew.": (
        "비밀번호를 바꿨습니다. 다른 브라우저에서는 다시 로그인해야 합니다."
    ),
    "{n} session has ended.": "세션 {n}개를 끝냈습니다.",
    "{n} sessions have ended.": "세션 {n}개를 끝냈습니다.",
    "Browser": "브라우저",
    "Address": "주소",
    "Last use": "마지막 사용",
    "this browser": "이 브라우저",
    "End": "끝내기",
    "End all others": "다른 세션 모두 끝내기",
    "A session ends after 7 days without use, and 30 days after it began.": (
        "세션은 7일 동안 쓰지 않거나 시작한 지 30일이 지나면 끝납니다."
    ),
    "You came through a proxy, which keeps the session.": (
        "프록시를 거쳐 들어왔습니다. 세션은 프록시가 관리합니다."
    ),
    "Your password": "내 비밀번호",
    "Password of now": "현재 비밀번호",
    "New password, at least 8 characters": "새 비밀번호 (8자 이상)",
    "Change the password": "비밀번호 바꾸기",
    "Nobody has to sign in yet": "아직 로그인이 필요 없습니다",
    "Whoever is on this machine sees the pages, and nobody else. Make the first account, an admin, and the"
    " pages are for those who sign in:": (
        "지금은 이 기기에 있는 사람만, 로그인 없이 페이지를 볼 수 있습니다. "
        "첫 계정(관리자)을 만들면 로그인한 사람만 볼 수 있습니다:"
    ),
    # Accounts
    "Sign-in": "로그인",
    "Accounts": "계정",
    "Audit trail": "감사 기록",
    "Who may sign in, and what each may do.": "로그인할 수 있는 사람과 할 수 있는 일입니다.",
    "The first account is made by the set-up link or `hantu passwd`.": (
        "첫 계정은 설정 링크나 `hantu passwd` 명령으로 만듭니다."
    ),
    "There is no such account any more.": "그런 계정이 더는 없습니다.",
    "The form does not say which role.": "양식에 역할이 없습니다.",
    "The account is made.": "계정을 만들었습니다.",
    "The role is changed; its sessions have ended.": "역할을 바꿨습니다. 그 계정의 세션은 끝났습니다.",
    "The password is changed; its sessions have ended.": (
        "비밀번호를 바꿨습니다. 그 계정의 세션은 끝났습니다."
    ),
    "The account is removed; its sessions have ended.": "계정을 지웠습니다. 그 계정의 세션은 끝났습니다.",
    "Done.": "처리했습니다.",
    "Role": "역할",
    "Last sign-in": "마지막 로그인",
    "Sessions": "세션",
    "you": "나",
    "signs in at the proxy only": "프록시로만 로그인",
    "Change": "변경",
    "Set the role": "역할 정하기",
    "Set the password": "비밀번호 정하기",
    "Remove {name}": "{name} 지우기",
    "A further account": "계정 추가",
    "Without a password it signs in at the proxy only.": "비밀번호를 비우면 프록시로만 로그인합니다.",
    "Viewer": "열람자",
    "reads": "읽기만 합니다",
    "Operator": "운영자",
    "also resolves errors, starts and stops collectors, cancels runs": (
        "에러 해결, 수집기 시작과 중지, 실행 취소도 할 수 있습니다"
    ),
    "Admin": "관리자",
    "also cleans up, and decides about accounts, tokens and settings": (
        "로그 정리와 계정, 토큰, 설정까지 모두 할 수 있습니다"
    ),
    "What each role may do": "역할마다 할 수 있는 일",
    # The own password again
    "Is it you?": "본인 확인",
    "Go on": "계속하기",
    "Your password is not right.": "비밀번호가 맞지 않습니다.",
    "Your password is asked again before this is changed.": "바꾸기 전에 비밀번호를 한 번 더 확인합니다.",
    "Before accounts are changed here. It holds for 10 minutes.": (
        "계정을 바꾸려면 비밀번호를 한 번 더 입력하세요. 10분 동안 다시 묻지 않습니다."
    ),
    "Before a token is made that may do everything. It holds for 10 minutes.": (
        "모든 일을 할 수 있는 토큰을 만들려면 비밀번호를 한 번 더 입력하세요. 10분 동안 다시 묻지 않습니다."
    ),
    # Tokens
    "What programs show instead of signing in.": "프로그램이 로그인 대신 내보이는 토큰입니다.",
    "Tokens are made by an admin, or by `hantu token create`.": (
        "토큰은 관리자가 만들거나 `hantu token create` 명령으로 만듭니다."
    ),
    "The form does not say what the token may do.": "양식에 토큰의 권한이 없습니다.",
    "A token needs a name of 1 to 100 characters.": "토큰 이름은 1자에서 100자까지 쓸 수 있습니다.",
    "There is a token of that name already.": "같은 이름의 토큰이 이미 있습니다.",
    "The token is revoked; whoever uses it is refused.": "토큰을 폐기했습니다. 이제 이 토큰은 거절됩니다.",
    "The token {name}. Keep it now: it is not shown again.": (
        "토큰 {name}입니다. 지금 적어 두세요. 다시 보여 주지 않습니다."
    ),
    "May": "권한",
    "Made": "만든 때",
    "Revoke": "폐기",
    "No token yet. Programs on other machines, and those that send lines, need one.": (
        "아직 토큰이 없습니다. 다른 기기의 프로그램과 줄을 보내는 프로그램에 필요합니다."
    ),
    "As long as nobody signs in, tokens are made on the command line:": (
        "로그인을 쓰기 전에는 명령줄에서 토큰을 만듭니다:"
    ),
    "A new token": "새 토큰",
    "Make a token": "토큰 만들기",
    "Hand in": "보내기",
    "sends lines, reports on executions; reads nothing": "줄을 보내고 실행을 보고합니다. 읽지는 못합니다",
    "Read": "읽기",
    "reads all, changes nothing": "모두 읽지만 아무것도 바꾸지 못합니다",
    "may do everything": "모든 일을 할 수 있습니다",
    # The audit trail
    "Who did what, from where. The newest 100,000 acts are kept.": (
        "누가 어디에서 무엇을 했는지입니다. 최근 기록 100,000개를 보관합니다."
    ),
    "Who": "누가",
    "To what": "대상",
    "Everything": "전체",
    "Earlier acts": "이전 기록",
    "Nothing of that kind was done. Here stands what changes something: clean-ups, errors resolved,"
    " collectors stopped, accounts, tokens, sign-ins.": (
        "그런 기록이 없습니다. 로그 정리, 에러 해결, 수집기 중지, 계정과 토큰 변경, 로그인처럼 "
        "무언가를 바꾼 일이 여기에 남습니다."
    ),
    "the command line": "명령줄",
    "nobody known": "알 수 없음",
    "this machine": "이 기기",
    "token {name}": "토큰 {name}",
    "signed in": "로그인",
    "signed out": "로그아웃",
    "sign-in failed": "로그인 실패",
    "sessions ended": "세션 종료",
    "password changed": "비밀번호 변경",
    "password confirmed": "비밀번호 확인",
    "backup made": "백업 생성",
    "account made": "계정 생성",
    "role changed": "역할 변경",
    "account removed": "계정 삭제",
    "token made": "토큰 생성",
    "token revoked": "토큰 폐기",
    "export": "내보내기",
    "shared view saved": "공유 뷰 저장",
    "shared view renamed": "공유 뷰 이름 변경",
    "shared view removed": "공유 뷰 삭제",
    "clean-up": "로그 정리",
    "errors changed": "에러 처리",
    "collector changed": "수집기 변경",
    "execution cancelled": "실행 취소",
    "artifact archived": "파일 보존",
    "artifact restored": "파일 복원",
    "artifact deleted": "파일 삭제",
    "alerts resumed": "알림 재개",
    "alerts tried": "알림 시험",
}
