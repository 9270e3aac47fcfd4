"""A live tail ends with what let it in: the session, the token, the time without accounts (S15)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from websocket import ABNF

from hantu.service import Service
from tests.waiting import wait_until
from tests.web.desk import line, store, token
from tests.web.livedesk import Desk, desk_over, subscribe, texts
from tests.web.peopledesk import PASSWORD, account

POLICY = 1008
SOON_S = 3.0
Headers = dict[str, str]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_over(tmp_path / "data") as started:
        yield started


def by_session(desk: Desk) -> Headers:
    account(desk.service, "jin")
    form = {"name": "jin", "password": PASSWORD}
    entered = requests.post(
        f"{desk.url}/login", data=form, headers={"Origin": desk.url}, allow_redirects=False, timeout=10
    )
    return {"Cookie": f"hantu={entered.cookies['hantu']}"}


def by_token(desk: Desk) -> Headers:
    account(desk.service, "jin")
    return token(desk.service, "read")


def by_being_here(_desk: Desk) -> Headers:
    return {}


def sign_out(service: Service) -> None:
    (session,) = service.store.sessions()
    service.accounts.change(lambda kept: kept.remove_session(session.digest))


def revoke(service: Service) -> None:
    service.pipeline.with_store(lambda kept: kept.remove_token("read program"))


def make_the_first_account(service: Service) -> None:
    account(service, "jin")


ENDS = pytest.mark.parametrize(
    ("come", "end"),
    [(by_session, sign_out), (by_token, revoke), (by_being_here, make_the_first_account)],
    ids=["session", "token", "no accounts"],
)


@ENDS
def test_a_socket_is_closed_within_seconds(
    desk: Desk,
    come: Callable[[Desk], Headers],
    end: Callable[[Service], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hantu.web.token_book.TOKEN_TTL_S", 0.2)
    client = desk.socket(**come(desk))
    subscribe(client, after=desk.service.signal.cursor)
    store(desk.service, [line("one")])
    assert texts(client, 1) == ["one"]
    end(desk.service)
    began = time.monotonic()
    frame = client.recv_frame()
    while frame.opcode != ABNF.OPCODE_CLOSE:
        frame = client.recv_frame()
    assert time.monotonic() - began < SOON_S
    assert int.from_bytes(frame.data[:2]) == POLICY
    wait_until(lambda: desk.service.tails.used == 0)


@ENDS
def test_a_stream_ends_within_seconds(
    desk: Desk,
    come: Callable[[Desk], Headers],
    end: Callable[[Service], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hantu.web.token_book.TOKEN_TTL_S", 0.2)
    headers = come(desk)
    with requests.get(f"{desk.url}/api/logs/stream", headers=headers, stream=True, timeout=10) as answer:
        pieces = answer.iter_content(None)
        assert b"retry" in next(pieces)
        end(desk.service)
        began = time.monotonic()
        for _ in pieces:
            continue
        assert time.monotonic() - began < SOON_S
    wait_until(lambda: desk.service.tails.used == 0)
    again = requests.get(f"{desk.url}/api/logs/stream", headers=headers, timeout=10)
    assert again.status_code == 401
