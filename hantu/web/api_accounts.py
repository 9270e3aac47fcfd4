"""/api/accounts and /api/audit: who may sign in, and what was done. For administrators only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal

from flask import Response
from msgspec import Meta

from hantu.accounts import acts
from hantu.accounts.password import MOST_BYTES, Busy
from hantu.output import Wire, iso, optional_iso
from hantu.query.times import end_of, start_of
from hantu.roles import Role
from hantu.store.account_base import (
    AUDIT_LIMIT_DEFAULT,
    AUDIT_LIMIT_MOST,
    Account,
    Act,
    AuditQuery,
    UnknownAccount,
)
from hantu.web.access import client, require_admin
from hantu.web.api_logs import zone
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Args, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_accounts")

_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 421, 429, 503)
_ROLES = Literal["viewer", "operator", "admin"]
_Password = Annotated[str, Meta(min_length=1, max_length=MOST_BYTES)]
_Name = Annotated[str, Meta(min_length=1, max_length=acts.NAME_MOST, pattern=r"\S")]


class AccountInfo(Wire, frozen=True):
    """An account. hasPassword: false for one that signs in at a proxy only."""

    name: str
    role: str
    has_password: bool
    created_at: str
    password_at: str
    last_login_at: str | None
    sessions: int


class AccountsAnswer(Wire, frozen=True):
    """All accounts, by name."""

    accounts: list[AccountInfo]


class AccountAnswer(Wire, frozen=True):
    """The account after the act."""

    account: AccountInfo


class AccountAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The account to make. Without a password it signs in at a proxy only."""

    name: _Name
    role: _ROLES = "viewer"
    password: _Password | None = None


class RoleAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The role it is to have."""

    role: _ROLES


class PasswordAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The password it is to have."""

    password: _Password


class AccountRemoved(Wire, frozen=True):
    """The name of the account that is gone."""

    removed: str


class ActInfo(Wire, frozen=True):
    """Something that was done: when, by whom, from which address, what, to what."""

    number: int
    at: str
    actor: str
    address: str
    act: str
    object: str
    detail: dict[str, Any]


class AuditAnswer(Wire, frozen=True):
    """Acts, newest first. next: `before` of the page that follows."""

    acts: list[ActInfo]
    next: int | None


class AuditArgs(Args, frozen=True):
    """Which acts, and which page of them."""

    actor: Annotated[str, Meta(description="By whom, exactly.")] = ""
    act: Annotated[str, Meta(description="What, exactly.", examples=["clean-up"])] = ""
    q: Annotated[str, Meta(description="A text in the name of what it was done to.")] = ""
    since: Annotated[str, Meta(description="From: 2h, 7d, 2026-11-20, today …")] = ""
    until: Annotated[str, Meta(description="Up to, as since.")] = ""
    before: Annotated[int, Meta(ge=0, le=2**62, description="`next` of the page before; 0: none.")] = 0
    limit: Annotated[int, Meta(ge=1, le=AUDIT_LIMIT_MOST, description="Acts a page.")] = AUDIT_LIMIT_DEFAULT


def _info(account: Account) -> AccountInfo:
    return AccountInfo(
        account.name,
        account.role.value,
        account.password != "",
        iso(account.created_ns),
        iso(account.password_ns),
        optional_iso(account.last_login_ns),
        len(service().accounts.sessions_of(account.name)),
    )


def act_info(act: Act) -> ActInfo:
    """An act as the API gives it."""
    return ActInfo(act.number, iso(act.at_ns), act.actor, act.address, act.act, act.object, act.detail)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except UnknownAccount:
        raise ApiError(404, "there is no such account; see `hantu account list`") from None
    except acts.Refused as refused:
        raise ApiError(409, str(refused)) from None
    except ValueError as wrong:
        raise ApiError(400, str(wrong), code="bad_body") from None
    except Busy as busy:
        raise ApiError(429, str(busy), headers={"Retry-After": "2"}) from None


@contextmanager
def _changing() -> Iterator[None]:
    """For a token: whoever signed in has the pages, which ask for the own password where it matters."""
    require_admin()
    if not client().by_token:
        raise ApiError(403, "accounts are changed by a token with scope admin, or at /settings/accounts")
    with _answering():
        yield


@api.route(Route("GET", "/api/accounts", "Who may sign in", answer=Content(type=AccountsAnswer)))
def accounts(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    require_admin()
    return json_response(AccountsAnswer([_info(each) for each in service().store.accounts()]))


@api.route(
    Route(
        "POST",
        "/api/accounts",
        "Make an account",
        body=(
            Content(
                type=AccountAsked, example={"name": "jin", "role": "operator", "password": "long enough"}
            ),
        ),
        answer=Content(type=AccountAnswer),
        refusals=(400, 401, 403, 409, 413, 421, 429, 503),
    )
)
def make_account(args: NoArgs) -> Response:  # noqa: ARG001
    with _changing():
        asked = body_of(AccountAsked)
        account = acts.prepare(asked.name, Role(asked.role), asked.password, at_ns=time.time_ns())
        service().accounts.change(lambda store: acts.add(store, account))
        audit("account made", account.name, role=account.role.value)
        return json_response(AccountAnswer(_info(account)))


@api.route(
    Route(
        "PATCH",
        "/api/accounts/<name>",
        "Give an account another role; its sessions end",
        body=(Content(type=RoleAsked, example={"role": "viewer"}),),
        answer=Content(type=AccountAnswer),
        refusals=_REFUSALS,
    )
)
def change_account(args: NoArgs, name: str) -> Response:  # noqa: ARG001
    with _changing():
        role = Role(body_of(RoleAsked).role)
        changed = service().accounts.change(lambda store: acts.set_role(store, name, role))
        account = service().store.account(name)
        if changed:
            audit("role changed", account.name, role=role.value)
        return json_response(AccountAnswer(_info(account)))


@api.route(
    Route(
        "PUT",
        "/api/accounts/<name>/password",
        "Give an account another password; its sessions end",
        body=(Content(type=PasswordAsked, example={"password": "long enough"}),),
        answer=Content(type=AccountAnswer),
        refusals=_REFUSALS,
    )
)
def set_password(args: NoArgs, name: str) -> Response:  # noqa: ARG001
    with _changing():
        account = service().accounts.set_password(name, body_of(PasswordAsked).password)
        audit("password changed", account.name)
        return json_response(AccountAnswer(_info(service().store.account(account.name))))


@api.route(
    Route(
        "DELETE",
        "/api/accounts/<name>",
        "Remove an account; its sessions end",
        answer=Content(type=AccountRemoved),
        refusals=_REFUSALS,
    )
)
def remove_account(args: NoArgs, name: str) -> Response:  # noqa: ARG001
    with _changing():
        service().accounts.change(lambda store: acts.remove(store, name))
        audit("account removed", name)
        return json_response(AccountRemoved(name))


@api.route(
    Route(
        "GET",
        "/api/audit",
        "What people and programs did, newest first",
        args=AuditArgs,
        answer=Content(type=AuditAnswer),
    )
)
def audit_trail(args: AuditArgs) -> Response:
    require_admin()
    now_ns = time.time_ns()
    query = AuditQuery(
        actor=args.actor,
        act=args.act,
        search=args.q,
        since_ns=start_of(args.since, now_ns=now_ns, tz=zone()) if args.since else None,
        until_ns=end_of(args.until, now_ns=now_ns, tz=zone()) if args.until else None,
        before=args.before or None,
        limit=args.limit,
    )
    page = service().store.acts(query)
    return json_response(AuditAnswer([act_info(each) for each in page.acts], page.next))
