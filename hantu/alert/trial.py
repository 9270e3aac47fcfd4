"""A message that shows whether alerts arrive."""

from __future__ import annotations

import os
import time

from hantu.client.telegram import Bot, Telegram
from hantu.client.telegram_text import Head, message_text


def try_channel(channel: Telegram, place: str) -> Bot:
    """Send a message to the channel's chat; returns the bot that sent it. Raises ChannelError.

    place: who asked, as the message says it."""
    text = message_text(
        Head.SUCCESS,
        "hantu",
        time.time_ns(),
        place=place,
        message=f"{os.uname().nodename}의 hantu가 이 채팅으로 알림을 보낼 수 있습니다.",
    )
    bot = channel.me()
    channel.send(text)
    return bot
