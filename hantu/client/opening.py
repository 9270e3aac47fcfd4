"""The delivery side as the settings ask for it."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from hantu.client import health as health_module
from hantu.client.delivery import Delivery
from hantu.client.disk import DiskGuard
from hantu.client.files import prune
from hantu.client.health import Fault, Health
from hantu.client.outbox import Pace
from hantu.client.room import Room
from hantu.client.sink import open_sink

if TYPE_CHECKING:
    from hantu.client.config import ClientConfig
    from hantu.client.notifier import Notifier
    from hantu.errors import ErrorRecord


STARTING: Final = "로깅 시스템 오류"
_LIMIT_S: Final = 2.0


def open_notifier(config: ClientConfig, *, health: Health = health_module.current) -> Notifier | None:
    """What tells people; None without a bot token and a chat. Raises ValueError for a wrong address."""
    health.cleared(Fault.TELEGRAM)
    if not config.telegram_token or not config.telegram_chat_id:
        return None
    # Only for programs with a bot: http.client alone takes longer to load than all the rest.
    from hantu.client.cooldown import Cooldown
    from hantu.client.notifier import Notifier
    from hantu.client.telegram import Telegram

    channel = Telegram(config.telegram_token, config.telegram_chat_id, config.telegram_api)
    cooldown = Cooldown(config.log_dir, cooldown_s=config.cooldown_s)
    return Notifier(
        channel, cooldown, service=config.service, errors_dir=config.log_dir / "errors", health=health
    )


def open_delivery(
    config: ClientConfig,
    notifier: Notifier | None,
    *,
    health: Health = health_module.current,
    on_stored: Callable[[Sequence[ErrorRecord]], None] | None = None,
) -> Delivery:
    """What takes errors; nothing is connected and no thread runs yet. Raises ValueError for a wrong DSN."""
    sink = open_sink(config.dsn)
    # What failed before was another's: these settings have not been tried yet.
    for kind in (Fault.DATABASE, Fault.QUEUE):
        health.cleared(kind)
    return Delivery(
        sink,
        notifier,
        pace=Pace(config.batch_errors, config.batch_s, config.retry_s, config.retries),
        room=Room(config.queue_errors, max(config.queue_errors, Room().most)),
        health=health,
        on_stored=on_stored,
    )


def open_guard(
    config: ClientConfig, notifier: Notifier | None, *, health: Health = health_module.current
) -> DiskGuard:
    """What helps when the local files cannot be written."""

    def clean(*, spare_unsent: bool) -> int:
        today = date.today()  # noqa: DTZ011  files are named after local days
        return len(
            prune(config.log_dir, keep_days=config.retention_days, today=today, spare_unsent=spare_unsent)
        )

    cleanings = (lambda: clean(spare_unsent=True), lambda: clean(spare_unsent=False))
    return DiskGuard(config.log_dir, cleanings, notifier, health=health)


def tell_start_failure(config: ClientConfig | None, environ: Mapping[str, str], reason: str) -> None:
    """Tell people that the library could not start, as far as it is known how (M67).

    config None: not even the settings could be read. reason: masked. Raises what Telegram() does."""
    token = environ.get("HANTU_TELEGRAM_TOKEN", "") if config is None else config.telegram_token
    chat_id = environ.get("HANTU_TELEGRAM_CHAT_ID", "") if config is None else config.telegram_chat_id
    if not token or not chat_id:
        return
    from hantu.client.cooldown import Cooldown
    from hantu.client.notifier import Notifier
    from hantu.client.telegram import PUBLIC_API, Telegram

    api = environ.get("HANTU_TELEGRAM_API", PUBLIC_API) if config is None else config.telegram_api
    notifier = Notifier(
        Telegram(token, chat_id, api),
        Cooldown(
            None if config is None else config.log_dir,
            cooldown_s=300 if config is None else config.cooldown_s,
        ),
        service=environ.get("HANTU_SERVICE", "hantu") if config is None else config.service,
    )
    notifier.tell_fault(
        STARTING,
        f"로그 라이브러리를 시작하지 못해 stderr로만 출력합니다. 애플리케이션은 계속 동작합니다.\n{reason}",
    )
    atexit.register(notifier.stop, _LIMIT_S)


def tell_wrong_settings(delivery: Delivery, reason: str) -> None:
    """Tell people that variables are wrong and their defaults are used (M67). reason: masked."""
    if delivery.notifier is not None:
        delivery.notifier.tell_fault(STARTING, f"설정이 잘못되어 기본값으로 동작합니다.\n{reason}")
