"""Artifacts over HTTP as a client sends and gets them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.test import TestResponse

from hantu.service import Service
from tests.web.rundesk import RUNS, Runner, runner

MIB = 1 << 20
CONTENT = "가나다\n".encode() * 5000


@pytest.fixture
def admin(app: flask.Flask, service: Service) -> Runner:
    return runner(app, service)


@pytest.fixture
def run(admin: Runner) -> dict[str, Any]:
    return admin.run()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def announce(admin: Runner, run: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = admin.ask("POST", f"{RUNS}/{run['id']}/artifacts", json={"fileName": "보고서.txt"} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def put(admin: Runner, artifact: dict[str, Any], content: bytes, **headers: str) -> TestResponse:
    return admin.ask("PUT", f"/api/artifacts/{artifact['id']}/content", data=content, headers=headers)


def sent(admin: Runner, run: dict[str, Any], content: bytes = CONTENT, **body: Any) -> dict[str, Any]:
    answer = put(admin, announce(admin, run, **body), content)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def got(admin: Runner, artifact: dict[str, Any], query: str = "", **headers: str) -> TestResponse:
    return admin.ask("GET", f"/api/artifacts/{artifact['id']}/content{query}", headers=headers)


def form(admin: Runner, run: dict[str, Any], **parts: str | tuple[bytes, ...]) -> TestResponse:
    """A form as browsers and curl send it; a file: its content, name and type."""
    body = b""
    for field, value in parts.items():
        head = f'Content-Disposition: form-data; name="{field}"'
        content = value[0] if isinstance(value, tuple) else value.encode()
        if isinstance(value, tuple):
            head += f'; filename="{value[1].decode()}"'
            head += "".join(f"\r\nContent-Type: {media.decode()}" for media in value[2:])
        body += b"--x.y\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    path = f"{RUNS}/{run['id']}/artifacts"
    kind = "multipart/form-data; boundary=x.y"
    return admin.ask("POST", path, data=body + b"--x.y--\r\n", content_type=kind)


def files(service: Service) -> list[Path]:
    return [path for path in service.config.artifact_folder.rglob("*") if path.is_file()]
