"""/api/backups: the audit trail hears of backups that a command made beside the service."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response
from msgspec import Meta

from hantu.output import Wire
from hantu.web.access import require_admin
from hantu.web.audit import TEXT_MOST, audit
from hantu.web.openapi import Api, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_backups")


class BackupMade(Wire, frozen=True, forbid_unknown_fields=True):
    """A backup: where it is, and how many entries are in it. user: who made it on this machine."""

    file: Annotated[str, Meta(min_length=1, max_length=TEXT_MOST)]
    entries: Annotated[int, Meta(ge=0)]
    user: Annotated[str, Meta(max_length=64)] = ""


class BackupNoted(Wire, frozen=True):
    """The file that was noted."""

    noted: str


@api.route(
    Route(
        "POST",
        "/api/backups",
        "Note in the audit trail that a backup was made",
        body=(Content(type=BackupMade, example={"file": "/mnt/backup/hantu.tar", "entries": 1200}),),
        answer=Content(type=BackupNoted),
        refusals=(400, 401, 403, 413, 421, 503),
    )
)
def note_backup(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    require_admin()
    made = body_of(BackupMade)
    audit("backup made", made.file, entries=made.entries, user=made.user)
    return json_response(BackupNoted(made.file))
