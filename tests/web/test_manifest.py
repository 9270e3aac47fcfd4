"""hantu can be put on a home screen."""

from __future__ import annotations

import json
import struct

import pytest
from flask.testing import FlaskClient

from hantu.paths import STATIC
from tests.icons import ICONS


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_manifest_says_what_a_browser_needs_to_install_it(client: FlaskClient) -> None:
    answer = client.get("/static/manifest.webmanifest")
    assert answer.mimetype == "application/manifest+json"
    manifest = json.loads(answer.text)
    assert manifest["name"] == "hantu"
    assert manifest["display"] == "standalone"
    assert (manifest["start_url"], manifest["scope"], manifest["id"]) == ("/", "/", "/")
    sizes = {icon["sizes"] for icon in manifest["icons"] if icon["type"] == "image/png"}
    assert {"192x192", "512x512"} <= sizes
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for icon in manifest["icons"]:
        drawn = client.get(icon["src"])
        assert drawn.status_code == 200
        assert drawn.mimetype == icon["type"]
        if icon["type"] == "image/png":
            width, height = size_of(drawn.data)
            assert icon["sizes"] == f"{width}x{height}"
    for shortcut in manifest["shortcuts"]:
        assert client.get(shortcut["url"]).status_code == 200


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, size, _ in ICONS])
def test_each_icon_is_drawn(name: str, size: int) -> None:
    assert size_of((STATIC / "icons" / f"{name}.png").read_bytes()) == (size, size)


def test_every_page_names_manifest_icon_and_colour_of_its_head(client: FlaskClient) -> None:
    html = client.get("/errors").text
    assert '<link rel="manifest" href="/static/manifest.webmanifest' in html
    assert '<link rel="apple-touch-icon" href="/static/icons/apple-180.png' in html
    assert '<meta name="theme-color" content="#f6f7f8" media="(prefers-color-scheme: light)">' in html
    client.set_cookie("theme", "dark")
    html = client.get("/errors").text
    assert '<meta name="theme-color" content="#181b1e">' in html
    assert '<meta name="color-scheme" content="dark">' in html
