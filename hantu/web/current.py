"""The service behind the request being answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from flask import current_app

from hantu.service import Service
from hantu.store.error_base import ErrorStorage
from hantu.store.execution_base import ExecutionStorage

T = TypeVar("T")


def service() -> Service:
    """The Service that create_app was given."""
    return cast(Service, current_app.extensions["hantu"])


def errors() -> ErrorStorage:
    """The store of errors, for reading."""
    return service().store


def change_errors(work: Callable[[ErrorStorage], T]) -> T:
    """Run work(store of errors) between two commits: the way to write."""
    return service().pipeline.with_store(work)


def executions() -> ExecutionStorage:
    """The store of executions, for reading."""
    return service().store


def change_executions(work: Callable[[ExecutionStorage], T]) -> T:
    """Run work(store of executions) in one transaction, perhaps with others': the way to write."""
    return service().changes.change(work)
