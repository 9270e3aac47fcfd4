"""Each journey walked in Chromium, with a picture of every step in build/screens.

`HANTU_JOURNEYS=all` walks each in every size, theme and language, with and without script, and takes
pictures of whole pages; else each is walked in a few that meet every one of these."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests import browser as chromium
from tests.browser import reading
from tests.e2e import walks
from tests.e2e.journeydesk import JourneyDesk, journey_desk
from tests.e2e.walker import EVERY, FEW, PATIENCE_MS, Variant, Walker
from tests.web.desk import app_of, running_service, served

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(600)]
browser = chromium.browser

ALL: Final = os.environ.get("HANTU_JOURNEYS") == "all"


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """What is waited for may take long: others use this machine, too."""
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def desk() -> Iterator[JourneyDesk]:
    with tempfile.TemporaryDirectory(prefix="hantu-") as folder, journey_desk(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that has nothing yet."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    with running_service(folder) as service, served(app_of(service)) as port:
        yield f"http://127.0.0.1:{port}"


def variants(choice: int) -> pytest.MarkDecorator:
    """Runs a test in every variant, or in one of the few choices."""
    chosen = EVERY if ALL else FEW[choice]
    return pytest.mark.parametrize("variant", chosen, ids=[variant.name for variant in chosen])


def walked(browser: Browser, base: str, variant: Variant, walk: Callable[[Walker], None]) -> None:
    """Walk, and find nothing wrong on the way."""
    with reading(
        browser,
        base,
        size=variant.size,
        locale=variant.locale,
        dark=variant.dark,
        script=variant.script,
    ) as reader:
        walker = Walker(reader, variant, whole=ALL)
        walk(walker)
        # A wrong search is answered with 400, which a browser tells in its console.
        complaints = [text for text in reader.complaints if "400 (BAD REQUEST)" not in text]
        assert [*walker.wrong, *complaints] == []


@pytest.mark.promise("M83")
@variants(0)
def test_the_developers_journey(browser: Browser, desk: JourneyDesk, variant: Variant) -> None:
    walked(browser, desk.base, variant, lambda walker: walks.developer(walker, desk))


@pytest.mark.promise("M84", "M55")
@variants(1)
def test_the_debugging_journey(browser: Browser, desk: JourneyDesk, variant: Variant) -> None:
    walked(browser, desk.base, variant, lambda walker: walks.debugging(walker, desk))


@pytest.mark.promise("M85", "M24")
@variants(0)
def test_the_operators_journey(browser: Browser, desk: JourneyDesk, variant: Variant) -> None:
    walked(browser, desk.base, variant, lambda walker: walks.operator(walker, desk))


@pytest.mark.promise("M41")
@variants(1)
def test_the_logs_are_searched_opened_and_followed(
    browser: Browser, desk: JourneyDesk, variant: Variant
) -> None:
    walked(browser, desk.base, variant, lambda walker: walks.reader(walker, desk))


@variants(0)
def test_runs_are_looked_at(browser: Browser, desk: JourneyDesk, variant: Variant) -> None:
    walked(browser, desk.base, variant, lambda walker: walks.runs(walker, desk))


@variants(1)
def test_the_first_minutes(browser: Browser, empty: str, variant: Variant) -> None:
    walked(browser, empty, variant, walks.newcomer)
