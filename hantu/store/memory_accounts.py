"""Accounts in memory: the part of a MemoryStore that keeps AccountStorage's promises."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

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
    same_name,
)


class MemoryAccounts:
    """The part of a MemoryStore that keeps accounts."""

    _open: Callable[[], AbstractContextManager[object]]
    """The lock of the store, while it is open."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._sessions: dict[bytes, Session] = {}
        self._acts: list[Act] = []
        self._newest_act = 0

    def accounts(self) -> tuple[Account, ...]:
        """All accounts by name."""
        with self._open():
            return tuple(self._accounts[name] for name in sorted(self._accounts))

    def account(self, name: str) -> Account:
        """The account of that name."""
        with self._open():
            found = self._accounts.get(same_name(name))
            if found is None:
                raise UnknownAccount(name)
            return found

    def add_account(self, account: Account) -> None:
        """Store an account."""
        with self._open():
            if same_name(account.name) in self._accounts:
                raise NameTaken(account.name)
            self._accounts[same_name(account.name)] = account

    def set_password(self, name: str, password: str, *, at_ns: int) -> None:
        """Give an account another password; its sessions end."""
        with self._open():
            changed = replace(self.account(name), password=password, password_ns=at_ns)
            self._accounts[same_name(name)] = changed
            self._end_all_of(name)

    def set_role(self, name: str, role: Role) -> None:
        """Give an account another role; its sessions end."""
        with self._open():
            changed = replace(self.account(name), role=role)
            if role is not Role.ADMIN and not self._other_admins(name):
                raise LastAdmin(name)
            self._accounts[same_name(name)] = changed
            self._end_all_of(name)

    def remove_account(self, name: str) -> None:
        """Remove an account with its sessions."""
        with self._open():
            self.account(name)
            if len(self._accounts) > 1 and not self._other_admins(name):
                raise LastAdmin(name)
            del self._accounts[same_name(name)]
            self._end_all_of(name)

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, used last first."""
        with self._open():
            return tuple(sorted(self._sessions.values(), key=lambda each: (-each.seen_ns, each.digest)))

    def add_session(self, session: Session) -> None:
        """Store a session as the last login of its account."""
        with self._open():
            name = same_name(session.account)
            self._accounts[name] = replace(self.account(name), last_login_ns=session.created_ns)
            self._sessions[session.digest] = session
            own = [each for each in self.sessions() if same_name(each.account) == name]
            for each in own[SESSIONS_KEPT:]:
                del self._sessions[each.digest]

    def touch_sessions(self, seen: dict[bytes, int]) -> None:
        """Set seen_ns by digest."""
        with self._open():
            for digest, at_ns in seen.items():
                if digest in self._sessions:
                    self._sessions[digest] = replace(self._sessions[digest], seen_ns=at_ns)

    def remove_session(self, digest: bytes) -> bool:
        """End a session."""
        with self._open():
            return self._sessions.pop(digest, None) is not None

    def remove_other_sessions(self, account: str, digest: bytes) -> int:
        """End all sessions of an account but this one."""
        with self._open():
            return self._end(
                lambda each: same_name(each.account) == same_name(account) and each.digest != digest
            )

    def remove_ended_sessions(self, *, now_ns: int, idle_ns: int) -> int:
        """Remove sessions that are over."""
        with self._open():
            return self._end(lambda each: each.ends_ns <= now_ns or each.seen_ns <= now_ns - idle_ns)

    def add_act(self, act: Act) -> None:
        """Note what was done."""
        with self._open():
            self._newest_act += 1
            self._acts.append(replace(act, number=self._newest_act))
            del self._acts[:-AUDIT_KEPT]

    def acts(self, query: AuditQuery) -> AuditPage:
        """What was done, newest first."""
        with self._open():
            found = [act for act in reversed(self._acts) if _matches(query, act)][: query.limit + 1]
            shown = found[: query.limit]
            return AuditPage(tuple(shown), shown[-1].number if len(found) > query.limit else None)

    def _other_admins(self, name: str) -> bool:
        return any(
            account.role is Role.ADMIN and key != same_name(name) for key, account in self._accounts.items()
        )

    def _end_all_of(self, name: str) -> None:
        self._end(lambda each: same_name(each.account) == same_name(name))

    def _end(self, goes: Callable[[Session], bool]) -> int:
        gone = [digest for digest, each in self._sessions.items() if goes(each)]
        for digest in gone:
            del self._sessions[digest]
        return len(gone)


def _matches(query: AuditQuery, act: Act) -> bool:
    return (
        query.actor in ("", act.actor)
        and query.act in ("", act.act)
        and same_name(query.search) in same_name(act.object)
        and (query.since_ns is None or query.since_ns <= act.at_ns)
        and (query.until_ns is None or act.at_ns < query.until_ns)
        and (query.before is None or act.number < query.before)
    )
