"""Preferences: what each account chose for its pages."""

from __future__ import annotations

from tests.contract.conftest import MakeStore


def test_an_account_finds_what_it_chose(make_store: MakeStore) -> None:
    store = make_store()
    assert store.preferences("kim") == {}
    store.prefer("kim", {"theme": "dark", "start": "/errors?status=all"})
    assert store.preferences("kim") == {"theme": "dark", "start": "/errors?status=all"}


def test_what_is_not_named_stays_and_an_empty_value_is_forgotten(make_store: MakeStore) -> None:
    store = make_store()
    store.prefer("kim", {"theme": "dark", "lang": "ko"})
    store.prefer("kim", {"theme": "light"})
    assert store.preferences("kim") == {"theme": "light", "lang": "ko"}
    store.prefer("kim", {"lang": "", "never": ""})
    assert store.preferences("kim") == {"theme": "light"}


def test_accounts_choose_for_themselves(make_store: MakeStore) -> None:
    store = make_store()
    store.prefer("", {"lang": "en"})
    store.prefer("kim", {"lang": "ko"})
    assert (store.preferences(""), store.preferences("kim"), store.preferences("lee")) == (
        {"lang": "en"},
        {"lang": "ko"},
        {},
    )
