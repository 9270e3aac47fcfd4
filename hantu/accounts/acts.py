"""What can be done with accounts: the same for the pages, the API and the commands."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hantu.accounts.password import hash_password
from hantu.roles import Role
from hantu.store.account_base import Account, LastAdmin, NameTaken
from hantu.store.base import LogStorage

NAME_MOST: Final = 64
_NAME: Final = re.compile(r"[\w.@+-]+")


class Refused(ValueError):
    """It cannot be done; the message says why."""


def clean_name(name: str) -> str:
    """The name as it is stored. Raises ValueError for one that is none."""
    name = unicodedata.normalize("NFC", name.strip())
    if not 0 < len(name) <= NAME_MOST or _NAME.fullmatch(name) is None:
        raise ValueError(f"a name has 1 to {NAME_MOST} letters, digits and . _ @ + -")
    return name


def prepare(name: str, role: Role, password: str | None, *, at_ns: int) -> Account:
    """A new account, not stored yet. password None: it signs in at a proxy only. Takes its time.

    Raises ValueError for a name or a password that is not allowed."""
    name = clean_name(name)
    return Account(name, role, "" if password is None else hash_password(password), at_ns, at_ns)


def add(store: LogStorage, account: Account) -> None:
    """Store a new account. Raises Refused."""
    if not store.accounts() and account.role is not Role.ADMIN:
        raise Refused("the first account is an admin; others can be made then")
    try:
        store.add_account(account)
    except NameTaken:
        raise Refused(f"there is an account {account.name} already") from None


def set_role(store: LogStorage, name: str, role: Role) -> bool:
    """Give an account another role; False when it has it. Raises UnknownAccount, Refused."""
    if store.account(name).role is role:
        return False
    try:
        store.set_role(name, role)
    except LastAdmin:
        raise Refused(f"{name} is the only admin; make another one first") from None
    return True


def remove(store: LogStorage, name: str) -> None:
    """Remove an account with its sessions, views and preferences. Raises UnknownAccount, Refused."""
    own = store.account(name).name
    try:
        store.remove_account(own)
    except LastAdmin:
        raise Refused(f"{own} is the only admin; make another one first") from None
    # Whoever gets the name later gets nothing of this one's.
    store.prefer(own, dict.fromkeys(store.preferences(own), ""))
    for view in store.views(own):
        if view.account == own:
            store.remove_view(own, view.name)
