"""The Telegram channel of the settings; the Bot API itself is hantu.client.telegram."""

from __future__ import annotations

import html
import re

from hantu.client.telegram import Telegram
from hantu.config import Config


def channel_of(config: Config) -> Telegram | None:
    """The bot and chat of the settings, None unless both are set. Raises ValueError for a telegram_api
    that is no address."""
    if not (config.telegram_token and config.telegram_chat_id):
        return None
    return Telegram(config.telegram_token, config.telegram_chat_id, config.telegram_api)


def plain(text: str) -> str:
    """A message as a person reads it: without its markup, a link as its address."""
    shown = re.sub(r'<a href="([^"]*)">[^<]*</a>', r"\1", text)
    return html.unescape(re.sub(r"</?pre>", "", shown))
