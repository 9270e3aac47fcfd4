"""The Telegram channel of the settings; the Bot API itself is hantu.client.telegram."""

from __future__ import annotations

from hantu.client.telegram import Telegram
from hantu.config import Config


def channel_of(config: Config) -> Telegram | None:
    """The bot and chat of the settings, None unless both are set. Raises ValueError for a telegram_api
    that is no address."""
    if not (config.telegram_token and config.telegram_chat_id):
        return None
    return Telegram(config.telegram_token, config.telegram_chat_id, config.telegram_api)
