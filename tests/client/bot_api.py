"""A server on the loopback that speaks Telegram's Bot API as far as hantu uses it, and its refusals.

It holds to Telegram's own rules: the token, the chat, HTML that parses, 4,096 UTF-16 units after that,
and the wait that it asked for. Source: https://core.telegram.org/bots/api."""

from __future__ import annotations

import html
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TOKEN = "7714509823:AAF-k3yT0kenOfTheTestB0t_9zQwErTyUiO"
CHAT = "-1002003004005"
UNITS_MOST = 4096
_TAG = re.compile(r"<(/?)(b|i|u|s|code|pre|a)(?: [^<>]*)?>")


@dataclass(frozen=True)
class Message:
    """A message that was taken. html: as it was sent; text: as a person sees it."""

    at_s: float
    chat_id: str
    html: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What the server says. hang: it says nothing until release(); drop: it closes without a word."""

    status: int = 200
    said: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hang: bool = False
    drop: bool = False


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
GARBAGE = Answer(200, body=b"<html>captive portal</html>")
HANG = Answer(hang=True)
DROP = Answer(drop=True)


class BotApi:
    """The server; use it as a context manager. messages: those taken, in order of arrival."""

    def __init__(self, *, token: str = TOKEN, chat_id: str = CHAT) -> None:
        self.token = token
        self.chat_id = chat_id
        self.messages: list[Message] = []
        self.calls: list[tuple[float, str, int]] = []
        self.early: list[float] = []
        self._script: deque[Answer] = deque()
        self._rules: list[tuple[Callable[[str], bool], Answer]] = []
        self._flooded_until_s = 0.0
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def url(self) -> str:
        """What telegram_api is set to."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def texts(self) -> list[str]:
        """The messages as a person sees them."""
        return [message.text for message in self.messages]

    def answer(self, *answers: Answer) -> None:
        """Give these to the next calls, in order; then messages are taken again."""
        self._script.extend(answers)

    def answer_to(self, words: str, answer: Answer) -> None:
        """Give this to every message that has these words in it, until forget()."""
        self._rules.append((lambda text: words in text, answer))

    def forget(self) -> None:
        """Take messages again, whatever was asked for before."""
        self._script.clear()
        self._rules.clear()
        self.release()

    def release(self) -> None:
        """Let the calls that hang end without an answer."""
        self._released.set()
        self._released = threading.Event()

    def down(self) -> None:
        """Close: connections are refused from now on."""
        server, self._server = self._server, None
        self.release()
        if server is not None:
            server.shutdown()
            server.server_close()

    def up(self) -> None:
        """Open, on the port of before if there was one."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                api._serve(self, self.rfile.read(size))

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is what some tests are about."""

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        method, answer = self._answer(handler.path, body)
        released = self._released
        if answer.hang:
            self.calls.append((time.monotonic(), method, 0))
            released.wait()
        if answer.hang or answer.drop:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        content = answer.body or json.dumps(answer.said).encode()
        self.calls.append((time.monotonic(), method, answer.status))
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _answer(self, path: str, body: bytes) -> tuple[str, Answer]:
        found = re.fullmatch(r"/bot([^/]+)/(\w+)", path)
        if found is None:
            return "", refusal(404, "Not Found")
        token, method = found.groups()
        if token != self.token:
            return method, UNAUTHORIZED
        said = json.loads(body or b"{}")
        if self._script:
            return method, self._waits(self._script.popleft())
        for applies, answer in self._rules:
            if applies(str(said.get("text", ""))):
                return method, self._waits(answer)
        if method == "getMe":
            bot = {
                "id": 7714509823,
                "is_bot": True,
                "first_name": "한투 알림",
                "username": "hantu_test_bot",
            }
            return method, Answer(said={"ok": True, "result": bot})
        if method == "sendMessage":
            return method, self._take(said)
        return method, refusal(404, "Not Found: method not found")

    def _waits(self, answer: Answer) -> Answer:
        wait_s = ((answer.said or {}).get("parameters") or {}).get("retry_after")
        if wait_s is not None:
            self._flooded_until_s = time.monotonic() + wait_s
        return answer

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
