"""People with accounts, and browsers in which they have signed in."""

from __future__ import annotations

import time

import flask
from flask.testing import FlaskClient

from hantu.accounts import acts
from hantu.accounts.password import hash_password
from hantu.roles import Role
from hantu.service import Service
from hantu.store.account_base import Account, Act, AuditQuery

PASSWORD = "열쇠는 길어야 합니다"
OWN = {"Origin": "http://localhost"}
_KNOWN = hash_password(PASSWORD)


def account(service: Service, name: str, role: Role = Role.ADMIN, *, password: bool = True) -> None:
    """Make an account with PASSWORD."""
    now_ns = time.time_ns()
    made = Account(name, role, _KNOWN if password else "", now_ns, now_ns)
    service.accounts.change(lambda store: acts.add(store, made))


def people(service: Service) -> None:
    """One account of each role, named as it: admin first."""
    for role in reversed(Role):
        account(service, role.value, role)


def signed_in(app: flask.Flask, name: str, *, address: str = "127.0.0.1") -> FlaskClient:
    """A browser in which `name` has signed in by the page."""
    browser = app.test_client()
    browser.environ_base["REMOTE_ADDR"] = address
    answer = browser.post("/login", data={"name": name, "password": PASSWORD}, headers=OWN)
    assert answer.status_code == 303, answer.text
    return browser


def done(service: Service) -> list[Act]:
    """The audit trail, oldest first."""
    return list(service.store.acts(AuditQuery()).acts[::-1])
