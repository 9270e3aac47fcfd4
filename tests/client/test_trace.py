"""One trace id for each request, job and command, in every line and wherever the work goes (M77–M81)."""

from __future__ import annotations

import asyncio
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu import (
    AsgiMiddleware,
    TraceIdContext,
    WsgiMiddleware,
    carry,
    get_logger,
    get_trace_id,
    start_trace,
    trace_headers,
    traced,
)
from hantu.client.trace import Incoming, accepted, of_traceparent, traceparent
from hantu.client.wsgi import trace_flask
from tests.client.logs import Logs

Library = Callable[..., Logs]
W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def set_up(library: Library) -> None:
    """No test of this file writes to the working folder."""
    library()


@pytest.mark.promise("M81")
def test_a_context_makes_a_trace_id_of_eight_hex_digits() -> None:
    outside = get_trace_id()
    with TraceIdContext() as trace_id:
        assert re.fullmatch("[0-9a-f]{8}", trace_id)
        assert get_trace_id() == trace_id != outside
        with TraceIdContext() as inner:
            assert get_trace_id() == inner != trace_id
        assert get_trace_id() == trace_id
    assert get_trace_id() == outside


@pytest.mark.promise("M81")
def test_every_line_has_a_trace_id(library: Library) -> None:
    logs = library()
    logger = get_logger("shop")
    with TraceIdContext("abc12345"):
        for level in ("debug", "info", "success", "warning", "error", "critical"):
            getattr(logger, level)("within")
            getattr(logger, level)("within", field=1)
    logger.info("outside")
    assert [line.endswith("(trace_id=abc12345)") for line in logs.lines] == [True] * 12 + [False]
    assert re.search(r"\(trace_id=[0-9a-f]{8}\)$", logs.lines[-1])
    assert {error["trace_id"] for error in logs.errors} == {"abc12345"}


@pytest.mark.promise("M81")
def test_a_trace_goes_into_functions_threads_executors_and_tasks() -> None:
    found: list[str] = []

    def work(*_: object) -> None:
        found.append(get_trace_id())

    async def tasks() -> None:
        async def later() -> None:
            await asyncio.sleep(0)
            work()

        async with TraceIdContext("abc12345"):
            await asyncio.gather(later(), asyncio.create_task(later()), asyncio.to_thread(work))
        assert get_trace_id() != "abc12345"

    with TraceIdContext("abc12345"):
        work()
        thread = threading.Thread(target=carry(work))
        carried = carry(work)
    thread.start()
    thread.join()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(carried, range(20)))
        pool.submit(work).result()
    asyncio.run(tasks())
    assert found.count("abc12345") == 1 + 1 + 20 + 3
    assert len(found) == 26


@pytest.mark.promise("M78", "M80")
def test_each_run_of_a_job_is_a_trace() -> None:
    @traced
    def job(number: int) -> tuple[int, str]:
        """A job."""
        return number, get_trace_id()

    @traced
    async def batch() -> str:
        await asyncio.sleep(0)
        return get_trace_id()

    with TraceIdContext("abc12345"):
        ids = {job(1)[1], job(2)[1], asyncio.run(batch()), asyncio.run(batch())}
        assert get_trace_id() == "abc12345"
    assert len(ids - {"abc12345"}) == 4
    assert (job.__name__, job.__doc__, job(7)[0]) == ("job", "A job.", 7)
    with pytest.raises(ZeroDivisionError):
        traced(lambda: 1 / 0)()


@pytest.mark.promise("M79")
def test_a_command_is_a_trace_that_may_go_on_with_its_callers(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    code = "from hantu import *\nprint(start_trace() == get_trace_id())\nget_logger('shop').info('x')"
    for variables, expected in (
        ({}, r"[0-9a-f]{8}"),
        ({"HANTU_TRACE_ID": "abc12345"}, "abc12345"),
        ({"HANTU_TRACE_ID": "bad id\n"}, r"[0-9a-f]{8}"),
        ({"TRACEPARENT": W3C}, "4bf92f3577b34da6a3ce929d0e0e4736"),
    ):
        assert "True" in program(code, **variables).stdout
        assert re.search(rf"\(trace_id={expected}\)$", Logs(tmp_path / "logs").lines[-1])
    without = program("from hantu import get_trace_id; print(get_trace_id())", HANTU_TRACE_ID="abc12345")
    assert without.stdout == "abc12345\n"


def test_start_trace_takes_an_id() -> None:
    def run() -> None:
        assert start_trace("order-77") == get_trace_id() == "order-77"

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def flask_app() -> flask.Flask:
    app = flask.Flask("shop")
    trace_flask(app)

    @app.get("/")
    def order() -> str:
        get_logger("shop").info("in the view")
        return str(get_trace_id())

    @app.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[str]:
            for _ in range(3):
                yield get_trace_id() + "\n"

        return flask.Response(parts())

    return app


@pytest.mark.promise("M77")
def test_each_request_to_flask_is_a_trace(library: Library) -> None:
    logs = library()
    client = flask_app().test_client()
    first, second = client.get("/"), client.get("/")
    assert re.fullmatch("[0-9a-f]{8}", first.text)
    assert first.text != second.text
    assert first.headers["X-Request-ID"] == first.text
    assert [line.split("trace_id=")[1].rstrip(")") for line in logs.lines] == [first.text, second.text]
    outside = get_trace_id()
    lines = client.get("/stream", headers={"X-Request-ID": "req-1"}).text.split()
    assert lines == ["req-1"] * 3
    assert get_trace_id() == outside


@pytest.mark.promise("M77")
@pytest.mark.parametrize(
    ("headers", "trace_id", "answer"),
    [
        ({"X-Request-ID": "req-1"}, "req-1", "req-1"),
        ({"traceparent": W3C}, W3C[3:35], W3C[3:35]),
        ({"traceparent": W3C, "X-Request-ID": "req-1"}, W3C[3:35], "req-1"),
        (
            {"traceparent": "00-000000000000000000000000abc12345-00f067aa0ba902b7-01"},
            "abc12345",
            "abc12345",
        ),
        ({"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"}, None, None),
        ({"traceparent": "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, None, None),
        ({"X-Request-ID": "a b) [ERROR] forged"}, None, None),
        ({"X-Request-ID": "x" * 65}, None, None),
    ],
)
def test_a_request_goes_on_with_the_trace_of_its_headers(
    headers: dict[str, str], trace_id: str | None, answer: str | None
) -> None:
    response = flask_app().test_client().get("/", headers=headers)
    if trace_id is None:
        assert re.fullmatch("[0-9a-f]{8}", response.text)
    else:
        assert (response.text, response.headers["X-Request-ID"]) == (trace_id, answer)
    if "traceparent" in headers and trace_id is not None:
        assert of_traceparent(response.headers["traceparent"]) == trace_id
        assert response.headers["traceparent"] != headers["traceparent"]


def test_a_header_that_the_application_sets_stays() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("x-request-id", "its own")])
        return [environ["hantu.trace_id"].encode()]

    seen: list[tuple[str, str]] = []
    body = WsgiMiddleware(app)({}, lambda status, headers: seen.extend(headers))
    assert isinstance(body, list)
    assert seen == [("x-request-id", "its own")]


def test_a_response_is_closed_within_its_trace() -> None:
    closed: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield get_trace_id().encode()

        def close(self) -> None:
            closed.append(get_trace_id())

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Body:
        start_response("200 OK", [])
        return Body()

    body = WsgiMiddleware(app)({"HTTP_X_REQUEST_ID": "req-1"}, lambda *_: None)
    assert list(body) == [b"req-1"]
    body.close()  # type: ignore[attr-defined]  # PEP 3333: a body may have it
    assert closed == ["req-1"]


@pytest.mark.promise("M77")
def test_each_request_to_asgi_is_a_trace(library: Library) -> None:
    logs = library()

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        get_logger("shop").info("in %s", scope["type"])
        await asyncio.create_task(other())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": scope["hantu.trace_id"].encode()})

    async def other() -> None:
        get_logger("shop").info("in a task")

    async def ask(headers: list[tuple[bytes, bytes]], kind: str = "http") -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            raise AssertionError

        await AsgiMiddleware(app)({"type": kind, "headers": headers}, receive, send)
        return sent

    start, body = asyncio.run(ask([(b"X-Request-Id", b"req-1")]))
    assert start["headers"] == [(b"a", b"b"), (b"x-request-id", b"req-1")]
    assert body["body"] == b"req-1"
    assert [line.endswith("(trace_id=req-1)") for line in logs.lines] == [True, True]
    (start, body) = asyncio.run(ask([(b"traceparent", W3C.encode())]))
    assert body["body"] == W3C[3:35].encode()
    assert asyncio.run(ask([], "lifespan")) == []


def test_requests_to_others_carry_the_trace() -> None:
    with TraceIdContext("abc12345"):
        headers = trace_headers()
        assert headers["X-Request-ID"] == "abc12345"
        assert Incoming({"traceparent": headers["traceparent"]}).trace_id == "abc12345"
    with TraceIdContext("order-77"):
        assert trace_headers() == {"X-Request-ID": "order-77"}
    with TraceIdContext("123e4567-e89b-12d3-a456-426614174000"):
        assert of_traceparent(trace_headers()["traceparent"]) == "123e4567e89b12d3a456426614174000"


@given(st.text())
def test_no_header_makes_a_trace_id_that_a_line_could_not_hold(text: str) -> None:
    for headers in ({"x-request-id": text}, {"traceparent": text}):
        incoming = Incoming(headers)
        assert accepted(incoming.trace_id) == incoming.trace_id
        assert all(value.isascii() and value.isprintable() for value in incoming.answer.values())
    assert traceparent(text) is None or of_traceparent(traceparent(text)) is not None
