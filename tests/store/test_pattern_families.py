"""Which texts are one family, whatever their order; both stores fold them alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu.query.logquery import LogQuery
from hantu.store import memory_variety
from hantu.store.memory import MemoryStore
from hantu.store.pattern_base import PatternOrder, Patterns, parts_of
from hantu.store.pattern_families import VARIETY, WORDS_MOST, Matcher, Variable, families, text_of
from hantu.store.sqlite import pattern_variety as arrays
from tests.store.made import DAY_NS, START_NS, entry, opened

NAMES = (
    "nginx",
    "libssl3:amd64",
    "주문",
    "caddy",
    "adduser",
    "bash",
    "zlib1g",
    "x",
    "tar",
    "sed",
    "gawk",
    "7",
)
VERBS = ("installed", "unpacked", "half-configured", "removed", "\x1b[31mfailed\x1b[0m")
VERSIONS = ("1.2-3", "2:4~rc1", "1+dfsg-2", "7", "n/a")


def messages() -> st.SearchStrategy[str]:
    """Lines as a package manager's: enough names that some places vary, and others do not."""
    return st.one_of(
        st.builds("status {} {} {}".format, *map(st.sampled_from, (VERBS, NAMES, VERSIONS))),
        st.builds("user {} of {} says {}".format, *map(st.sampled_from, (NAMES, NAMES, VERBS))),
        st.builds("{} {}".format, st.sampled_from(VERBS), st.sampled_from(NAMES)),
        st.sampled_from(["", " ", "a\nb 1", "x" * 9, "\0 1 \0"]),
    )


def folded(lines: list[str], variable: Variable = arrays.variable) -> dict[bytes, set[bytes]]:
    """The texts of each family, by the family's own."""
    texts = [text_of(parts_of(line)) for line in lines]
    found = families(texts, variable)
    members: dict[bytes, set[bytes]] = {}
    for text, family in zip(texts, found.family, strict=True):
        members.setdefault(found.texts[family], set()).add(text)
    return members


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(messages(), max_size=150), st.randoms(use_true_random=False))
def test_families_do_not_depend_on_the_order_and_know_their_own(lines: list[str], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert folded(lines) == folded(shuffled) == folded(lines, memory_variety.variable)
    texts = [text_of(parts_of(line)) for line in lines]
    found = families(texts, arrays.variable)
    matcher = Matcher(found, range(len(found.texts)))
    assert [matcher.family(text) for text in texts] == found.family


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.lists(st.tuples(messages(), st.integers(-3, 3)), max_size=120),
    st.integers(1, 40),
    st.sampled_from(PatternOrder),
    st.sampled_from((2, 100)),
)
def test_the_store_folds_as_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[str, int]],
    size: int,
    order: PatternOrder,
    most: int,
) -> None:
    entries = [entry(message, at=at * 60.0) for message, at in lines]
    reference = MemoryStore()
    path: Path = tmp_path_factory.mktemp("families") / "hantu.db"
    with opened(path, seal_entries=30, background=False) as store:
        for at in range(0, len(entries), size):
            store.write_batch(entries[at : at + size])
            reference.write_batch(entries[at : at + size])
        span = {"start_ns": START_NS, "end_ns": START_NS + DAY_NS}
        found = store.patterns(LogQuery(), **span, order=order, most=most)
        assert plain(found) == plain(reference.patterns(LogQuery(), **span, order=order, most=most))


def plain(found: Patterns) -> Patterns:
    """Without examples: each store may show another line."""
    return replace(found, patterns=tuple(replace(each, example=None) for each in found.patterns))


def test_a_package_manager_says_six_things() -> None:
    verbs = ("installed", "unpacked", "half-configured", "half-installed")
    lines = [
        f"status {verb} {name} {version}" for verb in verbs for name in NAMES for version in VERSIONS[:4]
    ]
    lines += [f"configure {name}:amd64 1.{at}-2 <none>" for at, name in enumerate(NAMES)]
    lines.append("startup packages configure")
    assert sorted(text.replace(b"\0", b"*").decode() for text in folded(lines)) == [
        "configure * * <none>",
        "startup packages configure",
        *sorted(f"status {verb} * *" for verb in verbs),
    ]


def test_rare_cases_come_under_what_they_are_a_case_of() -> None:
    many = [f"job {name} of queue 5 took 3 ms" for name in NAMES[:9]]
    rare = "job never of queue 5 took 3 ms"
    found = folded([*many, rare, "job never of queue main took 3 ms"])
    (common,) = [text for text, own in found.items() if len(own) > 1]
    assert common == b"job \0 of queue \0 took \0 ms"
    assert text_of(parts_of(rare)) in found[common]


@pytest.mark.parametrize("fewer", [0, 1])
def test_what_does_not_vary_enough_stays_apart(fewer: int) -> None:
    lines = [
        f"cannot reach {name} at all" for name in ("www", "web", "mail", "dns", "ftp", "ldap", "ntp", "git")
    ]
    found = folded(lines[: VARIETY - fewer])
    assert len(found) == (VARIETY - 1 if fewer else 1)


def test_texts_of_several_lines_and_long_ones_stay_as_they_are() -> None:
    stacks = [f"Traceback of {name}\n  at main" for name in NAMES]
    long = [" ".join([name, *["word"] * WORDS_MOST]) for name in NAMES]
    found = folded([*stacks, *long])
    assert len(found) == len({text_of(parts_of(line)) for line in (*stacks, *long)})
    short = [line.rpartition(" ")[0] for line in long]
    assert len(folded(short)) == 1
