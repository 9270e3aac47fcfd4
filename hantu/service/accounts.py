"""Signing in: the accounts and sessions of the store, known in memory, and the only way to change them."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from hantu.accounts import acts
from hantu.accounts.password import hash_password, verify
from hantu.accounts.throttle import Budget, Throttle
from hantu.pipeline import Pipeline
from hantu.roles import Role
from hantu.store.account_base import Account, Act, Session, UnknownAccount, same_name
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_NS: Final = 86_400 * 10**9
ENDS_NS: Final = 30 * DAY_NS
"""A session ends so long after it began, however much it is used."""
IDLE_NS: Final = 7 * DAY_NS
"""It ends when it was not used for so long."""
CONFIRMED_NS: Final = 10 * 60 * 10**9
"""So long after its password was given, at the sign-in or again, a session may decide about accounts."""
TOUCH_EVERY_S: Final = 60.0
FAILURES_NOTED: Final = 100
FAILURES_PER_S: Final = 3600.0
"""So many failed sign-ins are noted an hour, the others counted: a flood must not drive all else out of the
audit trail."""
AGENT_MOST: Final = 200


class WrongLogin(Exception):
    """There is no such account, or it has another password: which of both is not told."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Somebody who has signed in. secret: of the session, for the browser alone."""

    account: Account
    session: Session
    secret: str


@dataclass(frozen=True, slots=True)
class _Known:
    accounts: Mapping[str, Account]
    sessions: dict[bytes, Session]


class Accounts:
    """The accounts and sessions of a running service, which alone writes to the store."""

    def __init__(
        self,
        store: LogStorage,
        pipeline: Pipeline,
        *,
        throttle: Throttle | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.throttle = throttle or Throttle()
        self._store = store
        self._pipeline = pipeline
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._known: _Known | None = None
        self._failures = Budget(FAILURES_NOTED, FAILURES_PER_S)
        self._seen: dict[bytes, int] = {}
        self._confirmed: dict[bytes, int] = {}
        self._touched_at: float | None = None
        self._touching: Worker | None = None

    @property
    def exist(self) -> bool:
        """Whether there is any account: from then on pages are for those who sign in."""
        return bool(self._all().accounts)

    def find(self, name: str) -> Account | None:
        """The account of that name, None when there is none."""
        return self._all().accounts.get(same_name(name))

    def session(self, secret: str) -> Session | None:
        """The session with this secret, None when it is over; notes its use."""
        digest = digest_of(secret)
        if not self.alive(digest):
            return None
        now_ns = self._clock_ns()
        with self._lock:
            session = self._all().sessions.get(digest)
            if session is None:
                return None
            self._all().sessions[digest] = session = replace(session, seen_ns=now_ns)
            self._seen[digest] = now_ns
        self._note()
        return session

    def alive(self, digest: bytes) -> bool:
        """Whether the session is good still."""
        known = self._all()
        session, now_ns = known.sessions.get(digest), self._clock_ns()
        return (
            session is not None and now_ns < session.ends_ns and now_ns - session.seen_ns < IDLE_NS
        ) and same_name(session.account) in known.accounts

    def sessions_of(self, account: str) -> list[Session]:
        """The sessions of an account, used last first."""
        own = [
            each
            for each in self._all().sessions.values()
            if same_name(each.account) == same_name(account) and self.alive(each.digest)
        ]
        return sorted(own, key=lambda each: -each.seen_ns)

    def login(self, name: str, password: str, *, address: str, agent: str) -> Entrance:
        """Sign in. Raises Slowed, WrongLogin, password.Busy, StoreError."""
        return self.enter(self.confirm(name, password, address=address), address=address, agent=agent)

    def confirm(self, name: str, password: str, *, address: str) -> Account:
        """The account of that name, when this is its password; failures are noted and slow down.

        Raises Slowed, WrongLogin, password.Busy, StoreError."""
        name = name.strip()[: acts.NAME_MOST]
        locks = self.throttle.begin(name, address)
        account = self.find(name)
        fits = verify(password, "" if account is None else account.password)
        if account is None or not fits:
            self._note_failure(account, address, locks=locks)
            raise WrongLogin
        self.throttle.succeeded(name, address)
        return account

    def confirmed(self, digest: bytes) -> bool:
        """Whether the password was given in this session within CONFIRMED_NS: who finds a browser open, or
        has stolen its cookie, decides nothing about accounts."""
        session = self._all().sessions.get(digest)
        if session is None:
            return False
        given_ns = max(session.created_ns, self._confirmed.get(digest, 0))
        return 0 <= self._clock_ns() - given_ns < CONFIRMED_NS

    def confirm_again(self, digest: bytes, password: str, *, address: str) -> None:
        """Take the password of the session's own account once more.

        Raises Slowed, WrongLogin, password.Busy, StoreError."""
        session = self._all().sessions.get(digest)
        if session is None:
            raise WrongLogin
        self.confirm(session.account, password, address=address)
        living = self._all().sessions
        kept = {each: at_ns for each, at_ns in self._confirmed.items() if each in living}
        self._confirmed = kept | {digest: self._clock_ns()}

    def begin_with(self, name: str, password: str, *, address: str, agent: str) -> Entrance:
        """Make the first account, an admin, and sign in.

        Raises ValueError for a name or password that is not allowed, or when there is an account."""
        account = acts.prepare(name, Role.ADMIN, password, at_ns=self._clock_ns())

        def add(store: LogStorage) -> None:
            if store.accounts():
                raise acts.Refused("there is an account already; sign in with it")
            acts.add(store, account)

        self.change(add)
        return self.enter(account, address=address, agent=agent)

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password; all its sessions end. Raises UnknownAccount, ValueError."""
        account = self.find(name)
        if account is None:
            raise UnknownAccount(name)
        known, at_ns = hash_password(password), self._clock_ns()
        self.change(lambda store: store.set_password(account.name, known, at_ns=at_ns))
        self.throttle.forgive(account.name)
        return account

    def change(self, work: Callable[[LogStorage], T]) -> T:
        """Run work(store) between two commits, and know what came of it."""

        def work_and_read(store: LogStorage) -> T:
            try:
                return work(store)
            finally:
                self._read()

        return self._pipeline.with_store(work_and_read)

    def enter(self, account: Account, *, address: str, agent: str) -> Entrance:
        """A new session for somebody who has shown in this request who it is. Raises WrongLogin."""
        secret, now_ns = secrets.token_urlsafe(32), self._clock_ns()
        session = Session(
            digest_of(secret), account.name, now_ns, now_ns, now_ns + ENDS_NS, address, agent[:AGENT_MOST]
        )

        def add(store: LogStorage) -> Account:
            own = store.account(account.name)
            # Changed while this one was looked at.
            if own.password_ns > account.password_ns:
                raise WrongLogin
            store.remove_ended_sessions(now_ns=now_ns, idle_ns=IDLE_NS)
            store.add_session(session)
            return own

        try:
            return Entrance(self.change(add), session, secret)
        except UnknownAccount:
            raise WrongLogin from None

    def _note_failure(self, account: Account | None, address: str, *, locks: bool) -> None:
        withheld = self._failures.take()
        if withheld is None and not locks:
            return
        detail: dict[str, Any] = {"locked": True} if locks else {}
        if withheld:
            detail["not noted before"] = withheld
        # A name that is none may be a password in the wrong field.
        name = "" if account is None else account.name
        act = Act(self._clock_ns(), "", address, "sign-in failed", name, detail)
        self._pipeline.with_store(lambda store: store.add_act(act))

    def _all(self) -> _Known:
        known = self._known
        if known is None:
            known = self._read()
        return known

    def _read(self) -> _Known:
        """What the store has now. Whether a change was stored only the store knows: read anew after it."""
        # One after the other: what was read before a change must not replace what was read after it.
        with self._reading:
            self._known = None
            accounts = {same_name(each.name): each for each in self._store.accounts()}
            sessions = {each.digest: each for each in self._store.sessions()}
            for digest, at_ns in list(self._seen.items()):
                if digest in sessions:
                    sessions[digest] = replace(sessions[digest], seen_ns=at_ns)
            self._known = known = _Known(accounts, sessions)
            return known

    def _note(self) -> None:
        """Write down the last uses once a minute, on a thread of its own: a request does not wait for the
        writer."""
        now_s = time.monotonic()
        with self._lock:
            busy = self._touching is not None and self._touching.alive
            if busy or (self._touched_at is not None and now_s - self._touched_at < TOUCH_EVERY_S):
                return
            self._touched_at = now_s
            self._touching = Worker("session-uses", self._touch)
        self._touching.start()

    def _touch(self, _stop: threading.Event) -> None:
        with self._lock:
            seen = dict(self._seen)
        try:
            self._pipeline.with_store(lambda store: store.touch_sessions(seen))
        except StoreError as error:
            log.info("the last use of sessions was not written down: %s", error)
            return
        with self._lock:
            for digest, at_ns in seen.items():
                if self._seen.get(digest) == at_ns:
                    del self._seen[digest]


def digest_of(secret: str) -> bytes:
    """What is stored of a session's secret: its SHA-256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
