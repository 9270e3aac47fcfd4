"""Preferences in memory: PreferenceStorage as plainly as it can be said."""

from __future__ import annotations

from collections.abc import Mapping


class MemoryPreferences:
    """What accounts chose, until the end of the process."""

    def __init__(self) -> None:
        self._preferences: dict[str, dict[str, str]] = {}

    def preferences(self, account: str) -> dict[str, str]:
        """Everything the account chose."""
        return dict(self._preferences.get(account, {}))

    def prefer(self, account: str, chosen: Mapping[str, str]) -> None:
        """Remember these."""
        known = {**self._preferences.get(account, {}), **chosen}
        self._preferences[account] = {name: value for name, value in known.items() if value}
