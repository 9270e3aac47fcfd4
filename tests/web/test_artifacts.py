"""Artifacts over HTTP: announced, sent, checked, given back, archived, deleted; never held as a whole."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import flask
import pytest

from hantu.service import Service
from tests.web.artifactdesk import CONTENT, MIB, admin, announce, files, form, got, put, run, sent, sha256
from tests.web.rundesk import RUNS, Runner, runner

__all__ = ["admin", "run"]


@pytest.mark.promise("M98", "M99", "M109", "M116")
def test_artifact_is_announced_sent_and_given_back(admin: Runner, run: dict[str, Any]) -> None:
    announced = announce(
        admin, run, type="DOCUMENT", tags={"언어": "ko"}, retentionDays=3, checksum=sha256(CONTENT)
    )
    assert (announced["status"], announced["filePath"][3:]) == ("UPLOADING", announced["id"])
    assert got(admin, announced).status_code == 409
    there = put(admin, announced, CONTENT).get_json()
    assert (there["status"], there["type"], there["tags"]) == ("ACTIVE", "DOCUMENT", {"언어": "ko"})
    assert (there["fileSize"], there["checksum"]) == (len(CONTENT), sha256(CONTENT))
    assert there["mimeType"] == "text/plain"
    assert there["expiresAt"] > there["createdAt"]
    answer = got(admin, there)
    assert answer.data == CONTENT
    assert answer.headers["ETag"] == f'"{sha256(CONTENT)}"'
    assert admin.get(f"{RUNS}/{run['id']}/artifacts")["artifacts"] == [there]
    assert admin.get(f"/api/artifacts/{there['id']}") == there
    assert admin.get(f"{RUNS}?hasArtifacts=true")["executions"][0]["artifactCount"] == 1


@pytest.mark.promise("M116")
def test_form_sends_a_file_at_once(admin: Runner, run: dict[str, Any]) -> None:
    answer = form(
        admin,
        run,
        type="DATA",
        tags='{"a": "b"}',
        retentionDays="0.5",
        file=(CONTENT, "주문 목록.csv".encode(), b"text/csv"),
    )
    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    assert (made["fileName"], made["mimeType"], made["type"]) == ("주문 목록.csv", "text/csv", "DATA")
    assert (made["status"], made["tags"]) == ("ACTIVE", {"a": "b"})
    assert got(admin, made).data == CONTENT


@pytest.mark.parametrize("size", [0, 1, 65_535, 262_144, 262_145, 5 * MIB])
@pytest.mark.parametrize("piece", [b"\r\n", b"\0", b"--", b"\n--x\r"], ids=repr)
def test_form_keeps_every_byte(admin: Runner, run: dict[str, Any], size: int, piece: bytes) -> None:
    content = (piece * (size // len(piece) + 1))[:size]
    made = form(admin, run, file=(content, b"a.bin")).get_json()
    assert (made["fileSize"], made["checksum"]) == (size, sha256(content))


def test_form_without_a_file_or_with_something_after_it_leaves_nothing(
    admin: Runner, run: dict[str, Any], service: Service
) -> None:
    file = (b"x", b"a.txt")
    assert form(admin, run, type="DATA").status_code == 400
    assert form(admin, run, file=file, type="DATA").status_code == 400
    assert form(admin, run, type="NOTHING", file=(b"x", b"a.txt")).status_code == 400
    assert form(admin, run, tags="x", file=(b"x", b"a.txt")).status_code == 400
    assert form(admin, run, note="y" * 70_000, file=(b"x", b"a.txt")).status_code == 413
    states = {each["status"] for each in admin.get(f"{RUNS}/{run['id']}/artifacts")["artifacts"]}
    assert states <= {"DELETED"}
    assert files(service) == []


def test_form_that_is_sent_again_with_its_id_is_stored_once(admin: Runner, run: dict[str, Any]) -> None:
    own = str(uuid4())
    first = form(admin, run, id=own, file=(b"x", b"a.txt"))
    again = form(admin, run, id=own, file=(b"x", b"a.txt"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    assert len(admin.get(f"{RUNS}/{run['id']}/artifacts")["artifacts"]) == 1


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.promise("M116")
@pytest.mark.parametrize("name", ["Content-Digest", "Repr-Digest"])
def test_content_that_is_not_what_was_said_is_refused_and_may_come_again(
    admin: Runner, run: dict[str, Any], service: Service, name: str
) -> None:
    made = announce(admin, run)
    refused = put(admin, made, b"damaged", **{name: digest(CONTENT)})
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, "content_differs")
    assert files(service) == []
    assert admin.get(f"/api/artifacts/{made['id']}")["status"] == "UPLOADING"
    assert put(admin, made, CONTENT, **{name: "md5=:x:, " + digest(CONTENT)}).status_code == 200


@pytest.mark.parametrize(
    "said", [{"checksum": sha256(b"other")}, {"fileSize": len(CONTENT) + 1}], ids=["checksum", "size"]
)
def test_announcement_binds_its_content(admin: Runner, run: dict[str, Any], said: dict[str, Any]) -> None:
    refused = put(admin, announce(admin, run, **said), CONTENT)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, "content_differs")


def test_digest_that_is_none_is_refused(admin: Runner, run: dict[str, Any]) -> None:
    refused = put(admin, announce(admin, run), b"x", **{"Content-Digest": "sha-256=:AAAA:"})
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, "bad_digest")


def test_content_comes_once(admin: Runner, run: dict[str, Any]) -> None:
    made = sent(admin, run)
    assert put(admin, made, b"other").status_code == 409
    assert got(admin, made).data == CONTENT


def test_announced_again_is_the_same_but_not_with_another_name(admin: Runner, run: dict[str, Any]) -> None:
    made = announce(admin, run, id=str(uuid4()))
    path = f"{RUNS}/{run['id']}/artifacts"
    again = admin.ask("POST", path, json={"fileName": "보고서.txt", "id": made["id"]})
    assert (again.status_code, again.get_json()) == (200, made)
    other = admin.ask("POST", path, json={"fileName": "b.txt", "id": made["id"]})
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("asked", "status", "content", "place"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_range_gives_a_part(
    admin: Runner, run: dict[str, Any], asked: str, status: int, content: bytes | None, place: str | None
) -> None:
    made = sent(admin, run, b"0123456789")
    answer = got(admin, made, Range=asked)
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, place)
    if content is not None:
        assert answer.data == content
        assert answer.headers["Content-Length"] == str(len(content))


def test_range_of_another_content_gives_all(admin: Runner, run: dict[str, Any]) -> None:
    made = sent(admin, run, b"0123456789")
    assert got(admin, made, Range="bytes=0-1", **{"If-Range": '"other"'}).data == b"0123456789"
    same = got(admin, made, Range="bytes=0-1", **{"If-Range": f'"{made["checksum"]}"'})
    assert same.data == b"01"


def test_content_that_is_known_is_not_sent_again(admin: Runner, run: dict[str, Any]) -> None:
    made = sent(admin, run)
    answer = got(admin, made, **{"If-None-Match": f'"{made["checksum"]}"'})
    assert (answer.status_code, answer.data) == (304, b"")


def test_head_tells_the_size(admin: Runner, run: dict[str, Any]) -> None:
    made = sent(admin, run)
    answer = admin.ask("HEAD", f"/api/artifacts/{made['id']}/content")
    assert (answer.headers["Content-Length"], answer.data) == (str(len(CONTENT)), b"")


@pytest.mark.parametrize(
    ("name", "media", "inline", "shown", "headed"),
    [
        ("a.png", "image/png", True, True, "image/png"),
        ("a.png", "image/png", False, False, "image/png"),
        ("a.svg", "image/svg+xml", True, False, "image/svg+xml"),
        ("a.html", "text/html", True, True, "text/plain; charset=utf-8"),
        ("a.html", "text/html", False, False, "text/html"),
        ("a.json", "application/json", True, True, "text/plain; charset=utf-8"),
        ("a.txt", "text/plain; charset=euc-kr", True, True, "text/plain; charset=euc-kr"),
        ("a.txt", 'text/plain; charset="x;y"', True, True, "text/plain; charset=utf-8"),
        ("a.pdf", "application/pdf", True, False, "application/pdf"),
        ("a.js", "text/javascript\r\nX-Evil: 1", True, False, "application/octet-stream"),
        ("a.bin", "nonsense", True, False, "application/octet-stream"),
    ],
)
def test_browser_is_given_nothing_that_it_would_run(
    admin: Runner, run: dict[str, Any], name: str, media: str, inline: bool, shown: bool, headed: str
) -> None:
    made = sent(admin, run, b"<script>alert(1)</script>", fileName=name, mimeType=media)
    answer = got(admin, made, "?inline=true" if inline else "")
    assert answer.headers["Content-Type"] == headed
    assert answer.headers["Content-Disposition"].startswith("inline;" if shown else "attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "X-Evil" not in answer.headers


HOSTILE = [
    ("../../etc/passwd", "passwd"),
    ("/etc/shadow", "shadow"),
    ("..\\..\\boot.ini", "boot.ini"),
    ("..%2f..%2fetc", "%2f..%2fetc"),
    ("a\0b.txt", None),
    ('x"; filename="evil.exe', None),
    ("a\r\nSet-Cookie: x=1", None),
    ("..", "artifact"),
    ("보고서 최종.pdf", "보고서 최종.pdf"),
    ("invoice\u202efdp.exe", None),
]


@pytest.mark.parametrize(("name", "saved"), HOSTILE, ids=[repr(name) for name, _ in HOSTILE])
def test_name_is_data_and_never_a_path(
    admin: Runner, run: dict[str, Any], service: Service, name: str, saved: str | None
) -> None:
    made = sent(admin, run, fileName=name)
    assert made["fileName"] == name
    (file,) = files(service)
    assert file.relative_to(service.config.artifact_folder).as_posix() == made["filePath"]
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f-]{36}", made["filePath"])
    head = got(admin, made).headers["Content-Disposition"]
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9 _.()+=@,-]+\"; filename\*=UTF-8''[A-Za-z0-9%_.~-]+", head
    )
    shown = unquote(head.partition("UTF-8''")[2])
    assert shown.isprintable()
    assert "/" not in shown
    assert "\\" not in shown or name != "..\\..\\boot.ini"
    if saved is not None:
        assert shown == saved


@pytest.mark.promise("M98")
def test_archive_restore_and_delete(admin: Runner, run: dict[str, Any], service: Service) -> None:
    made = sent(admin, run)
    path = f"/api/artifacts/{made['id']}"
    archived = admin.ask("POST", f"{path}/archive").get_json()
    assert (archived["status"], archived["archivedAt"] is not None) == ("ARCHIVED", True)
    assert got(admin, made).data == CONTENT
    assert admin.ask("POST", f"{path}/archive").status_code == 409
    assert admin.ask("POST", f"{path}/restore").get_json()["status"] == "ACTIVE"
    assert admin.ask("DELETE", path).get_json()["status"] == "DELETED"
    assert files(service) == []
    assert got(admin, made).status_code == 404
    assert admin.ask("POST", f"{path}/restore").status_code == 409
    assert admin.ask("DELETE", path).status_code == 409


def test_announcement_cannot_be_made_active_without_content(admin: Runner, run: dict[str, Any]) -> None:
    made = announce(admin, run)
    assert admin.ask("POST", f"/api/artifacts/{made['id']}/restore").status_code == 409
    assert admin.ask("DELETE", f"/api/artifacts/{made['id']}").status_code == 200
    assert put(admin, made, b"x").status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"fileName": ""},
        {},
        {"fileName": "a", "type": "VIDEO"},
        {"fileName": "a", "checksum": "abc"},
        {"fileName": "a", "retentionDays": 0},
        {"fileName": "a", "tags": {"a": 1}},
        {"fileName": "a", "filePath": "/etc/passwd"},
    ],
    ids=str,
)
def test_wrong_announcement_is_refused(admin: Runner, run: dict[str, Any], body: dict[str, Any]) -> None:
    assert admin.ask("POST", f"{RUNS}/{run['id']}/artifacts", json=body).status_code == 400


def test_name_of_256_characters_is_too_long(admin: Runner, run: dict[str, Any]) -> None:
    refused = admin.ask("POST", f"{RUNS}/{run['id']}/artifacts", json={"fileName": "가" * 256})
    assert (refused.status_code, refused.get_json()["error"]["parameter"]) == (413, "fileName")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_artifact_is_404(admin: Runner, method: str) -> None:
    path = f"/api/artifacts/{uuid4()}" + ("/content" if method == "PUT" else "")
    assert admin.ask(method, path, data=b"x" if method == "PUT" else None).status_code == 404
    assert form(admin, {"id": str(uuid4())}, file=(b"x", b"a")).status_code == 404


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("ingest", "POST", "/api/executions/{run}/artifacts", 201),
        ("ingest", "PUT", "/api/artifacts/{new}/content", 200),
        ("ingest", "GET", "/api/artifacts/{id}/content", 403),
        ("ingest", "GET", "/api/executions/{run}/artifacts", 403),
        ("ingest", "DELETE", "/api/artifacts/{id}", 403),
        ("ingest", "POST", "/api/artifacts/{id}/archive", 403),
        ("read", "GET", "/api/artifacts/{id}/content", 200),
        ("read", "PUT", "/api/artifacts/{new}/content", 403),
        ("read", "POST", "/api/executions/{run}/artifacts", 403),
        ("read", "DELETE", "/api/artifacts/{id}", 403),
    ],
)
def test_scope_says_what_a_token_may_do(
    app: flask.Flask,
    service: Service,
    admin: Runner,
    run: dict[str, Any],
    scope: str,
    method: str,
    path: str,
    status: int,
) -> None:
    names = {"{run}": run["id"], "{id}": sent(admin, run)["id"], "{new}": announce(admin, run)["id"]}
    for name, value in names.items():
        path = path.replace(name, value)
    body = {"json": {"fileName": "c.txt"}} if method == "POST" else {}
    assert runner(app, service, scope).ask(method, path, **body).status_code == status
