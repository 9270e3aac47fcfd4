"""The mask of the log library: hantu's rules, with the application's own."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from hantu.client.config import ClientConfig
from hantu.mask import DEFAULT_RULES, MASKED, Needle, Rule, SensitiveDataFilter

_SECRET_LEAST: Final = 6


def filter_of(config: ClientConfig) -> SensitiveDataFilter:
    """The filter that every text goes through."""
    own = [
        Rule(f"own {number}", re.compile(pattern), replacement)
        for number, (pattern, replacement) in enumerate(config.mask_rules, 1)
    ]
    secrets = [unquote(urlsplit(config.dsn).username or ""), config.telegram_token]
    named = [_secret(secret) for secret in secrets if len(secret) >= _SECRET_LEAST]
    return SensitiveDataFilter((*DEFAULT_RULES, *named, *own), extra_keys=config.mask_keys)


def _secret(secret: str) -> Rule:
    """A rule for one of the library's own secrets, wherever it stands."""
    needle = Needle(secret.encode()) if secret.isascii() else secret
    return Rule("own secret", re.compile(re.escape(secret)), MASKED, (needle,))


def masked_context(mask: SensitiveDataFilter, context: dict[str, Any]) -> dict[str, Any]:
    """The context masked: its values, and what secrets its keys hold."""
    masked = mask.mask_metadata(context)
    return _keys_masked(mask, masked) if masked else masked


def _keys_masked(mask: SensitiveDataFilter, value: Any) -> Any:
    if isinstance(value, dict):
        return {mask.mask(key): _keys_masked(mask, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_keys_masked(mask, each) for each in value]
    return value
