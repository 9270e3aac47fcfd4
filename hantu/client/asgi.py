"""Each request of an ASGI application is one trace (CONTRACT M77)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hantu.client.trace import Incoming, TraceIdContext

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class AsgiMiddleware:
    """An ASGI application whose requests and WebSockets have a trace id each: `app = AsgiMiddleware(app)`.

    The id comes from the traceparent or X-Request-ID header, else it is new; it is answered as
    X-Request-ID, and is `scope["hantu.trace_id"]`."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope.get("type") not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope.get("headers", ())
        }
        incoming = Incoming(headers)
        scope["hantu.trace_id"] = incoming.trace_id
        answer = [(name.lower().encode(), value.encode()) for name, value in incoming.answer.items()]

        async def send_with_id(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                there = {name.lower() for name, _ in message.get("headers", ())}
                more = [pair for pair in answer if pair[0] not in there]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        with TraceIdContext(incoming.trace_id):
            await self._app(scope, receive, send_with_id)
