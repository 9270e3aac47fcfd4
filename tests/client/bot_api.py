"""A server on the loopback that speaks Telegram's Bot API as far as hantu uses it, and its refusals.

It holds to Telegram's own rules: the token, the chat, HTML that parses, 4,096 UTF-16 units after that,
and the wait that it asked for. Source: https://core.telegram.org/bots/api."""

from __future__ import annotations

import email.message
import html
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from tests.client.stand_in import DROP, GARBAGE, HANG, Answer, StandIn

__all__ = [
    "BLOCKED",
    "BROKEN",
    "CHAT",
    "DROP",
    "GARBAGE",
    "HANG",
    "TOKEN",
    "UNAUTHORIZED",
    "Answer",
    "BotApi",
    "Message",
    "flood",
    "refusal",
    "seen",
]

TOKEN = "7714509823:AAF-k3yT0kenOfTheTestB0t_9zQwErTyUiO"
CHAT = "-1002003004005"
UNITS_MOST = 4096
_PATH = re.compile(r"/bot([^/]+)/(\w+)")
_TAG = re.compile(r"<(/?)(b|i|u|s|code|pre|a)(?: [^<>]*)?>")


@dataclass(frozen=True)
class Message:
    """A message that was taken. html: as it was sent; text: as a person sees it."""

    at_s: float
    chat_id: str
    html: str
    text: str


def refusal(status: int, description: str, **parameters: int) -> Answer:
    """A refusal in Telegram's form."""
    said: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        said["parameters"] = parameters
    return Answer(status, said)


def flood(retry_after_s: int) -> Answer:
    """429: too many messages."""
    return refusal(429, f"Too Many Requests: retry after {retry_after_s}", retry_after=retry_after_s)


UNAUTHORIZED = refusal(401, "Unauthorized")
BLOCKED = refusal(403, "Forbidden: bot was kicked from the supergroup chat")
BROKEN = refusal(502, "Bad Gateway")


class BotApi(StandIn):
    """The server. messages: those taken, in order of arrival; early: when a message came before the end
    of a wait that was asked for."""

    def __init__(self, *, token: str = TOKEN, chat_id: str = CHAT) -> None:
        super().__init__()
        self.token = token
        self.chat_id = chat_id
        self.messages: list[Message] = []
        self.early: list[float] = []
        self._flooded_until_s = 0.0

    @property
    def texts(self) -> list[str]:
        """The messages as a person sees them."""
        return [message.text for message in self.messages]

    def allowed(self, path: str, headers: email.message.Message) -> Answer | None:
        """Telegram looks at the token first."""
        found = _PATH.fullmatch(path)
        if found is None:
            return refusal(404, "Not Found")
        return None if found[1] == self.token else UNAUTHORIZED

    def scripted(self, answer: Answer) -> Answer:
        """A wait that was asked for holds for what comes after."""
        wait_s = ((answer.said or {}).get("parameters") or {}).get("retry_after")
        if wait_s is not None:
            self._flooded_until_s = time.monotonic() + wait_s
        return answer

    def reply(self, path: str, headers: email.message.Message, body: bytes) -> Answer:
        """getMe and sendMessage."""
        method = path.rpartition("/")[2]
        if method == "getMe":
            bot = {
                "id": 7714509823,
                "is_bot": True,
                "first_name": "한투 알림",
                "username": "hantu_test_bot",
            }
            return Answer(said={"ok": True, "result": bot})
        if method == "sendMessage":
            return self._take(json.loads(body))
        return refusal(404, "Not Found: method not found")

    def _take(self, said: dict[str, Any]) -> Answer:
        now_s = time.monotonic()
        if now_s < self._flooded_until_s:
            self.early.append(now_s)
            return flood(max(1, round(self._flooded_until_s - now_s)))
        if str(said.get("chat_id")) != self.chat_id:
            return refusal(400, "Bad Request: chat not found")
        text = str(said.get("text", ""))
        try:
            shown = seen(text) if said.get("parse_mode") == "HTML" else text
        except ValueError as error:
            return refusal(400, f"Bad Request: can't parse entities: {error}")
        if not shown.strip():
            return refusal(400, "Bad Request: message text is empty")
        if len(shown.encode("utf-16-le")) // 2 > UNITS_MOST:
            return refusal(400, "Bad Request: message is too long")
        self.messages.append(Message(now_s, str(said["chat_id"]), text, shown))
        return Answer(said={"ok": True, "result": {"message_id": len(self.messages), "text": shown}})


def seen(text: str) -> str:
    """What a person sees of Telegram's HTML. Raises ValueError for what Telegram does not parse."""
    opened: list[str] = []
    for tag in _TAG.finditer(text):
        closing, name = tag.groups()
        if not closing:
            opened.append(name)
        elif not opened or opened.pop() != name:
            raise ValueError(f"Unmatched end tag at byte offset {tag.start()}")
    rest = _TAG.sub("", text)
    if opened or "<" in rest or ">" in rest:
        raise ValueError("Unsupported start tag")
    return html.unescape(rest)
