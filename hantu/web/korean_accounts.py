"""The Korean of signing in, accounts, sessions, tokens and the audit trail, part of hantu/web/korean.py."""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final[dict[str, str]] = {
    # Signing in
    "Sign in": "로그인",
    "Sign out": "로그아웃",
    "Name": "이름",
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
}
