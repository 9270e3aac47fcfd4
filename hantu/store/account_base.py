"""What a store of accounts promises: AccountStorage, which every store keeps beside LogStorage
(tests/contract/test_accounts.py).

Accounts are found by name in any case of ASCII letters. Reading methods may be called from any thread;
writing methods from one thread at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hantu.roles import Role

AUDIT_LIMIT_DEFAULT: Final = 100
AUDIT_LIMIT_MOST: Final = 1_000
AUDIT_KEPT: Final = 100_000
"""Acts that are kept; the oldest go. Some 20 MB at most."""
SESSIONS_KEPT: Final = 20
"""Sessions of an account; a further one ends the one that was used longest ago."""


class UnknownAccount(KeyError):
    """There is no account of that name."""


class NameTaken(ValueError):
    """There is an account of that name already."""


class LastAdmin(ValueError):
    """Without this one nobody could manage accounts."""


@dataclass(frozen=True, slots=True)
class Account:
    """password: argon2id as a PHC string, "" for one who signs in at a proxy only. password_ns: when it was
    set."""

    name: str
    role: Role
    password: str
    created_ns: int
    password_ns: int
    last_login_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. digest: SHA-256 of its secret. seen_ns: when it was used last. ends_ns:
    when it ends, however much it is used. address, agent: where it was made, and what the browser called
    itself."""

    digest: bytes
    account: str
    created_ns: int
    seen_ns: int
    ends_ns: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done. actor: who, address: from where, act: what, object: to what. number: given
    by the store, growing."""

    at_ns: int
    actor: str
    address: str
    act: str
    object: str
    detail: dict[str, Any] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """All given parts must hold. actor, act: exactly; search: a text within the object, ASCII letters in
    any case; since_ns ≤ time < until_ns; before: only acts with a smaller number."""

    actor: str = ""
    act: str = ""
    search: str = ""
    since_ns: int | None = None
    until_ns: int | None = None
    before: int | None = None
    limit: int = AUDIT_LIMIT_DEFAULT


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Acts, newest first. next: `before` of the page that follows, None at the end."""

    acts: tuple[Act, ...]
    next: int | None = None


class AccountStorage(Protocol):
    """A store of accounts, their sessions, and of what people did."""

    def accounts(self) -> tuple[Account, ...]:
        """All accounts by name."""
        ...

    def account(self, name: str) -> Account:
        """The account of that name. Raises UnknownAccount."""
        ...

    def add_account(self, account: Account) -> None:
        """Store an account, durably. Raises NameTaken."""
        ...

    def set_password(self, name: str, password: str, *, at_ns: int) -> None:
        """Give an account another password (a PHC string, "" for none); all its sessions end in the same
        transaction. Raises UnknownAccount."""
        ...

    def set_role(self, name: str, role: Role) -> None:
        """Give an account another role; all its sessions end in the same transaction.

        Raises UnknownAccount; LastAdmin when no admin would be left."""
        ...

    def remove_account(self, name: str) -> None:
        """Remove an account with its sessions. Raises UnknownAccount; LastAdmin when others would be left
        without an admin."""
        ...

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, used last first."""
        ...

    def add_session(self, session: Session) -> None:
        """Store a session, durably, as the last login of its account; what is above SESSIONS_KEPT of it
        ends. Raises UnknownAccount."""
        ...

    def touch_sessions(self, seen: dict[bytes, int]) -> None:
        """Set seen_ns by digest; unknown ones are passed over."""
        ...

    def remove_session(self, digest: bytes) -> bool:
        """End a session, durably; False when there was none."""
        ...

    def remove_other_sessions(self, account: str, digest: bytes) -> int:
        """End all sessions of an account but this one; how many."""
        ...

    def remove_ended_sessions(self, *, now_ns: int, idle_ns: int) -> int:
        """Remove sessions past their end, or not used for so long; how many."""
        ...

    def add_act(self, act: Act) -> None:
        """Note what was done; its number is the store's. The newest AUDIT_KEPT stay."""
        ...

    def acts(self, query: AuditQuery) -> AuditPage:
        """What was done, newest first."""
        ...


def same_name(name: str) -> str:
    """What is equal for names of one account: SQLite's NOCASE folds ASCII letters only."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)
