"""Accounts in the SQLite file: the part of a SqliteStore that keeps AccountStorage's promises."""

from __future__ import annotations

import json
from typing import Any, Final

import apsw

from hantu.roles import Role
from hantu.store.account_base import (
    AUDIT_KEPT,
    SESSIONS_KEPT,
    Account,
    Act,
    AuditPage,
    AuditQuery,
    LastAdmin,
    NameTaken,
    Session,
    UnknownAccount,
)
from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.sqlite.database import Database

_ACCOUNT: Final = "SELECT name, role, password, created_ns, password_ns, last_login_ns FROM account"
_SESSION: Final = "SELECT digest, account, created_ns, seen_ns, ends_ns, address, agent FROM session"
_OTHER_ADMINS: Final = "SELECT count(*) FROM account WHERE role = 'admin' AND name <> ?"
_END_SESSIONS: Final = "DELETE FROM session WHERE account = ?"
_SURPLUS: Final = """
DELETE FROM session
WHERE digest IN (
  SELECT digest FROM session WHERE account = :account ORDER BY seen_ns DESC, digest LIMIT -1 OFFSET :kept
)
"""
# The newest acts by their number, until the page is full: filters are looked at row by row, of AUDIT_KEPT
# rows at most.
_ACTS: Final = """
SELECT at_ns, actor, address, act, object, detail, audit_no
FROM audit
WHERE audit_no < ifnull(:before, 9223372036854775807)
  AND (:actor = '' OR actor = :actor)
  AND (:act = '' OR act = :act)
  AND (:search = '' OR instr(lower(object), lower(:search)))
  AND at_ns >= ifnull(:since, -9223372036854775807)
  AND at_ns < ifnull(:until, 9223372036854775807)
ORDER BY audit_no DESC
LIMIT :most
"""


class SqliteAccounts:
    """The accounts of one SQLite file."""

    _database: Database

    def accounts(self) -> tuple[Account, ...]:
        """All accounts by name."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return tuple(map(_account, reader.rows(f"{_ACCOUNT} ORDER BY name")))

    def account(self, name: str) -> Account:
        """The account of that name."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            row = reader.rows(f"{_ACCOUNT} WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UnknownAccount(name)
        return _account(row)

    def add_account(self, account: Account) -> None:
        """Store an account."""
        with self._database.writing(durable=True) as connection:
            if _exists(connection, account.name):
                raise NameTaken(account.name)
            connection.execute(
                "INSERT INTO account (name, role, password, created_ns, password_ns, last_login_ns)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    account.name,
                    account.role.value,
                    account.password,
                    account.created_ns,
                    account.password_ns,
                    account.last_login_ns,
                ),
            )

    def set_password(self, name: str, password: str, *, at_ns: int) -> None:
        """Give an account another password; its sessions end."""
        with self._database.writing(durable=True) as connection:
            _need(connection, name)
            connection.execute(
                "UPDATE account SET password = ?, password_ns = ? WHERE name = ?", (password, at_ns, name)
            )
            connection.execute(_END_SESSIONS, (name,))

    def set_role(self, name: str, role: Role) -> None:
        """Give an account another role; its sessions end."""
        with self._database.writing(durable=True) as connection:
            _need(connection, name)
            if role is not Role.ADMIN and not _value(connection, _OTHER_ADMINS, (name,)):
                raise LastAdmin(name)
            connection.execute("UPDATE account SET role = ? WHERE name = ?", (role.value, name))
            connection.execute(_END_SESSIONS, (name,))

    def remove_account(self, name: str) -> None:
        """Remove an account; its sessions go by the foreign key."""
        with self._database.writing(durable=True) as connection:
            _need(connection, name)
            others = _value(connection, "SELECT count(*) FROM account WHERE name <> ?", (name,))
            if others and not _value(connection, _OTHER_ADMINS, (name,)):
                raise LastAdmin(name)
            connection.execute("DELETE FROM account WHERE name = ?", (name,))

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, used last first."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return tuple(Session(*row) for row in reader.rows(f"{_SESSION} ORDER BY seen_ns DESC, digest"))

    def add_session(self, session: Session) -> None:
        """Store a session as the last login of its account."""
        with self._database.writing(durable=True) as connection:
            _need(connection, session.account)
            connection.execute(
                "UPDATE account SET last_login_ns = ? WHERE name = ?", (session.created_ns, session.account)
            )
            connection.execute(
                "INSERT INTO session (digest, account, created_ns, seen_ns, ends_ns, address, agent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    session.digest,
                    session.account,
                    session.created_ns,
                    session.seen_ns,
                    session.ends_ns,
                    session.address,
                    session.agent,
                ),
            )
            connection.execute(_SURPLUS, {"account": session.account, "kept": SESSIONS_KEPT})

    def touch_sessions(self, seen: dict[bytes, int]) -> None:
        """Set seen_ns by digest."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE session SET seen_ns = ? WHERE digest = ?",
                [(at_ns, digest) for digest, at_ns in seen.items()],
            )

    def remove_session(self, digest: bytes) -> bool:
        """End a session."""
        with self._database.writing(durable=True) as connection:
            connection.execute("DELETE FROM session WHERE digest = ?", (digest,))
            return connection.changes() > 0

    def remove_other_sessions(self, account: str, digest: bytes) -> int:
        """End all sessions of an account but this one."""
        with self._database.writing(durable=True) as connection:
            connection.execute("DELETE FROM session WHERE account = ? AND digest <> ?", (account, digest))
            return connection.changes()

    def remove_ended_sessions(self, *, now_ns: int, idle_ns: int) -> int:
        """Remove sessions that are over."""
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM session WHERE ends_ns <= ? OR seen_ns <= ?", (now_ns, now_ns - idle_ns)
            )
            return connection.changes()

    def add_act(self, act: Act) -> None:
        """Note what was done."""
        with self._database.writing(durable=True) as connection:
            connection.execute(
                "INSERT INTO audit (at_ns, actor, address, act, object, detail) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    act.at_ns,
                    act.actor,
                    act.address,
                    act.act,
                    act.object,
                    json.dumps(act.detail, ensure_ascii=False, separators=(",", ":")),
                ),
            )
            connection.execute(
                "DELETE FROM audit WHERE audit_no <= ?", (connection.last_insert_rowid() - AUDIT_KEPT,)
            )

    def acts(self, query: AuditQuery) -> AuditPage:
        """What was done, newest first."""
        binds = {
            "before": query.before,
            "actor": query.actor,
            "act": query.act,
            "search": query.search,
            "since": query.since_ns,
            "until": query.until_ns,
            "most": query.limit + 1,
        }
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            found = [_act(row) for row in reader.rows(_ACTS, binds)]
        shown = found[: query.limit]
        return AuditPage(tuple(shown), shown[-1].number if len(found) > query.limit else None)


def _account(row: Any) -> Account:
    name, role, *rest = row
    return Account(name, Role(role), *rest)


def _act(row: Any) -> Act:
    at_ns, actor, address, act, about, detail, number = row
    return Act(at_ns, actor, address, act, about, json.loads(detail), number)


def _value(connection: apsw.Connection, sql: str, binds: tuple[Any, ...]) -> Any:
    row = connection.execute(sql, binds).fetchone()
    return None if row is None else row[0]


def _exists(connection: apsw.Connection, name: str) -> bool:
    return _value(connection, "SELECT 1 FROM account WHERE name = ?", (name,)) is not None


def _need(connection: apsw.Connection, name: str) -> None:
    if not _exists(connection, name):
        raise UnknownAccount(name)
