"""Routes that are declared together with their description: arguments are checked by the same types
which /api/openapi.json shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any, Final, TypeVar

import msgspec
from flask import Blueprint, Flask, Response, request

from hantu import __version__
from hantu.web.errors import ApiError
from hantu.web.wire import JSON, ErrorAnswer, complaint_of, json_response

OPENAPI_VERSION: Final = "3.1.0"
_REF: Final = "#/components/schemas/{name}"
_RULE_PART: Final = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")

REFUSALS: Final[Mapping[int, str]] = {
    200: "It was there already.",
    206: "The part that Range asks for.",
    304: "The client has it already.",
    400: "The request is not understood: what is wrong, and where.",
    401: "The token is not right.",
    403: "This client may not do this.",
    404: "There is no such thing.",
    405: "The route knows other methods.",
    409: "It is there already, or its state does not allow this: the message says what it does.",
    413: "Too much at once.",
    415: "The encoding of the body is not known.",
    416: "Range asks for nothing that is there.",
    421: "hantu does not answer under this host name.",
    422: "Nothing in the request could be used.",
    429: "Too much at the moment; Retry-After says when to come again.",
    503: "Not possible now: the message says why.",
}


A = TypeVar("A", bound="Args")


class Args(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of the query parameters of a route. A list is one text with commas, or repeated."""


class NoArgs(Args, frozen=True):
    """A route without query parameters."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body: its media type and, for JSON, the type it holds."""

    media: str = JSON
    type: Any = None
    example: Any = None


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one rule, described. status: of the answer when all is well."""

    method: str
    rule: str
    summary: str
    args: type[Args] = NoArgs
    answer: Content = field(default_factory=Content)
    body: tuple[Content, ...] = ()
    refusals: tuple[int, ...] = (400, 401, 403, 421, 503)
    other_answers: Mapping[int, Content] = field(default_factory=dict)
    more_media: tuple[str, ...] = ()
    status: int = 200
    body_required: bool = True
    path_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The rule as OpenAPI writes it: /api/logs/{source}."""
        return _RULE_PART.sub(r"{\2}", self.rule)


class Api:
    """A blueprint whose routes are declared."""

    def __init__(self, name: str) -> None:
        self.blueprint = Blueprint(name, __name__)
        self.routes: list[Route] = []

    def route(self, route: Route) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        """Serve `route` by the function, which is called with the arguments, checked, as `args`."""

        def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
            @wraps(view)
            def checked(**parts: str) -> Response:
                return view(parse_args(route.args), **parts)

            self.routes.append(route)
            self.blueprint.add_url_rule(
                route.rule,
                endpoint=f"{view.__name__}_{route.method.lower()}",
                view_func=checked,
                methods=[route.method],
            )
            return view

        return decorate


def register(app: Flask, routes: Sequence[Route]) -> None:
    """Serve the description of `routes`, and of itself, as /api/openapi.json."""
    own = Route("GET", "/api/openapi.json", "This description", answer=Content(type=dict[str, Any]))

    # Made when it is first asked for: a twentieth of the processor time of a start.
    @cache
    def described() -> dict[str, Any]:
        return describe([*routes, own])

    def openapi_json() -> Response:
        parse_args(NoArgs)
        return json_response(described())

    app.add_url_rule(own.rule, view_func=openapi_json)


def parse_args(kind: type[A]) -> A:
    """The query parameters of the current request as `kind`. Raises ApiError 400."""
    raw = {name: text for name, values in request.args.lists() if (text := ",".join(filter(None, values)))}
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _argument_error(error, kind) from None


B = TypeVar("B")


def body_of(kind: type[B]) -> B:
    """The JSON body of the current request as `kind`. Raises ApiError 400."""
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"the body is not what this route takes: {error}", code="bad_body") from None


def _argument_error(error: msgspec.ValidationError, kind: type[Args]) -> ApiError:
    said = str(error)
    if unknown := _UNKNOWN.match(said):
        known = ", ".join(kind.__struct_encode_fields__) or "none"
        name = unknown.group(1)
        return ApiError(
            400,
            f"unknown parameter {name!r}; this route knows: {known}",
            code="bad_argument",
            parameter=name,
        )
    name, reason = complaint_of(error)
    return ApiError(400, f"parameter {name!r}: {reason}", code="bad_argument", parameter=name)


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI description of `routes`."""
    kinds = {ErrorAnswer, *(kind for route in routes for kind in _types(route))}
    ordered = sorted(kinds, key=repr)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "hantu",
            "version": __version__,
            "description": "Logs of one small server: search, follow, ingest.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _types(route: Route) -> list[Any]:
    contents = (route.answer, *route.body, *route.other_answers.values())
    return [content.type for content in contents if content.type is not None]


def _operation(route: Route, schema_of: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    refused = {"content": {JSON: {"schema": schema_of[ErrorAnswer]}}}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-zA-Z]+', '_', route.path)}".rstrip("_"),
        "responses": {
            str(route.status): {
                "description": "Created" if route.status == 201 else "OK",
                "content": {
                    **_content(route.answer, schema_of),
                    **{media: {"schema": {"type": "string"}} for media in route.more_media},
                },
            },
            **{
                str(status): {"description": REFUSALS[status], "content": _content(content, schema_of)}
                for status, content in route.other_answers.items()
            },
            **{
                str(status): {"description": REFUSALS[status], **refused}
                for status in route.refusals
                if status not in route.other_answers
            },
        },
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route.args)]:
        operation["parameters"] = parameters
    if route.body:
        content = {part.media: _content(part, schema_of)[part.media] for part in route.body}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    return operation


def _content(content: Content, schema_of: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    schema = {"type": "string"} if content.type is None else schema_of[content.type]
    described: dict[str, Any] = {"schema": schema}
    if content.example is not None:
        described["example"] = content.example
    return {content.media: described}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": dict(route.path_schemas.get(name, {"type": "string", "minLength": 1})),
        }
        for _kind, name in _RULE_PART.findall(route.rule)
    ]


def _query_parameters(kind: type[Args]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([kind], ref_template=_REF)
    properties: dict[str, dict[str, Any]] = components[kind.__name__].get("properties", {})
    parameters = []
    for name, schema in properties.items():
        described = dict(schema)
        parameter = {"name": name, "in": "query", "required": False, "allowEmptyValue": True}
        if text := described.pop("description", ""):
            parameter["description"] = text
        parameters.append({**parameter, "schema": described})
    return parameters
