"""The Bot API: what is sent, what refusals mean, and that the token is nowhere."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator

import pytest

from hantu.client.telegram import ChannelError, Telegram
from tests.client.bot_api import (
    BLOCKED,
    BROKEN,
    CHAT,
    DROP,
    GARBAGE,
    HANG,
    TOKEN,
    Answer,
    BotApi,
    flood,
    refusal,
)
from tests.waiting import wait_until


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


def channel(api: BotApi, *, token: str = TOKEN, chat_id: str = CHAT, limit_s: float = 5.0) -> Telegram:
    return Telegram(token, chat_id, api.url, connect_limit_s=limit_s, answer_limit_s=limit_s)


def failure(sender: Telegram) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        sender.send("안녕")
    return caught.value


def test_a_message_is_shown_in_the_chat(api: BotApi) -> None:
    channel(api).send("🚨 <b>에러</b> &lt;x&gt;")
    assert [(message.chat_id, message.text) for message in api.messages] == [(CHAT, "🚨 에러 <x>")]


def test_the_bot_says_who_it_is(api: BotApi) -> None:
    bot = channel(api).me()
    assert (bot.name, bot.username) == ("한투 알림", "hantu_test_bot")


@pytest.mark.promise("M61")
def test_429_says_how_long_to_wait(api: BotApi) -> None:
    api.answer(flood(17))
    error = failure(channel(api))
    assert (error.retry_after_s, error.permanent, error.refused) == (17.0, False, False)


@pytest.mark.promise("M61")
def test_429_without_parameters_is_read_from_its_header(api: BotApi) -> None:
    api.answer(Answer(429, {"ok": False, "error_code": 429}, headers=(("Retry-After", "9"),)))
    assert failure(channel(api)).retry_after_s == 9.0


def test_a_token_that_is_unknown_is_the_end(api: BotApi) -> None:
    error = failure(channel(api, token="1:other"))
    assert error.permanent
    assert str(error) == "Telegram does not know the bot token (401)"


@pytest.mark.parametrize("answer", [BLOCKED, refusal(404, "Not Found")])
def test_what_no_further_try_can_mend_is_the_end(api: BotApi, answer: Answer) -> None:
    api.answer(answer)
    assert failure(channel(api)).permanent


def test_a_chat_that_is_unknown_is_the_end(api: BotApi) -> None:
    error = failure(channel(api, chat_id="5"))
    assert error.permanent
    assert "chat id" in str(error)


def test_a_message_that_is_refused_is_not_the_end(api: BotApi) -> None:
    with pytest.raises(ChannelError, match="can't parse entities") as caught:
        channel(api).send("<nonsense>")
    assert caught.value.refused
    assert not caught.value.permanent


def test_a_group_that_became_a_supergroup_is_followed(api: BotApi) -> None:
    api.answer(refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=int(CHAT)))
    sender = channel(api, chat_id="-77")
    sender.send("하나")
    sender.send("둘")
    assert api.texts == ["하나", "둘"]
    assert sender.chat_id == CHAT


@pytest.mark.promise("M61")
@pytest.mark.parametrize("answer", [BROKEN, GARBAGE, DROP, Answer(200, body=b"[]"), Answer(500, body=b"")])
def test_an_answer_that_is_none_may_be_tried_again(api: BotApi, answer: Answer) -> None:
    api.answer(answer, answer)
    error = failure(channel(api))
    assert (error.permanent, error.refused, error.retry_after_s) == (False, False, None)


@pytest.mark.promise("M61")
def test_a_server_that_hangs_costs_no_more_than_its_limit(api: BotApi) -> None:
    api.answer(HANG)
    began = time.monotonic()
    error = failure(channel(api, limit_s=0.3))
    assert time.monotonic() - began < 3
    assert str(error) == "Telegram: did not answer within 0.3 s"


def test_a_call_that_hangs_can_be_cancelled(api: BotApi) -> None:
    api.answer(HANG)
    sender = channel(api, limit_s=60)
    caller = sender.caller()
    errors: list[ChannelError] = []

    def send() -> None:
        try:
            sender.send("안녕", caller)
        except ChannelError as error:
            errors.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    wait_until(lambda: api.calls)
    caller.cancel()
    thread.join(10)
    assert [str(error) for error in errors] == ["Telegram: the connection was closed without an answer"]


def test_a_server_that_is_down_is_told_as_such(api: BotApi) -> None:
    sender = channel(api)
    api.down()
    assert str(failure(sender)) == "Telegram: Connection refused"


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="telegram_api is no http:// or https:// address"):
        Telegram(TOKEN, CHAT, "api.telegram.org")


@pytest.mark.promise("M61")
@pytest.mark.parametrize("trouble", ["401", "429", "hang", "drop", "garbage", "down", "name", "newline"])
def test_the_token_is_in_no_text_of_any_failure(
    api: BotApi, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    token, url = TOKEN, api.url
    if trouble == "401":
        api.token = "1:changed"
    elif trouble == "down":
        api.down()
    elif trouble == "name":
        url = "http://no-such-host.invalid"
    elif trouble == "newline":
        token = TOKEN + "\nX: y"
    else:
        answer = {"429": flood(3), "hang": HANG, "drop": DROP, "garbage": GARBAGE}[trouble]
        api.answer(answer, answer)
    sender = Telegram(token, CHAT, url, connect_limit_s=0.3, answer_limit_s=0.3)
    written = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        try:
            sender.send("안녕")
        except ChannelError as error:
            linked: BaseException | None = error
            while linked is not None:
                written.write(f"{linked}{linked!r}{linked.args}")
                linked = linked.__cause__ or linked.__context__
            traceback.print_exception(error, file=written)
            logging.getLogger("app").exception("it failed")
        else:
            pytest.fail("nothing failed")
    written.write(f"{sender!r}{sender}{caplog.text}")
    secret = TOKEN.partition(":")[2]
    assert secret not in written.getvalue()
    assert "it failed" in caplog.text


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    channel(api).send("안녕")
    assert api.texts == ["안녕"]


def test_a_proxy_of_the_environment_is_asked_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve() -> None:
            connection, _ = proxy.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(
                    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )

        thread = threading.Thread(target=serve)
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(ChannelError):
            Telegram(TOKEN, CHAT).send("안녕")
        thread.join(10)
    assert asked[0].startswith(b"CONNECT api.telegram.org:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in asked[0]
    assert TOKEN.encode() not in asked[0]
