"""/settings/keeping, /collecting, /alerts, /service: the settings of the service, where each came from and
how to change it. They are read at the start, so pages show them and do not change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, request

from hantu.alert import channel_of, try_channel
from hantu.client.telegram import ChannelError
from hantu.config import DEFAULT_FILE, SECRET_KEYS, Setting, settings
from hantu.web import i18n, sentences
from hantu.web.command import command
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import see
from hantu.web.settings import section_page

KEYS: Final = {
    "keeping": ("retention", "error_retention_", "execution_", "artifact_", "maintenance_", "backup_"),
    "collecting": ("docker", "journal", "files", "file_", "log_dir", "reconnect", "mask", "batch_"),
    "alerts": ("telegram_", "cooldown_", "report_", "public_url"),
}
"""How the names of a section's settings begin; "service" has all others."""

LEADS: Final = {
    "keeping": "How long what was stored stays.",
    "collecting": "What is read, and what happens to it on the way.",
    "alerts": "Who is told of errors, and how often.",
    "service": "Where hantu answers, and its limits.",
}
EXAMPLES: Final = {
    "keeping": "retention_days = 14",
    "collecting": 'files = ["/var/log/*.log", "/srv/*/logs/**/*.log"]',
    "alerts": 'telegram_chat_id = "123456789"',
    "service": "query_limit_ms = 8000",
}
SIZES: Final = frozenset(("retention_bytes", "artifact_bytes"))


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as the page shows it. value: "" for none; origin: "" for the default."""

    key: str
    help: str
    value: str
    origin: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of these pages."""
    for section in LEADS:
        blueprint.add_url_rule(
            f"/settings/{section}", view_func=_view(section), endpoint=f"settings_{section}"
        )
    blueprint.add_url_rule("/settings/alerts/test", view_func=try_alerts, methods=["POST"])


def section_of(key: str) -> str:
    """The section that shows this setting."""
    return next((name for name, starts in KEYS.items() if key.startswith(starts)), "service")


def try_alerts() -> Response:
    """Send a message that shows whether alerts arrive."""
    channel = channel_of(service().config)
    if channel is None:
        raise ApiError(
            409, i18n.translate("No channel is set: telegram_token and telegram_chat_id name one.")
        )
    try:
        bot = try_channel(channel, "/settings/alerts")
    except ChannelError as error:
        return _page("alerts", status=502, failed=sentences.say(str(error)))
    engine = service().alerts
    if engine is not None:
        engine.retry()
    return see(f"/settings/alerts?sent={bot.username}", 303)


def _view(section: str) -> Callable[[], Response]:
    def view() -> Response:
        return _page(section)

    return view


def _page(section: str, *, status: int = 200, failed: str = "") -> Response:
    origins = service().origins
    return section_page(
        "settings/alerts.html" if section == "alerts" else "settings/values.html",
        section,
        status=status,
        lead=i18n.translate(LEADS[section]),
        shown=[_shown(setting) for setting in settings() if section_of(setting.key) == section],
        example=EXAMPLES[section],
        file=next((Path(origin) for origin in origins.values() if origin.startswith("/")), DEFAULT_FILE),
        test_command=command(service().config, "notify", "test"),
        channel=service().alerts is not None,
        sent=request.args.get("sent", ""),
        failed=failed,
    )


def _shown(setting: Setting) -> Shown:
    config, origins = service().config, service().origins
    origin = origins.get(setting.key, "default")
    value = getattr(config, setting.key)
    if setting.key in SECRET_KEYS:
        text = i18n.translate("set, not shown") if value else ""
    else:
        text = _text(setting.key, value)
    return Shown(setting.key, setting.help, text, "" if origin == "default" else origin)


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key in SIZES:
        return i18n.size(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {part}" for name, part in value.items())
    if isinstance(value, (tuple, list)):
        return ", ".join(str(part) for part in value)
    return str(value)
