"""A scheduler's job with hantu's log library: each call of it is a trace of its own.

`python examples/price_job.py 3` runs it three times; the second of three finds the broker closed."""

from __future__ import annotations

import sys
import threading

from hantu import carry, get_logger, shutdown, traced

logger = get_logger("core.scheduler.prices")


class BrokerClosed(Exception):
    """The broker takes no requests."""


def fetch(symbol: str, number: int) -> int:
    """The price of a symbol. Raises BrokerClosed."""
    logger.debug("GET /quotes/%s token=%s", symbol, "Bearer eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl")
    if number % 3 == 1:
        raise BrokerClosed(f"maintenance window {number}")
    return 71_200 + number


@traced
def sync_prices(number: int) -> None:
    """Fetch in a thread, which goes on with the job's trace id."""
    logger.info("가격 동기화 시작 %s", number)

    def work() -> None:
        try:
            price = fetch("005930", number)
        except BrokerClosed:
            logger.error("가격 동기화 실패", exc_info=True)
        else:
            logger.success("005930 %s원", price)

    thread = threading.Thread(target=carry(work))
    thread.start()
    thread.join()
    if number % 3 == 2:
        logger.warning("가격 동기화가 늦음")


if __name__ == "__main__":
    for turn in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        sync_prices(turn)
    shutdown()
