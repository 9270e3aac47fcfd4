"""What a store promises of preferences, which each account chose for its pages
(tests/contract/test_preferences.py).

account: "" for everybody who did not sign in. Reading may happen on any thread, writing on one at
a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class PreferenceStorage(Protocol):
    """Names and values that pages remember for an account."""

    def preferences(self, account: str) -> dict[str, str]:
        """Everything the account chose, by name."""
        ...

    def prefer(self, account: str, chosen: Mapping[str, str]) -> None:
        """Remember these; an empty value forgets the name. What is not named stays."""
        ...
