"""/styleguide: every part once, in development only."""

from __future__ import annotations

import re
from dataclasses import replace

from flask.testing import FlaskClient

from hantu.paths import TEMPLATES
from hantu.service import Service
from hantu.web.styleguide import symbols
from hantu.web.tokens import PAIRS, themes


def test_it_is_there_in_development_only(service: Service, client: FlaskClient) -> None:
    assert client.get("/styleguide").status_code == 404
    service.config = replace(service.config, development=True)
    assert client.get("/styleguide").status_code == 200


def test_it_shows_every_colour_pair_and_icon(service: Service, client: FlaskClient) -> None:
    service.config = replace(service.config, development=True)
    html = client.get("/styleguide").text
    shown = set(re.findall(r'fill="var\(--([\w-]+)\)"', html))
    assert shown >= {name for pair in PAIRS for name in pair[:2]}
    assert shown >= themes()[0].colours.keys()
    for name in symbols():
        assert f"<code>{name}</code>" in html


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    used: set[str] = set()
    for path in TEMPLATES.rglob("*.html"):
        used.update(re.findall(r'href="#i-([\w-]+)"', path.read_text()))
    assert used - set(symbols()) == set()
