"""The design's colours can be told from what they stand upon."""

from __future__ import annotations

import re

import pytest

from hantu.paths import STATIC
from hantu.web import tokens
from hantu.web.tokens import HIGH_TEXT, PAIRS, TEXT, Theme, contrast, themes

USED = re.compile(r"var\(--([\w-]+)\)")
DEFINED = re.compile(r"--([\w-]+):")


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#595959", "#ffffff", 7.0)],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, told: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(told, abs=0.05)


@pytest.mark.parametrize("theme", themes(), ids=lambda theme: theme.name)
def test_every_pair_of_colours_has_the_contrast_of_aa(theme: Theme) -> None:
    poor = {
        f"{ink} on {ground}": round(found, 2)
        for ink, ground, least in PAIRS
        if (found := contrast(theme.colours[ink], theme.colours[ground])) < least
    }
    assert poor == {}


@pytest.mark.parametrize("theme", themes()[2:], ids=lambda theme: theme.name)
def test_words_of_high_contrast_have_that_of_aaa(theme: Theme) -> None:
    poor = {
        f"{ink} on {ground}": round(found, 2)
        for ink, ground, least in PAIRS
        if least == TEXT and (found := contrast(theme.colours[ink], theme.colours[ground])) < HIGH_TEXT
    }
    assert poor == {}


def test_the_systems_wish_and_the_readers_choice_change_the_same() -> None:
    light, dark = themes()[2:]
    asked = tokens.asked_for_by_the_system()
    assert len(asked) > 8
    for name, pair in asked.items():
        assert (light.colours[name], dark.colours[name]) == pair
    plain = themes()[0].colours
    assert {name for name in plain if plain[name] != light.colours[name]} <= asked.keys()


def test_every_colour_of_words_is_looked_at() -> None:
    looked = {name for pair in PAIRS for name in pair[:2]}
    assert themes()[0].colours.keys() - looked == {"line"}, "hairlines part what space parts already"


def test_styles_use_no_token_that_is_not_there() -> None:
    known = set(DEFINED.findall((STATIC / "tokens.css").read_text()))
    for path in sorted(STATIC.glob("*.css")):
        text = path.read_text()
        assert set(USED.findall(text)) <= known | set(DEFINED.findall(text)), path.name


def test_no_style_has_a_colour_of_its_own() -> None:
    own = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\((?!0 0 0 / )|\bhsla?\(")
    for path in sorted(STATIC.glob("*.css")):
        if path.name != "tokens.css":
            rules = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            assert own.findall(rules) == [], path.name
