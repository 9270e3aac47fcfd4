"""docs/api.md: it names every route, and its examples work."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from urllib.parse import quote, urlencode, urlsplit

import flask
import pytest

from hantu.executions import Artifact, Execution, NewArtifact, NewExecution
from hantu.paths import ROOT
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.error_base import ErrorQuery
from hantu.web.errors import PROGRAM_PATHS
from hantu.web.ingest import EXPANDED_BYTES_MOST, ITEMS_MOST
from tests.web.desk import NOW_NS, store
from tests.web.errordesk import record

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(curl .*?)\n```", PAGE, re.DOTALL)
METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH"}

_CURL = argparse.ArgumentParser()
_CURL.add_argument("url")
_CURL.add_argument("-X", default="GET", dest="method")
_CURL.add_argument("-H", action="append", default=[], dest="headers")
_CURL.add_argument("-d", action="append", default=[], dest="data")
_CURL.add_argument("--data-urlencode", action="append", default=[], dest="encoded")
_CURL.add_argument("-o")
_CURL.add_argument("-G", action="store_true")
_CURL.add_argument("-N", action="store_true")


def test_every_route_has_its_heading(app: flask.Flask) -> None:
    missing = [
        heading
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PROGRAM_PATHS)
        for method in (rule.methods or set()) & METHODS
        if (heading := f"### `{'WS' if rule.websocket else method} {_braced(rule.rule)}`") not in PAGE
    ]
    assert missing == []


def test_every_heading_is_a_route(app: flask.Flask) -> None:
    known = {_braced(rule.rule) for rule in app.url_map.iter_rules()}
    named = re.findall(r"^### `\w+ (\S+)`$", PAGE, re.MULTILINE)
    assert [path for path in named if path not in known] == []


def _braced(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def test_every_parameter_is_described(app: flask.Flask) -> None:
    described = app.test_client().get("/api/openapi.json").get_json()
    names = {
        parameter["name"]
        for item in described["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE and f"`{name}=" not in PAGE] == []


def test_limits_are_as_described() -> None:
    assert f"{EXPANDED_BYTES_MOST // 2**20} MB" in PAGE
    assert f"{ITEMS_MOST:,} entries" in PAGE


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_works(app: flask.Flask, service: Service, example: str) -> None:
    store(service, [record("주문 실패")])
    (entry,) = service.store.export(LogQuery())
    (error,) = service.store.errors(ErrorQuery()).groups
    run = _waiting(service)
    if "/accounts/jin" in example:
        service.accounts.begin_with("jin", "long enough", address="", agent="")
    known = {
        "$ID": entry.id,
        "$EXECUTION": run.id,
        "$ARTIFACT": _artifact(service, run).id,
        "$TOKEN": service.control_token,
        "$KEY": "docker:none",
        "$ERROR": str(error.group_no),
    }
    for name, value in known.items():
        example = example.replace(name, value)
    asked = _CURL.parse_args(shlex.split(example)[1:])
    parts = urlsplit(asked.url)
    query, body = parts.query, "&".join(asked.data)
    if asked.G:
        pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in asked.encoded)]
        query = "&".join([urlencode(pairs, quote_via=quote), *asked.data])
        body = ""
    answer = app.test_client().open(
        parts.path,
        method=asked.method,
        query_string=query,
        data=body or None,
        headers=[tuple(header.split(": ", 1)) for header in asked.headers],
        base_url=f"{parts.scheme}://{parts.netloc}",
        buffered=False,
    )
    expected = (404,) if "docker:none" in example else (200, 201)
    assert answer.status_code in expected, answer.get_data(as_text=True)
    answer.close()


def _waiting(service: Service) -> Execution:
    """An execution that is PENDING, so that every example may change it."""
    new = NewExecution(job_name="nightly-report", prompt="오늘 주문 요약")
    return service.pipeline.with_store(lambda kept: kept.add_execution(new, at_ns=NOW_NS)).execution


def _artifact(service: Service, run: Execution) -> Artifact:
    """An artifact that is ACTIVE."""
    new = NewArtifact(file_name="보고서.pdf", mime_type="application/pdf")
    change = service.pipeline.with_store
    made = change(lambda kept: kept.add_artifact(run.id, new, at_ns=NOW_NS)).artifact
    with service.artifact_files.receiving(made.id, service.store.artifact, most_bytes=9) as receiving:
        receiving.write(b"%PDF-1.7")
        got = receiving.finish()
        return change(
            lambda kept: kept.artifact_arrived(
                made.id, size_bytes=got.size_bytes, checksum=got.checksum, at_ns=NOW_NS
            )
        )


def test_json_in_the_page_is_json() -> None:
    blocks = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        json.loads(block)
