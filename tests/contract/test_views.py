"""What every store keeps of saved views."""

from __future__ import annotations

import pytest

from hantu.store.base import LogStorage
from hantu.store.view_base import VIEWS_MOST, SavedView, TakenName, WrongView


def view(name: str, address: str = "/logs?q=level%3Aerror", account: str = "", at_ns: int = 1) -> SavedView:
    return SavedView(account, name, address, at_ns)


def names(store: LogStorage, account: str = "") -> list[str]:
    return [each.name for each in store.views(account)]


def test_views_come_by_name_an_accounts_own_before_everybodys(store: LogStorage) -> None:
    for saved in (
        view("zeta"),
        view("Alpha"),
        view("주문 실패"),
        view("alpha", account="kim"),
        view("zeta", account="kim"),
    ):
        store.save_view(saved)
    store.save_view(view("secret", account="lee"))
    assert [(each.name, each.account) for each in store.views("kim")] == [
        ("Alpha", ""),
        ("alpha", "kim"),
        ("zeta", "kim"),
        ("zeta", ""),
        ("주문 실패", ""),
    ]
    assert names(store) == ["Alpha", "zeta", "주문 실패"]


def test_a_view_saved_again_has_its_new_address_and_its_old_date(store: LogStorage) -> None:
    store.save_view(view("errors", at_ns=1))
    store.save_view(view(" errors ", "/logs?q=fatal", at_ns=2))
    assert store.views("") == (SavedView("", "errors", "/logs?q=fatal", 1),)


def test_a_view_is_renamed_but_not_onto_another(store: LogStorage) -> None:
    store.save_view(view("a"))
    store.save_view(view("b", "/errors"))
    with pytest.raises(TakenName):
        store.rename_view("", "a", "b")
    assert store.rename_view("", "a", " 에러  모음 ")
    assert store.rename_view("", "b", "b")
    assert not store.rename_view("kim", "b", "c")
    assert names(store) == ["b", "에러 모음"]


def test_a_view_is_removed_once(store: LogStorage) -> None:
    store.save_view(view("a"))
    assert not store.remove_view("kim", "a")
    assert store.remove_view("", "a")
    assert not store.remove_view("", "a")
    assert names(store) == []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("", "/logs"),
        ("   ", "/logs"),
        ("x" * 61, "/logs"),
        ("a\u202eb", "/logs"),
        ("a", "https://evil.example/"),
        ("a", "//evil.example/"),
        ("a", "/\\evil.example/"),
        ("a", "/logs\r\nSet-Cookie: a=b"),
        ("a", "javascript:alert(1)"),
        ("a", "/logs?q=" + "x" * 9_000),
    ],
)
def test_a_view_without_a_name_or_with_a_foreign_address_is_refused(
    store: LogStorage, name: str, address: str
) -> None:
    with pytest.raises(WrongView):
        store.save_view(view(name, address))
    assert names(store) == []


def test_an_account_has_a_bounded_number_of_views(store: LogStorage) -> None:
    for number in range(VIEWS_MOST):
        store.save_view(view(f"view {number}"))
    with pytest.raises(WrongView):
        store.save_view(view("one more"))
    store.save_view(view("view 7", "/errors"))
    store.save_view(view("one more", account="kim"))
    assert len(names(store)) == VIEWS_MOST
