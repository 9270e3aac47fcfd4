"""Answers are small: compressed for whom that helps, and files of the pages stay with the browser."""

from __future__ import annotations

import gzip
import re
import time

from flask.testing import FlaskClient

from hantu.service import Service
from tests.web.desk import line, store

ZIPPED = {"Accept-Encoding": "gzip, br"}
LOGS_BYTES_MOST = 120_000


def filled(service: Service, count: int = 100) -> None:
    now_ns = time.time_ns()
    texts = [f"order {n * 7919} of user {n % 13} was filled" for n in range(count)]
    store(service, [line(text, time_ns=now_ns + n) for n, text in enumerate(texts)])


def assets(client: FlaskClient, path: str = "/logs") -> list[str]:
    """What a page loads with it."""
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get(path).text)


def test_a_page_is_compressed_for_a_browser_and_plain_for_who_does_not_ask(
    client: FlaskClient, service: Service
) -> None:
    filled(service)
    zipped = client.get("/logs", headers=ZIPPED)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert int(zipped.headers["Content-Length"]) == len(zipped.data) < 20_000
    assert "was filled" in gzip.decompress(zipped.data).decode()
    for headers in ({}, {"Accept-Encoding": "gzip;q=0, br"}, {"Accept-Encoding": "identity"}):
        plain = client.get("/logs", headers=headers)
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["Vary"]
        assert "was filled" in plain.text


def test_a_page_that_another_site_leads_to_is_not_compressed(client: FlaskClient, service: Service) -> None:
    filled(service)
    led = {**ZIPPED, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert "Content-Encoding" not in client.get("/logs?q=order", headers=led).headers
    own = {**ZIPPED, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/logs?q=order", headers=own).headers["Content-Encoding"] == "gzip"


def test_programs_get_compressed_json_but_streams_and_small_answers_as_they_are(
    client: FlaskClient, service: Service
) -> None:
    filled(service)
    found = client.get("/api/logs", headers=ZIPPED)
    assert len(found.data) < 0.3 * len(gzip.decompress(found.data))
    for path in ("/healthz", "/api/logs/export?format=jsonl"):
        assert "Content-Encoding" not in client.get(path, headers=ZIPPED).headers


def test_files_of_the_pages_stay_with_the_browser_under_the_name_of_their_content(
    client: FlaskClient, service: Service
) -> None:
    filled(service, 1)
    for path in assets(client):
        kept = client.get(path, headers=ZIPPED)
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable", path
        other = client.get(path.split("?")[0] + "?v=00000000", headers=ZIPPED)
        assert other.headers["Cache-Control"] == "no-cache", path


def test_a_compressed_file_has_an_etag_of_its_own_that_is_known_again(
    client: FlaskClient, service: Service
) -> None:
    filled(service, 1)
    (path,) = (path for path in assets(client) if "htmx" in path)
    plain, zipped = client.get(path), client.get(path, headers=ZIPPED)
    assert gzip.decompress(zipped.data) == plain.data
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Ranges" not in zipped.headers
    again = client.get(path, headers={**ZIPPED, "If-None-Match": zipped.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    assert client.get(path, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_the_first_visit_of_the_logs_transfers_less_than_120_kb(
    client: FlaskClient, service: Service
) -> None:
    filled(service, 300)
    paths = ["/logs", *dict.fromkeys(assets(client))]
    sizes = {path: len(client.get(path, headers=ZIPPED).data) for path in paths}
    assert sum(sizes.values()) < LOGS_BYTES_MOST, sizes
