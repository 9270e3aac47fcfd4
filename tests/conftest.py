"""What all tests share: no thread dies unseen, and none is left behind.

A thread that ends with an exception is a warning of pytest's, and warnings are errors here."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from tests.waiting import wait_until

GROWN_MIB: Final = 128
# Programs that tests start keep their compiled modules, as on a user's machine: otherwise each start
# compiles them anew, which takes a third of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

hypothesis.settings.register_profile("hantu", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "hantu")


@pytest.fixture(scope="session", autouse=True)
def home_is_left_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs that wait in the home of who tests are neither delivered nor added to."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session", autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """At the end of all tests every thread of hantu's own has ended."""
    yield
    wait_until(lambda: not own_threads(), 10)


def own_threads() -> list[str]:
    """Names of hantu's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("hantu-")]


@pytest.fixture(scope="session")
def settled() -> list[int]:
    """How large this process was when its memory was last given back, MiB."""
    return [resident_mib()]


@pytest.fixture(scope="module", autouse=True)
def memory_is_given_back(settled: list[int]) -> Iterator[None]:
    """Thousands of stores in one process leave freed memory scattered, gigabytes in the end."""
    yield
    if resident_mib() - settled[0] > GROWN_MIB:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        settled[0] = resident_mib()


def resident_mib() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
