"""No secret reaches a file, a stream or delivery, wherever in a call it stands (M56, S16)."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu import HantuHandler, get_logger
from hantu.client import lifecycle
from hantu.errors import ErrorRecord
from tests.client.logs import Logs

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
core = st.text(LETTERS, min_size=24, max_size=40)

SECRETS: dict[str, Callable[[str], str]] = {
    "password": lambda core: f"password={core}",
    "json": lambda core: json.dumps({"api_key": core}),
    "bearer": lambda core: f"Authorization: Bearer {core}7",
    "url": lambda core: f"postgres://app:{core}@db:5432/orders",
    "github": lambda core: f"ghp_{core}{core}",
    "jwt": lambda core: f"eyJhbGciOiJIUzI1NiJ9.eyJ{core}.{core}",
    "korean": lambda core: f"비밀번호: {core}",
}


class Carrier:
    """Shows a secret in its str and in its repr."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"<Carrier {self.secret}>"


def raise_with(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise RuntimeError(f"failed: {secret}") from error


def log_caught(logger: Any, level: str, secret: str) -> None:
    try:
        raise_with(secret)
    except RuntimeError:
        getattr(logger, level)("failed", exc_info=True)


def through_logging(logger: Any, level: str, secret: str) -> None:
    own = logging.Logger("other")
    own.addHandler(HantuHandler())
    call = getattr(own, "info" if level == "success" else level)
    call("x %s", secret, extra={"note": Carrier(secret)})
    try:
        raise_with(secret)
    except RuntimeError:
        call("x", exc_info=True)


PLACES: dict[str, Callable[[Any, str, str], object]] = {
    "message": lambda logger, level, secret: getattr(logger, level)(f"got {secret}"),
    "lines": lambda logger, level, secret: getattr(logger, level)(f"first\n{secret}\nlast"),
    "argument": lambda logger, level, secret: getattr(logger, level)("got %s", secret),
    "object": lambda logger, level, secret: getattr(logger, level)("got %s", Carrier(secret)),
    "bad format": lambda logger, level, secret: getattr(logger, level)("got %d", secret),
    "mapping": lambda logger, level, secret: getattr(logger, level)("got %(a)s", {"a": secret}),
    "long": lambda logger, level, secret: getattr(logger, level)("x " * 16_384 + secret + " x" * 20_000),
    "exception": log_caught,
    "extra": lambda logger, level, secret: getattr(logger, level)("x", extra={"note": secret}),
    "nested": lambda logger, level, secret: getattr(logger, level)(
        "x", context={"a": [{"b": (secret, {secret})}], "c": Carrier(secret)}
    ),
    "bytes": lambda logger, level, secret: getattr(logger, level)("x", note=secret.encode()),
    "key": lambda logger, level, secret: getattr(logger, level)("x", context={secret: 1}),
    "bound": lambda logger, level, secret: getattr(logger.bind(note=secret), level)("x"),
    "logging": through_logging,
}


class Kept:
    """Stands for delivery: keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[ErrorRecord] = []

    def submit(self, record: ErrorRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept(library: Callable[..., Logs]) -> tuple[Logs, Kept]:
    logs, delivery = library(flush_ms=0), Kept()
    desk = lifecycle.current.desk
    assert desk is not None
    desk._delivery = delivery
    return logs, delivery


@pytest.mark.promise("M56")
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    core=core,
    kind=st.sampled_from(sorted(SECRETS)),
    place=st.sampled_from(sorted(PLACES)),
    level=st.sampled_from(["debug", "info", "success", "warning", "error", "critical"]),
)
def test_no_secret_is_written_anywhere(
    kept: tuple[Logs, Kept], core: str, kind: str, place: str, level: str
) -> None:
    logs, delivery = kept
    delivery.records.clear()
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        PLACES[place](get_logger("shop"), level, SECRETS[kind](core))
    finally:
        sys.stdout, sys.stderr = before
    written = logs.everything()
    assert written
    for path in [path for path in logs.folder.rglob("*") if path.is_file()]:
        path.unlink()
    for text in (written.decode(), out.getvalue(), err.getvalue(), repr(delivery.records)):
        assert core not in text
    if level in ("error", "critical"):
        assert delivery.records


@pytest.mark.promise("M56")
def test_keys_and_rules_of_the_application_are_masked_too(library: Callable[..., Logs]) -> None:
    logs = library(mask_keys=["internal_code"], mask_rules=[(r"주문-(\d\d)\d+", r"주문-\1**")])
    get_logger("shop").error("주문-123456 internal_code=abc", internal_code="xyz", note="주문-987654")
    text = logs.everything().decode()
    for secret in ("123456", "abc", "xyz", "987654"):
        assert secret not in text
    assert "주문-12**" in text


def test_the_librarys_own_secrets_are_masked(
    library: Callable[..., Logs], capfd: pytest.CaptureFixture[str]
) -> None:
    logs = library(dsn="http://Tok3nOfIngest@127.0.0.1:9", telegram_token="", exit_flush_s=0)
    get_logger("shop").info("the token is Tok3nOfIngest, dsn http://Tok3nOfIngest@127.0.0.1:9")
    assert "Tok3nOfIngest" not in logs.text
    assert "Tok3nOfIngest" not in repr(lifecycle.current.config) + repr(lifecycle.status())
