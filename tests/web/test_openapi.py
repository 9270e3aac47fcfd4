"""/api/openapi.json: complete, and true."""

from __future__ import annotations

import re
from collections.abc import Iterator

import flask
import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from hantu.model import LogLevel
from hantu.service import Service
from hantu.web.api_logs import SOURCE_SCHEMA
from tests.web.desk import line, store
from tests.web.errordesk import kinds

PROGRAM_PATHS = ("/api/", "/healthz", "/metrics")
ENDLESS = "/api/logs/stream"
EXAMPLES = 20
METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH"}
"""Checked elsewhere: a HEAD is Flask's, an OPTIONS too."""

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def declared(app: flask.Flask) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = app.test_client().get("/api/openapi.json").get_json()["paths"]
    return found


def test_description_names_every_route_there_is(app: flask.Flask) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PROGRAM_PATHS)
        for method in (rule.methods or set()) & METHODS
    }
    described = {(path, method.upper()) for path, item in declared(app).items() for method in item}
    assert described == routes


@pytest.fixture
def admin(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.control_token}"}


def test_description_is_well_formed(app: flask.Flask, admin: dict[str, str]) -> None:
    schemathesis.openapi.from_wsgi("/api/openapi.json", app, headers=admin).validate()


def operations(app: flask.Flask, headers: dict[str, str]) -> Iterator[schemathesis.schemas.APIOperation]:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, headers=headers)
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path != ENDLESS:
            yield operation


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_described_whatever_is_asked(
    app: flask.Flask, service: Service, admin: dict[str, str], mode: GenerationMode
) -> None:
    store(service, [line(f"주문 {n}", level=LogLevel(n % 6), metadata={"n": n}) for n in range(30)])
    store(service, kinds(9))
    asked = 0
    for operation in operations(app, admin):
        if _can_be(operation, mode):
            asked += _ask(operation, mode, admin)
    assert asked > EXAMPLES


def _ask(
    operation: schemathesis.schemas.APIOperation, mode: GenerationMode, headers: dict[str, str]
) -> int:
    """Ask EXAMPLES times, check each answer; returns how many there were."""
    # A bad line of an ingestion costs only itself: the rest is taken, the answer is 200.
    strict = mode is GenerationMode.NEGATIVE and operation.path != "/api/ingest"
    checks = [*CHECKS, negative_data_rejection] if strict else CHECKS
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        nonlocal asked
        # An empty parameter counts as absent, as forms send it: nothing wrong to refuse.
        assume(mode is GenerationMode.POSITIVE or "" not in (case.query or {}).values())
        # A wrong source may be the name of a route: then that route answers, as it should.
        assume((case.path_parameters or {}).get("source") not in SOURCE_SCHEMA["not"]["enum"])
        asked += 1
        # What is compressed is looked at by test_compress.py; this client would not unpack it.
        case.call_and_validate(headers={**headers, "Accept-Encoding": "identity"}, checks=checks)

    ask()
    return asked


def _can_be(operation: schemathesis.schemas.APIOperation, mode: GenerationMode) -> bool:
    """Whether there is anything to get wrong."""
    if mode is GenerationMode.POSITIVE:
        return True
    return bool(list(operation.query)) or bool(list(operation.body))


def test_client_is_told_the_methods_of_a_route(client: FlaskClient) -> None:
    answer = client.delete("/api/logs", headers={"Origin": "http://localhost"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.get_json()["error"]["code"] == "method_not_allowed"
