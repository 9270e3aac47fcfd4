"""Passwords: what is allowed, how they are kept."""

from __future__ import annotations

import threading

import pytest

from hantu.accounts import password
from hantu.accounts.password import Busy, check_password, hash_password, verify
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "text", ["12345678", "correct horse battery staple", "비밀번호입니다요", "x" * 1024]
)
def test_long_passwords_of_any_characters_are_allowed(text: str) -> None:
    check_password(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "at least 8"), ("1234567", "at least 8"), ("x" * 1025, "1,024"), ("가" * 342, "1,024")],
)
def test_short_and_endless_passwords_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        hash_password(text)


def test_only_the_same_password_fits() -> None:
    known = hash_password("암호는 길게 씁니다")
    assert known.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "길게" not in known
    assert known != hash_password("암호는 길게 씁니다"), "each has a salt of its own"
    assert verify("암호는 길게 씁니다", known)
    assert not verify("암호는 길게 씁니다 ", known)


@pytest.mark.parametrize("known", ["", "$argon2id$broken", "plain"])
def test_nothing_fits_an_account_without_a_password(known: str) -> None:
    for guess in ("", known, "12345678"):
        assert not verify(guess, known)


def test_passwords_are_looked_at_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "WAIT_S", 0.05)
    waiting: list[BaseException] = []

    def guess() -> None:
        try:
            verify("12345678", "")
        except Busy as busy:
            waiting.append(busy)

    with password._one_at_a_time:
        crowd = [threading.Thread(target=guess) for _ in range(4)]
        for each in crowd:
            each.start()
        wait_until(lambda: len(waiting) == 4)
    for each in crowd:
        each.join()
    assert hash_password("12345678"), "the turn is free again"
