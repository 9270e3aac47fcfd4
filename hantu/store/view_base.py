"""What a store promises of saved views: ViewStorage, a part of LogStorage (tests/contract/test_views.py).

A saved view is the address of a page under a name. An account has its own; those of account "" are
everybody's. Reading may happen on any thread, writing on one at a time."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol

from hantu.hidden import visible

EVERYBODY: Final = ""
NAME_MOST: Final = 60
ADDRESS_MOST: Final = 8_192
VIEWS_MOST: Final = 200
"""Views of one account: a menu of more is no menu."""


class WrongView(ValueError):
    """A name or address that no view can have; the message says why."""


class TakenName(WrongView):
    """Another view of the account has this name."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """The address of a page, from its path on, under a name that is unique within the account."""

    account: str
    name: str
    address: str
    created_ns: int


class ViewStorage(Protocol):
    """Keeps saved views."""

    def views(self, account: str) -> tuple[SavedView, ...]:
        """The account's own and everybody's, by name without case; its own first where names are the
        same."""
        ...

    def save_view(self, view: SavedView) -> None:
        """Keep a view; one of the same account and name is replaced, its created_ns stays.

        Raises WrongView (checked_view()), also when the account has VIEWS_MOST already."""
        ...

    def rename_view(self, account: str, name: str, to: str) -> bool:
        """Give a view another name; False when there is none. Raises TakenName, WrongView."""
        ...

    def remove_view(self, account: str, name: str) -> bool:
        """Remove a view; False when there was none."""
        ...


def checked_name(name: str) -> str:
    """The name as it is kept: NFC, without blanks around it. Raises WrongView."""
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not name:
        raise WrongView("a view needs a name")
    if len(name) > NAME_MOST:
        raise WrongView(f"the name of a view has at most {NAME_MOST} characters")
    if visible(name) != name:
        raise WrongView("the name of a view is made of characters that can be seen")
    return name


def checked_view(view: SavedView) -> SavedView:
    """The view as it is kept. Raises WrongView."""
    address = view.address
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not local or not address.isprintable() or "\\" in address:
        raise WrongView("the address of a view begins with / and is one of hantu's own pages")
    if len(address) > ADDRESS_MOST:
        raise WrongView(f"the address of a view has at most {ADDRESS_MOST} characters")
    return SavedView(view.account, checked_name(view.name), address, view.created_ns)


def by_name(views: list[SavedView]) -> tuple[SavedView, ...]:
    """Views in the order in which they are given."""
    return tuple(
        sorted(views, key=lambda view: (view.name.casefold(), view.name, view.account == EVERYBODY))
    )
