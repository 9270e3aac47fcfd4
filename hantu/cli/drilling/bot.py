"""A stand-in for Telegram on this machine: it takes every message and shows which ones came."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from hantu.threads import Worker

TOKEN: Final = "1234567:drill-of-hantu-on-this-machine-only"  # noqa: S105  no secret: the stand-in's own
CHAT: Final = "-100"
POLL_S: Final = 0.05
END_S: Final = 5.0


class StandInBot:
    """The Bot API as far as hantu uses it; a context manager. texts: the messages that were taken.

    ask_to_wait: answer the next message with 429 and so many seconds instead."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refused = 0
        self.ask_to_wait_s = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._worker = Worker("drill-bot", lambda _stop: self._server.serve_forever(POLL_S))

    @property
    def settings(self) -> dict[str, str]:
        """What makes hantu send here."""
        port = self._server.server_address[1]
        return {
            "HANTU_TELEGRAM_TOKEN": TOKEN,
            "HANTU_TELEGRAM_CHAT_ID": CHAT,
            "HANTU_TELEGRAM_API": f"http://127.0.0.1:{port}",
        }

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._worker.join(END_S)

    def told(self, words: str) -> int:
        """How many messages hold these words."""
        return sum(words in text for text in list(self.texts))

    def take(self, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer for a message."""
        if self.ask_to_wait_s:
            wait_s, self.ask_to_wait_s = self.ask_to_wait_s, 0
            self.refused += 1
            text = f"Too Many Requests: retry after {wait_s}"
            return 429, {
                "ok": False,
                "error_code": 429,
                "description": text,
                "parameters": {"retry_after": wait_s},
            }
        self.texts.append(str(said.get("text", "")))
        return 200, {"ok": True, "result": {"message_id": len(self.texts)}}


def _handler(bot: StandInBot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """sendMessage and getMe."""
            said = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            if self.path.endswith("/sendMessage"):
                status, answer = bot.take(said)
            else:
                status, answer = (
                    200,
                    {"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "drill"}},
                )
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  http.server's name

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the table says what came."""

    return Handler
