"""The Telegram Bot API: sendMessage and getMe, and what their refusals mean.

Source: https://core.telegram.org/bots/api, "Making requests", ResponseParameters, sendMessage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from hantu.client.address import address_of

if TYPE_CHECKING:
    from hantu.client.http_call import Answer, Caller

PUBLIC_API: Final = "https://api.telegram.org"
RETRY_AFTER_MOST_S: Final = 3600.0
_SAID_CHARS_MOST: Final = 200


class ChannelError(Exception):
    """A message was not taken; says why in words that hold no token.

    permanent: nothing will be taken until the settings change. refused: this message alone will never
    be taken. retry_after_s: the wait that Telegram asks for; it asks for all messages."""

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        refused: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.refused = refused
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Bot:
    """Who a token belongs to."""

    name: str
    username: str


class Telegram:
    """One bot and one chat. Its text forms never show the token.

    connect_limit_s and answer_limit_s bound each call. It has no state but the chat's number, which
    Telegram may change: threads may share one. Raises ValueError for an api that is no address."""

    def __init__(
        self,
        token: str,
        chat_id: str,
        api: str = PUBLIC_API,
        *,
        connect_limit_s: float = 5.0,
        answer_limit_s: float = 10.0,
    ) -> None:
        self._token = token
        self.chat_id = chat_id
        self._api = api
        self._limits_s = (connect_limit_s, answer_limit_s)
        try:
            address_of(api)
        except ValueError as error:
            raise ValueError(f"telegram_api {error}") from None

    def __repr__(self) -> str:
        return f"Telegram(chat_id={self.chat_id!r})"

    @property
    def limit_s(self) -> float:
        """The longest that one call may take."""
        return sum(self._limits_s)

    def caller(self) -> Caller:
        """A connection for send(), which another thread may cancel."""
        # http.client takes longer to load than all of the library: not before there is something to send.
        from hantu.client.http_call import Caller

        connect_s, answer_s = self._limits_s
        return Caller(self._api, connect_limit_s=connect_s, answer_limit_s=answer_s)

    def send(self, text: str, caller: Caller | None = None) -> None:
        """Have a message of HTML shown in the chat. Raises ChannelError."""
        message: dict[str, Any] = {
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        said = self._call("sendMessage", {"chat_id": self.chat_id, **message}, caller)
        moved = _parameter(said, "migrate_to_chat_id")
        if moved is not None:
            # A group that became a supergroup has a new number, and says so once for each message.
            self.chat_id = str(moved)
            said = self._call("sendMessage", {"chat_id": self.chat_id, **message}, caller)
        if not said.get("ok"):
            raise _refusal(said)

    def me(self) -> Bot:
        """The bot that the token belongs to. Raises ChannelError."""
        said = self._call("getMe", {}, None)
        if not said.get("ok"):
            raise _refusal(said)
        found = said.get("result") or {}
        return Bot(str(found.get("first_name", "")), str(found.get("username", "")))

    def _call(self, method: str, arguments: dict[str, Any], caller: Caller | None) -> dict[str, Any]:
        from hantu.client.http_call import CallError

        used = caller or self.caller()
        failed = ""
        try:
            answer = used.post(
                f"/bot{quote(self._token, safe=':')}/{method}",
                json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace"),
                {"Content-Type": "application/json"},
            )
        except CallError as error:
            failed = str(error)
        finally:
            used.close()
        if failed:
            # Raised here and not above, so that no error hangs on another's context.
            raise ChannelError(f"Telegram: {failed}")
        return _said(answer)


def _said(answer: Answer) -> dict[str, Any]:
    """The answer's object, with its HTTP status and the wait it asks for."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    said = found if isinstance(found, dict) else {}
    code = said.get("error_code")
    said["error_code"] = code if isinstance(code, int) else answer.status
    said.setdefault("ok", False)
    said["waits_s"] = answer.retry_after_s
    return said


def _parameter(said: dict[str, Any], name: str) -> int | None:
    parameters = said.get("parameters")
    value = parameters.get(name) if isinstance(parameters, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _refusal(said: dict[str, Any]) -> ChannelError:
    """What Telegram's refusal means."""
    code = said["error_code"]
    words = str(said.get("description", ""))[:_SAID_CHARS_MOST]
    if code == 429:
        asked = _parameter(said, "retry_after")
        wait_s = float(asked) if asked is not None else said["waits_s"]
        return ChannelError(
            "Telegram asks to wait (429)", retry_after_s=min(wait_s, RETRY_AFTER_MOST_S) if wait_s else 1.0
        )
    if code in (401, 404):
        return ChannelError(f"Telegram does not know the bot token ({code})", permanent=True)
    if code == 403:
        return ChannelError("the bot may not write to the chat (403)", permanent=True)
    if code == 400 and "chat" in words.lower():
        return ChannelError("Telegram does not know the chat id (400)", permanent=True)
    if 400 <= code < 500:
        return ChannelError(f"Telegram refused the message ({code}: {words})", refused=True)
    return ChannelError(f"Telegram failed ({code})", retry_after_s=said["waits_s"])
