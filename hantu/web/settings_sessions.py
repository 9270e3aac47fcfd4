"""/settings/sessions: where the reader is signed in, and the own password."""

from __future__ import annotations

import hmac
import re
from typing import Final

from flask import Blueprint, Response, request

from hantu.accounts.password import Busy, check_password
from hantu.accounts.throttle import Slowed
from hantu.service import WrongLogin
from hantu.web import i18n
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import see
from hantu.web.sentences import say
from hantu.web.settings import section_page
from hantu.web.signin import PASSWORD_MOST, agent, refusal_of, slow, welcome

HERE: Final = "/settings/sessions"
OTHERS: Final = "others"
_SYSTEMS: Final = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "CrOS", "Linux")
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Whale", "Whale"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule(HERE, view_func=sessions)
    blueprint.add_url_rule(HERE, view_func=end, methods=["POST"], endpoint="end_sessions")
    blueprint.add_url_rule("/settings/password", view_func=password, methods=["POST"])


def sessions() -> Response:
    """The page."""
    return _page()


def end() -> Response:
    """End one session of one's own, or all others."""
    asker, wanted = client(), request.form.get("session", "")
    if not asker.account:
        raise ApiError(403, i18n.translate("Nobody has signed in here."))
    accounts = service().accounts
    if wanted == OTHERS:
        many = accounts.change(lambda store: store.remove_other_sessions(asker.account, asker.digest))
        audit("sessions ended", asker.account, many=many)
        return see(f"{HERE}?ended={many}", 303)
    own = [each for each in accounts.sessions_of(asker.account) if each.digest.hex() == wanted]
    if not own:
        return see(HERE, 303)
    accounts.change(lambda store: store.remove_session(own[0].digest))
    audit("sessions ended", asker.account, many=1)
    is_this = hmac.compare_digest(own[0].digest, asker.digest)
    return see("/login" if is_this else f"{HERE}?ended=1", 303)


def password() -> Response:
    """Set the own password: all sessions end, and this browser gets a new one."""
    asker, form = client(), request.form
    if not asker.account or not asker.digest:
        raise ApiError(403, i18n.translate("Nobody has signed in here."))
    new = form.get("password", "")[:PASSWORD_MOST]
    if new != form.get("again", "")[:PASSWORD_MOST]:
        return _page(status=400, wrong=i18n.translate("The two passwords are not the same."))
    accounts = service().accounts
    try:
        check_password(new)
        accounts.confirm(asker.account, form.get("current", "")[:PASSWORD_MOST], address=asker.address)
        account = accounts.set_password(asker.account, new)
        entrance = accounts.enter(
            service().store.account(account.name), address=asker.address, agent=agent()
        )
    except (WrongLogin, Slowed) as refused:
        status, why = refusal_of(refused)
        if status == 401:
            why = i18n.translate("The password of now is not right.")
        return slow(_page(status=403 if status == 401 else status, wrong=why), refused)
    except ValueError as error:
        return _page(status=400, wrong=say(str(error)))
    except Busy as busy:
        raise ApiError(429, str(busy), headers={"Retry-After": "2"}) from None
    audit("password changed", account.name)
    return welcome(see(f"{HERE}?changed=1", 303), entrance)


def _page(*, status: int = 200, wrong: str = "") -> Response:
    asker = client()
    return section_page(
        "settings/sessions.html",
        "sessions",
        status=status,
        lead=i18n.translate("Where you are signed in."),
        sessions=service().accounts.sessions_of(asker.account) if asker.account else [],
        own=asker,
        browser_of=browser_of,
        wrong=wrong,
        changed="changed" in request.args,
        ended=request.args.get("ended", type=int),
    )


def browser_of(agent_text: str) -> str:
    """What a browser calls itself, in two words: Firefox, Linux."""
    browser = next((name for sign, name in _BROWSERS if f"{sign}/" in agent_text), "")
    system = next((name for name in _SYSTEMS if name in agent_text), "")
    if not browser:
        browser = re.split(r"[\s/(;]", agent_text, maxsplit=1)[0][:40]
    return ", ".join(part for part in (browser, system.replace("Mac OS", "macOS")) if part) or "–"
