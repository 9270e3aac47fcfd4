"""What `hantu doctor` says of who may see the pages."""

from __future__ import annotations

from collections.abc import Iterator

from hantu.cli.context import Desk
from hantu.cli.finding import Finding
from hantu.roles import Role
from hantu.store import open_store
from hantu.store.base import StoreError

PASSWORD = "hantu passwd"  # noqa: S105  a command


def look_at_accounts(desk: Desk) -> Iterator[Finding]:
    """Whether somebody has to sign in, and somebody can."""
    database = desk.config.database
    if not database.is_file():
        return
    try:
        store = open_store(database, read_only=True)
    except StoreError:
        # The finding of the database says what is wrong.
        return
    try:
        accounts = store.accounts()
    except StoreError as error:
        yield Finding("sign-in", False, str(error), "hantu doctor --deep")
        return
    finally:
        store.close()
    by_proxy = bool(desk.config.proxy_login_header and desk.config.trusted_proxies)
    if desk.config.proxy_login_header and not desk.config.trusted_proxies:
        says = f"nobody is let in by {desk.config.proxy_login_header}: trusted_proxies names no proxy"
        yield Finding("sign-in at a proxy", False, says, "set trusted_proxies, see docs/security.md")
    if not accounts:
        says = "at the proxy" if by_proxy else "nobody has to: whoever is on this machine sees the pages"
        yield Finding("sign-in", True, says, "" if by_proxy else PASSWORD)
        return
    able = [each for each in accounts if each.password or by_proxy]
    says = f"{len(able)} of {len(accounts)} accounts can"
    if any(each.role is Role.ADMIN for each in able):
        yield Finding("sign-in", True, says)
        return
    yield Finding("sign-in", False, f"{says}, none of them an admin", f"{PASSWORD} NAME")
