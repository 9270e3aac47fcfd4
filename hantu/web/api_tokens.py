"""/api/tokens: making, listing and revoking the tokens of programs. For administrators only."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response
from msgspec import Meta

from hantu.output import Wire, iso, optional_iso
from hantu.service import new_token
from hantu.store.base import StoreError
from hantu.web.access import require_admin, token_book
from hantu.web.audit import audit
from hantu.web.confirming import is_confirmed
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_tokens")


class TokenInfo(Wire, frozen=True):
    """A token, without its secret."""

    name: str
    scope: str
    created_at: str
    last_used_at: str | None


class TokensAnswer(Wire, frozen=True):
    """All tokens, by name."""

    tokens: list[TokenInfo]


class TokenAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The token to make. ingest may only POST /api/ingest, read may only GET, admin may all."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
    scope: Literal["ingest", "read", "admin"] = "ingest"


class TokenMade(Wire, frozen=True):
    """The new token; `token` is its secret, shown this once."""

    name: str
    scope: str
    token: str


class Removed(Wire, frozen=True):
    """Whether there was such a token."""

    removed: bool


@api.route(
    Route("GET", "/api/tokens", "The tokens, without their secrets", answer=Content(type=TokensAnswer))
)
def tokens(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    require_admin()
    return json_response(
        TokensAnswer(
            [
                TokenInfo(token.name, token.scope, iso(token.created_ns), optional_iso(token.last_used_ns))
                for token in service().store.tokens()
            ]
        )
    )


@api.route(
    Route(
        "POST",
        "/api/tokens",
        "Make a token",
        body=(Content(type=TokenAsked, example={"name": "shop", "scope": "ingest"}),),
        answer=Content(type=TokenMade),
        refusals=(400, 401, 403, 409, 413, 421, 503),
    )
)
def make_token(args: NoArgs) -> Response:  # noqa: ARG001
    require_admin()
    asked = body_of(TokenAsked)
    if asked.scope == "admin" and not is_confirmed():
        raise ApiError(403, "give your password again at /settings/tokens; it holds for 10 minutes")
    try:
        secret = service().pipeline.with_store(lambda store: new_token(store, asked.name, asked.scope))
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    except StoreError as error:
        taken = any(token.name == asked.name.strip() for token in service().store.tokens())
        if not taken:
            raise
        raise ApiError(409, str(error)) from None
    token_book().forget()
    audit("token made", asked.name.strip(), scope=asked.scope)
    return json_response(TokenMade(asked.name.strip(), asked.scope, secret))


@api.route(
    Route(
        "DELETE",
        "/api/tokens/<path:name>",
        "Revoke a token",
        answer=Content(type=Removed),
        refusals=(400, 401, 403, 404, 421, 503),
    )
)
def revoke_token(args: NoArgs, name: str) -> Response:  # noqa: ARG001
    require_admin()
    removed = service().pipeline.with_store(lambda store: store.remove_token(name))
    token_book().forget()
    if removed:
        audit("token revoked", name)
    return json_response(Removed(removed))
