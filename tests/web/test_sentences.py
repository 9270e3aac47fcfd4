"""Every sentence of the layers below has a Korean one: found by reading their code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import default_exceptions

from hantu.collect.base import CollectorState
from hantu.paths import ROOT
from hantu.service import Service
from hantu.web.sentences import korean, pattern
from hantu.web.sentences_ko import COMMANDS, DOOR, REASONS, SENTENCES
from tests.web.desk import Collecting, collector, line, store

KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
FOLDERS = (
    "query",
    "inbox/question.py",
    "jobs/question.py",
    "collect",
    "service",
    "formats/journal_lines.py",
    "store/sqlite/database.py",
    "store/sqlite/rescue.py",
    "client/telegram.py",
    "client/outgoing.py",
)
OWN = ("web/access.py", "web/site.py", "web/errors.py", "accounts/acts.py", "accounts/password.py")
# Calls whose texts reach a person; of their keywords only these.
SAYS = frozenset(
    (
        *("QueryError", "EngineError", "ContainerGone", "JournalctlError", "Trouble", "QueryTimeout"),
        *("ChannelError", "CanaryError"),
        *("_wrong", "_tell_gap", "gap"),
    )
)
KEYWORDS = frozenset(("error", "fix", "reason", "detail"))
ATTRIBUTES = frozenset(("error", "fix", "note", "failing", "_error", "_fix"))
PROBLEMS = frozenset(("problems", "self.problems"))
PAGE_CODES = (400, 404, 405, 413, 414)
EVERY = {**SENTENCES, **DOOR, **REASONS}
VALUE = "\0"
_WORDS = re.compile(r"[A-Za-z]{2,}")
_HANGUL = re.compile(r"[가-힣]")


@dataclass
class Source:
    """One file: its sentences as templates, VALUE where a value stands."""

    path: Path
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text())
        self.texts = dict(_assigned(self.tree.body))

    def sentences(self) -> Iterator[tuple[int, str]]:
        for function in ast.walk(self.tree):
            if isinstance(function, ast.FunctionDef):
                local: dict[str, list[ast.expr]] = {}
                for name, value in _assigned(ast.walk(function)):
                    local.setdefault(name, []).append(value)
                for node in self._said(function):
                    for text in self._resolved(node, local):
                        yield node.lineno, text

    def _said(self, function: ast.FunctionDef) -> Iterator[ast.expr]:
        """The expressions of a function that say something to a person."""
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=holder, attr="append"), args=[said]) if ast.unparse(
                    holder
                ) in PROBLEMS or (function.name == "_detail"):
                    yield said
                case ast.Call(keywords=keywords) if any(more.arg == "quiet" for more in keywords):
                    continue
                case ast.Call():
                    if _name(node.func) in SAYS:
                        yield from node.args
                    yield from (more.value for more in node.keywords if more.arg in KEYWORDS)
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=value) if attr in ATTRIBUTES:
                    yield value
                case ast.Dict():
                    for key, value in zip(node.keys, node.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == "reason":
                            yield value
                case ast.Return(value=ast.expr() as value) if function.name in ("_detail", "explain"):
                    yield value
                case ast.List(elts=elements) if function.name == "_detail":
                    yield from elements

    def _resolved(self, node: ast.expr, local: dict[str, list[ast.expr]]) -> list[str]:
        """What the expression can be."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.JoinedStr(values=values):
                return [
                    "".join(parts) for parts in product(*(self._resolved(one, local) for one in values))
                ]
            case ast.FormattedValue(value=value):
                return self._resolved(value, local)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pairs = product(self._resolved(left, local), self._resolved(right, local))
                return [before + after for before, after in pairs]
            case ast.IfExp(body=body, orelse=other):
                return [*self._resolved(body, local), *self._resolved(other, local)]
            case ast.Name(id=name) if name in local:
                others = {key: value for key, value in local.items() if key != name}
                return [text for value in local[name] for text in self._resolved(value, others)]
            case ast.Name(id=name) if name in self.texts:
                return self._resolved(self.texts[name], {})
        return [VALUE]


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def files(*names: str) -> Iterator[Path]:
    for name in names:
        path = ROOT / "hantu" / name
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def said() -> dict[str, str]:
    """Every sentence → where it is said first; a single word is a name."""
    found: dict[str, str] = {}
    for path in files(*FOLDERS):
        for number, text in Source(path).sentences():
            # A detail is a list of parts; a sentence has commas, too.
            for part in text.split(", ") if text.startswith(VALUE + ",") else [text]:
                if " " in part.strip() and _WORDS.search(part):
                    found.setdefault(part.strip(), f"{path.relative_to(ROOT)}:{number}")
    return found


def as_said(template: str) -> str:
    """A template with values in it."""
    return template.replace(VALUE, "v1")


def has_korean(template: str) -> bool:
    text = korean(as_said(template))
    return text is not None and (bool(_HANGUL.search(text)) or text == as_said(template))


def test_the_sentences_are_found() -> None:
    found = said()
    assert len(found) > 70
    for some in (f"{VALUE} is no level; use one of {VALUE}", "the engine says: \0", "no file matches yet"):
        assert some in found


def test_every_sentence_has_a_korean_one() -> None:
    missing = {text.replace(VALUE, "{}"): place for text, place in said().items() if not has_korean(text)}
    assert missing == {}


def test_what_the_error_pages_say_has_a_korean_one() -> None:
    missing = [
        text for code in PAGE_CODES if not has_korean(text := str(default_exceptions[code].description))
    ]
    for path in files(*OWN):
        source = Source(path)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and _name(node.func) in (
                "ApiError",
                "ValueError",
                "Refused",
                "Busy",
            ):
                texts = source._resolved(node.args[1 if _name(node.func) == "ApiError" else 0], {})
                missing += [text for text in texts if _WORDS.search(text) and not has_korean(text)]
    assert missing == []


def test_no_translation_is_left_over() -> None:
    wanted = [as_said(text) for text in said()]
    unused = [
        sentence
        for sentence in (*SENTENCES, *COMMANDS)
        if not any(re.fullmatch(pattern(sentence), text) for text in wanted)
    ]
    assert unused == []


@pytest.mark.parametrize("sentence", sorted(EVERY))
def test_a_sentence_keeps_its_values(sentence: str) -> None:
    values = re.compile(r"\{(\w+)\}")
    assert set(values.findall(EVERY[sentence])) == set(values.findall(sentence))
    assert _HANGUL.search(EVERY[sentence])


def test_a_command_is_the_same_in_every_language() -> None:
    for command in COMMANDS:
        example = re.sub(r"\{\w+\}", "hantu", command)
        assert korean(example) == example


def test_values_stand_in_the_korean_as_they_are() -> None:
    assert korean("'{x}' is no level; use one of trace, debug") == (
        "그런 레벨은 없습니다: '{x}'. trace, debug 가운데 하나를 쓰세요."
    )
    assert korean("minLevel: 'x' is no level; use one of a") == (
        "minLevel: 그런 레벨은 없습니다: 'x'. a 가운데 하나를 쓰세요."
    )
    assert korean("cannot read /var/log/a, b.log: permission denied (and 2 more)") == (
        "/var/log/a, b.log: 읽을 권한이 없습니다. (외 2개)"
    )
    assert korean("a sentence that nobody knows") is None


def test_a_wrong_query_is_told_in_the_readers_language(client: FlaskClient, service: Service) -> None:
    store(service, [line("하나")])
    html = client.get("/logs?q=level:loud", headers=KOREAN).text
    assert "그런 레벨은 없습니다: &#39;loud&#39;. trace, debug, info, warn, error, fatal" in html
    assert "is no level" not in html
    assert "is no level" in client.get("/logs?q=level:loud").text
    assert "정규식이 잘못되었습니다: ]가 빠졌습니다: [a" in client.get("/logs?q=/[a/", headers=KOREAN).text
    answer = client.get("/api/logs?q=level:loud", headers=KOREAN).get_json()
    assert "is no level" in answer["error"]["message"], "programs read English"


def test_an_error_page_speaks_the_readers_language(client: FlaskClient) -> None:
    assert "그런 페이지가 없습니다." in client.get("/nowhere", headers=KOREAN).text
    assert "다른 기기" not in client.get("/logs/facet?field=x&q=(", headers=KOREAN).text
    assert "괄호가 닫히지 않았습니다" in client.get("/logs/facet?field=x&q=(", headers=KOREAN).text


def test_a_collector_in_trouble_speaks_the_readers_language(
    client: FlaskClient, collecting: Collecting
) -> None:
    collecting(
        collector(
            "docker",
            CollectorState.RECONNECTING,
            error="there is no Docker engine at unix:///var/run/docker.sock",
            fix="systemctl start docker",
            detail="unix:///var/run/docker.sock, 12 containers",
        )
    )
    html = client.get("/sources", headers=KOREAN).text
    assert "unix:///var/run/docker.sock에 Docker 엔진이 없습니다." in html
    assert "<code>systemctl start docker</code>" in html
    assert "unix:///var/run/docker.sock, 컨테이너 12개" in html


def test_a_source_that_the_machine_has_not_is_told_without_a_warning(
    client: FlaskClient, collecting: Collecting
) -> None:
    detail = "there is no Docker engine at unix:///var/run/docker.sock"
    collecting(collector("docker", CollectorState.ENDED, key="docker", detail=detail))
    english, korean = client.get("/sources").text, client.get("/sources", headers=KOREAN).text
    assert "Not here" in english
    assert detail in english
    assert "1 source, all is well." in english
    assert "unix:///var/run/docker.sock에 Docker 엔진이 없습니다." in korean
    assert "여기 없음" in korean


def test_a_gap_tells_its_reason_in_the_readers_language(client: FlaskClient, service: Service) -> None:
    reason = "removed by journald before hantu could read them"
    gap = {"from_ns": 1, "to_ns": 2, "reason": reason, "lines": None}
    store(service, [line("gap", metadata={"gap": gap}), line("after")])
    for path in ("/logs", "/logs?q=gap"):
        html = client.get(path, headers=KOREAN).text
        assert "hantu가 읽기 전에 journald가 지웠습니다." in html
        assert reason not in html


def test_what_is_wrong_with_hantu_is_told_in_the_readers_language(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "the database refuses writes: the disk is full: /data/hantu.db could not be written (x)"
    monkeypatch.setattr(service, "problems", lambda: [problem])
    html = client.get("/status", headers=KOREAN).text
    assert (
        "데이터베이스에 쓸 수 없습니다: 디스크가 가득 차서 /data/hantu.db 파일에 쓰지 못했습니다 (x)."
        in html
    )
    assert client.get("/healthz", headers=KOREAN).get_json()["problems"] == [problem]
