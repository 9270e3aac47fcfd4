"""The UUID of an entry carries its key."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.store.ids import KEY_MOST, STORE_ID_BITS, EntryIds, new_store_id

STORES = st.integers(0, (1 << STORE_ID_BITS) - 1)
KEYS = st.integers(1, KEY_MOST)


@pytest.mark.promise("M3")
@given(STORES, KEYS)
def test_every_key_comes_back_from_its_uuid(store_id: int, key: int) -> None:
    ids = EntryIds(store_id)
    text = ids.text(key)
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert ids.octets(key) == parsed.bytes
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert ids.key(text) == key
    assert ids.key(text.upper()) == key


@given(STORES, STORES, KEYS)
def test_a_uuid_of_another_store_is_unknown(one: int, other: int, key: int) -> None:
    if one != other:
        assert EntryIds(one).key(EntryIds(other).text(key)) is None


@given(st.text() | st.uuids().map(str))
def test_any_other_text_is_unknown(text: str) -> None:
    assert EntryIds(new_store_id()).key(text) is None


def test_uuids_of_one_store_sort_by_key() -> None:
    ids = EntryIds(new_store_id())
    keys = [1, 9, 255, 1 << 31, (1 << 48) - 1, 1 << 48, KEY_MOST]
    assert sorted(map(ids.text, keys)) == list(map(ids.text, keys))


@pytest.mark.parametrize("text", ["", "x" * 36, "00000000-0000-8000-8000-00000000000g"])
def test_what_is_no_uuid_is_unknown(text: str) -> None:
    assert EntryIds(0).key(text) is None


def test_key_zero_is_no_entry() -> None:
    assert EntryIds(0).key(EntryIds(0).text(0)) is None


@pytest.mark.parametrize("store_id", [-1, 1 << STORE_ID_BITS])
def test_a_store_id_that_does_not_fit_is_refused(store_id: int) -> None:
    with pytest.raises(ValueError, match="60 bits"):
        EntryIds(store_id)
