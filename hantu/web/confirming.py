"""The own password asked again before an admin decides about accounts, or makes a token that may do all."""

from __future__ import annotations

from typing import Final, Protocol

from flask import Response, request

from hantu.accounts.password import Busy
from hantu.accounts.throttle import Slowed
from hantu.service import WrongLogin
from hantu.web import i18n
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import see
from hantu.web.signin import PASSWORD_MOST, refusal_of, slow

CONFIRM: Final = "confirm"
"""The form's act."""


class Page(Protocol):
    """Renders the page that the form stands on."""

    def __call__(self, *, status: int, wrong: str) -> Response:
        """The page with what was wrong."""
        ...


def asked_again() -> str:
    """Why nothing was changed."""
    return i18n.translate("Your password is asked again before this is changed.")


def is_confirmed() -> bool:
    """Whether who asks may decide now.

    A token is shown with each request; who signs in at a proxy keeps its session there."""
    asker = client()
    return asker.by_token or not asker.digest or service().accounts.confirmed(asker.digest)


def confirm(here: str, page: Page) -> Response:
    """Take the own password from the form, and lead back."""
    asker = client()
    given = request.form.get("current", "")[:PASSWORD_MOST]
    try:
        service().accounts.confirm_again(asker.digest, given, address=asker.address)
    except (WrongLogin, Slowed) as refused:
        status, why = refusal_of(refused)
        if status == 401:
            status, why = 403, i18n.translate("Your password is not right.")
        return slow(page(status=status, wrong=why), refused)
    except Busy as busy:
        raise ApiError(429, str(busy), headers={"Retry-After": "2"}) from None
    audit("password confirmed", asker.account)
    return see(here, 303)
