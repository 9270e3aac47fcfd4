"""Each request of a WSGI application is one trace (CONTRACT M77)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from hantu.client.trace import Incoming, active

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WsgiMiddleware:
    """A WSGI application whose requests have a trace id each: `application = WsgiMiddleware(application)`.

    The id comes from the request's traceparent or X-Request-ID header, else it is new; it is answered as
    X-Request-ID, and is `environ["hantu.trace_id"]`."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        names = {"x-request-id": "HTTP_X_REQUEST_ID", "traceparent": "HTTP_TRACEPARENT"}
        incoming = Incoming({name: environ[key] for name, key in names.items() if key in environ})
        environ["hantu.trace_id"] = incoming.trace_id

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            there = {name.lower() for name, _ in headers}
            more = [(name, value) for name, value in incoming.answer.items() if name.lower() not in there]
            return start_response(status, [*headers, *more], *exc_info)

        context = copy_context()
        context.run(active.set, incoming.trace_id)
        body = context.run(self._app, environ, start)
        file_wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(body, list | tuple) or (
            isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
        ):
            # Nothing of the application runs any more; a server sends files in a way of its own.
            return body
        return _Body(body, context)


class _Body:
    """A response that is made while it is sent, each part within the request's trace."""

    def __init__(self, body: Iterable[bytes], context: Context) -> None:
        self._body = body
        self._context = context
        self._parts = context.run(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part: bytes = self._context.run(next, self._parts)
        return part

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            self._context.run(close)


def trace_flask(app: Any) -> None:
    """Give each request of a Flask application a trace id."""
    app.wsgi_app = WsgiMiddleware(app.wsgi_app)
