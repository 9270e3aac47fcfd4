"""The first hantu.toml: every setting, commented out, with what it means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from hantu.config import SECRET_KEYS, Setting, settings

_HEAD: Final = """\
# Settings of hantu. What is commented out has the value that is shown; `hantu doctor` prints all of them
# with where each came from. After a change: sudo systemctl restart hantu
#
# Secrets have files of their own, which only root reads and systemd hands to the service:
#   sudo install -d -m 700 /etc/credstore
#   sudo sh -c 'umask 077; cat > /etc/credstore/hantu.telegram_token'
"""


def first_settings() -> str:
    """The text of the file."""
    return _HEAD + "".join(_lines(setting) for setting in settings())


def _lines(setting: Setting) -> str:
    if setting.key in SECRET_KEYS:
        return f"\n# {setting.help}: /etc/credstore/hantu.{setting.key}\n"
    return f"\n# {setting.help}\n# Allowed: {setting.allowed}\n# {setting.key} = {_toml(setting.default)}\n"


def _toml(value: object) -> str:
    """A default as TOML says it; None is the empty text that each optional setting takes."""
    if value is None:
        return '""'
    if isinstance(value, Path):
        return json.dumps(str(value))
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)
