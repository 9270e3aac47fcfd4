"""The pages: one blueprint, its templates' filters, and the row renderer of the live tail."""

from __future__ import annotations

from typing import Final, cast

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState

from hantu.paths import TEMPLATES
from hantu.web import (
    about,
    entry,
    executions,
    inbox,
    inbox_acts,
    logs,
    one_error,
    one_execution,
    palette,
    patterns,
    render,
    searchbox,
    settings,
    settings_accounts,
    settings_audit,
    settings_sessions,
    settings_shown,
    settings_tokens,
    setup,
    signin,
    sources,
    status,
    styleguide,
    trace_page,
    views,
)
from hantu.web.rows import RowRenderer

blueprint: Final = Blueprint("pages", __name__, template_folder=str(TEMPLATES))
for page in (
    *(
        logs,
        searchbox,
        patterns,
        views,
        entry,
        inbox,
        inbox_acts,
        one_error,
        executions,
        one_execution,
        trace_page,
    ),
    *(
        sources,
        status,
        settings,
        settings_shown,
        settings_accounts,
        settings_audit,
        settings_sessions,
        settings_tokens,
        about,
        palette,
        styleguide,
        setup,
        signin,
    ),
):
    page.register(blueprint)


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Give the application what templates and live tail use."""
    app = cast(Flask, state.app)
    render.install(app)
    app.extensions["hantu.rows"] = RowRenderer()
