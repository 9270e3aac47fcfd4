"""Accounts, sessions and acts, as every store keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hantu.roles import Role
from hantu.store import account_base
from hantu.store.account_base import (
    SESSIONS_KEPT,
    Account,
    Act,
    AuditQuery,
    LastAdmin,
    NameTaken,
    Session,
    UnknownAccount,
)
from hantu.store.base import LogStorage
from tests.contract.samples import START_NS

HOUR_NS = 3600 * 10**9
ADMIN = Account("jin", Role.ADMIN, "$argon2id$jin", START_NS, START_NS)
VIEWER = Account("민수", Role.VIEWER, "", START_NS, START_NS)


def session(number: int, account: str = "jin", **parts: object) -> Session:
    made = Session(
        digest=bytes([number]) * 32,
        account=account,
        created_ns=START_NS + number,
        seen_ns=START_NS + number,
        ends_ns=START_NS + 30 * 24 * HOUR_NS,
        address="127.0.0.1",
        agent="Firefox",
    )
    return replace(made, **parts)  # type: ignore[arg-type]  # parts are the test's own


@pytest.fixture
def people(store: LogStorage) -> LogStorage:
    store.add_account(VIEWER)
    store.add_account(ADMIN)
    return store


def test_accounts_are_kept_by_name_in_any_case(people: LogStorage) -> None:
    assert people.accounts() == (ADMIN, VIEWER)
    assert people.account("JIN") == ADMIN
    with pytest.raises(NameTaken):
        people.add_account(replace(VIEWER, name="Jin"))
    with pytest.raises(UnknownAccount):
        people.account("nobody")
    assert people.accounts() == (ADMIN, VIEWER)


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.set_password("Jin", "$argon2id$new", at_ns=START_NS + 5),
        lambda store: (store.set_role("민수", Role.ADMIN), store.set_role("Jin", Role.OPERATOR)),
        lambda store: (store.set_role("민수", Role.ADMIN), store.remove_account("Jin")),
    ],
)
def test_a_new_password_or_role_and_removal_end_all_sessions(
    people: LogStorage, change: Callable[[LogStorage], object]
) -> None:
    for number in range(3):
        people.add_session(session(number))
    change(people)
    assert people.sessions() == ()


def test_what_is_changed_is_what_is_read(people: LogStorage) -> None:
    people.set_password("jin", "$argon2id$new", at_ns=START_NS + 5)
    assert people.account("jin") == replace(ADMIN, password="$argon2id$new", password_ns=START_NS + 5)
    people.set_role("민수", Role.OPERATOR)
    assert people.account("민수").role is Role.OPERATOR
    people.remove_account("민수")
    assert people.accounts() == (replace(ADMIN, password="$argon2id$new", password_ns=START_NS + 5),)


def test_the_last_admin_stays_while_there_are_others(people: LogStorage) -> None:
    for act in (lambda: people.set_role("JIN", Role.VIEWER), lambda: people.remove_account("JIN")):
        with pytest.raises(LastAdmin):
            act()
    assert people.accounts() == (ADMIN, VIEWER)
    people.remove_account("민수")
    people.remove_account("jin")
    assert people.accounts() == ()


def test_unknown_accounts_are_told(store: LogStorage) -> None:
    for act in (
        lambda: store.set_password("x", "", at_ns=1),
        lambda: store.set_role("x", Role.ADMIN),
        lambda: store.remove_account("x"),
        lambda: store.add_session(session(1, "x")),
    ):
        with pytest.raises(UnknownAccount):
            act()


def test_sessions_end_one_by_one_or_all_others(people: LogStorage) -> None:
    for number in (1, 2, 3):
        people.add_session(session(number))
    people.add_session(session(4, "민수"))
    assert people.account("jin").last_login_ns == START_NS + 3
    assert [each.digest[0] for each in people.sessions()] == [4, 3, 2, 1]
    people.touch_sessions({session(1).digest: START_NS + 99, b"\0" * 32: 1})
    assert people.sessions()[0] == session(1, seen_ns=START_NS + 99)
    assert people.remove_session(session(2).digest)
    assert not people.remove_session(session(2).digest)
    assert people.remove_other_sessions("JIN", session(3).digest) == 1
    assert [each.digest[0] for each in people.sessions()] == [4, 3]


def test_sessions_past_their_end_or_long_unused_are_removed(people: LogStorage) -> None:
    people.add_session(session(1, seen_ns=START_NS))
    people.add_session(session(2, seen_ns=START_NS + 8 * HOUR_NS))
    people.add_session(session(3, seen_ns=START_NS + 9 * HOUR_NS, ends_ns=START_NS + 10 * HOUR_NS))
    assert people.remove_ended_sessions(now_ns=START_NS + 10 * HOUR_NS, idle_ns=7 * HOUR_NS) == 2
    assert [each.digest[0] for each in people.sessions()] == [2]


def test_an_account_keeps_its_newest_sessions(people: LogStorage) -> None:
    people.add_session(session(200, "민수"))
    for number in range(SESSIONS_KEPT + 3):
        people.add_session(session(number))
    kept = [each.digest[0] for each in people.sessions() if each.account == "jin"]
    assert kept == list(range(SESSIONS_KEPT + 2, 2, -1))
    assert len(people.sessions()) == SESSIONS_KEPT + 1


def done(number: int, **parts: object) -> Act:
    made = Act(START_NS + number, "jin", "10.0.0.2", "clean-up", f"Object {number}", {"일": number})
    return replace(made, **parts)  # type: ignore[arg-type]  # parts are the test's own


def test_acts_are_found_newest_first_page_by_page(store: LogStorage) -> None:
    for number in range(5):
        store.add_act(done(number, actor="jin" if number % 2 else "token shop"))
    first = store.acts(AuditQuery(limit=2))
    assert [act.object for act in first.acts] == ["Object 4", "Object 3"]
    assert first.acts[0].detail == {"일": 4}
    second = store.acts(AuditQuery(limit=2, before=first.next))
    assert [act.object for act in second.acts] == ["Object 2", "Object 1"]
    last = store.acts(AuditQuery(limit=2, before=second.next))
    assert ([act.object for act in last.acts], last.next) == (["Object 0"], None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AuditQuery(actor="jin"), [3, 1]),
        (AuditQuery(actor="JIN"), []),
        (AuditQuery(act="login"), [2]),
        (AuditQuery(search="OBJECT 3"), [3]),
        (AuditQuery(search="%"), []),
        (AuditQuery(since_ns=START_NS + 1, until_ns=START_NS + 3), [2, 1]),
        (AuditQuery(actor="jin", since_ns=START_NS + 2), [3]),
    ],
)
def test_acts_are_filtered(store: LogStorage, query: AuditQuery, found: list[int]) -> None:
    for number in range(4):
        actor, act = ("jin", "clean-up") if number % 2 else ("민수", "login" if number else "clean-up")
        store.add_act(done(number, actor=actor, act=act))
    assert [act.detail["일"] for act in store.acts(query).acts] == found


def test_the_oldest_acts_go(store: LogStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (account_base, *_stores()):
        monkeypatch.setattr(module, "AUDIT_KEPT", 3)
    for number in range(5):
        store.add_act(done(number))
    assert [act.detail["일"] for act in store.acts(AuditQuery()).acts] == [4, 3, 2]


def _stores() -> tuple[object, object]:
    from hantu.store import memory_accounts
    from hantu.store.sqlite import accounts

    return memory_accounts, accounts
