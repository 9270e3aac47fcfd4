"""Which role each act takes, and under which name the audit trail has it. What is not listed takes an
admin (tests/web/test_rights.py finds it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hantu.roles import Role
from hantu.web.site import SAFE_METHODS


@dataclass(frozen=True, slots=True)
class Right:
    """role: the least that may do it. act: its name in the audit trail, "" for what changes nothing that
    others see, or notes itself."""

    role: Role
    act: str = ""


_VIEWER: Final = Role.VIEWER
_OPERATOR: Final = Role.OPERATOR
_ADMIN: Final = Role.ADMIN
_ERROR: Final = "/api/errors/<error_id>"
_RUN: Final = "/api/executions/<execution_id>"
_ARTIFACT: Final = "/api/artifacts/<artifact_id>"

ACTS: Final[Mapping[tuple[str, str], Right]] = {
    # Oneself
    ("POST", "/login"): Right(_VIEWER),
    ("POST", "/logout"): Right(_VIEWER),
    ("POST", "/setup"): Right(_VIEWER),
    ("POST", "/settings"): Right(_VIEWER),
    ("POST", "/settings/password"): Right(_VIEWER),
    # Views: those of everybody take an operator, which their own code asks for and notes.
    **{
        ("POST", f"/logs/{path}"): Right(_VIEWER)
        for path in ("views", "views/rename", "views/remove", "start", "zone")
    },
    ("POST", "/api/views"): Right(_VIEWER),
    ("DELETE", "/api/views/<path:name>"): Right(_VIEWER),
    ("POST", "/settings/sessions"): Right(_VIEWER),
    # Errors
    ("POST", "/errors/act"): Right(_OPERATOR, "errors changed"),
    (
        "POST",
        "/errors/<int:group_no>/<any(resolve, reopen, mute, unmute, note, merge, split):act>",
    ): Right(_OPERATOR, "errors changed"),
    **{
        ("POST", f"{_ERROR}/{act}"): Right(_OPERATOR, "errors changed")
        for act in ("resolve", "reopen", "mute", "unmute", "notes", "merge", "split")
    },
    # Collectors
    ("POST", "/sources/<any(start, stop):act>"): Right(_OPERATOR, "collector changed"),
    ("POST", "/api/collectors/<path:key>/start"): Right(_OPERATOR, "collector changed"),
    ("POST", "/api/collectors/<path:key>/stop"): Right(_OPERATOR, "collector changed"),
    # Executions. What programs report is in the history of each run.
    ("POST", "/executions/<uuid:execution_id>/cancel"): Right(_OPERATOR, "execution cancelled"),
    ("POST", f"{_RUN}/cancel"): Right(_OPERATOR, "execution cancelled"),
    ("POST", "/api/executions"): Right(_OPERATOR),
    ("PATCH", _RUN): Right(_OPERATOR),
    ("POST", f"{_RUN}/heartbeat"): Right(_OPERATOR),
    ("POST", f"{_RUN}/artifacts"): Right(_OPERATOR),
    ("PUT", f"{_ARTIFACT}/content"): Right(_OPERATOR),
    ("POST", f"{_ARTIFACT}/archive"): Right(_OPERATOR, "artifact archived"),
    ("POST", f"{_ARTIFACT}/restore"): Right(_OPERATOR, "artifact restored"),
    ("DELETE", _ARTIFACT): Right(_OPERATOR, "artifact deleted"),
    # Lines, the whole
    ("POST", "/api/ingest"): Right(_OPERATOR),
    ("POST", "/api/cleanup"): Right(_ADMIN, "clean-up"),
    ("POST", "/status/cleanup"): Right(_ADMIN, "clean-up"),
    ("POST", "/api/alerts/retry"): Right(_ADMIN, "alerts resumed"),
    ("POST", "/settings/alerts/test"): Right(_ADMIN, "alerts tried"),
    # Tokens, accounts and backups note themselves: who and which is in their bodies.
    ("POST", "/api/backups"): Right(_ADMIN),
    ("POST", "/api/tokens"): Right(_ADMIN),
    ("DELETE", "/api/tokens/<path:name>"): Right(_ADMIN),
    ("POST", "/settings/tokens"): Right(_ADMIN),
    ("POST", "/settings/accounts"): Right(_ADMIN),
    ("POST", "/api/accounts"): Right(_ADMIN),
    ("PATCH", "/api/accounts/<name>"): Right(_ADMIN),
    ("PUT", "/api/accounts/<name>/password"): Right(_ADMIN),
    ("DELETE", "/api/accounts/<name>"): Right(_ADMIN),
}

OF_ADMINS: Final = (
    "/settings/accounts",
    "/settings/tokens",
    "/settings/audit",
    "/api/accounts",
    "/api/tokens",
    "/api/audit",
)
"""What begins so is not even read by others."""


def right_of(method: str, rule: str) -> Right:
    """What a request to this rule takes; rule "": no rule fits, which shows nothing."""
    if method in SAFE_METHODS:
        return Right(_ADMIN if rule.startswith(OF_ADMINS) else _VIEWER)
    if not rule:
        return Right(_VIEWER)
    return ACTS.get((method, rule), Right(_ADMIN, f"{method} {rule}"))
