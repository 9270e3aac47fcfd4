"""The web: create_app over a Service."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Final

from flask import Flask
from jinja2 import StrictUndefined

from hantu.paths import STATIC, TEMPLATES
from hantu.service import Service
from hantu.threads import DaemonThread
from hantu.web import (
    access,
    api_accounts,
    api_alerts,
    api_artifacts,
    api_backups,
    api_collectors,
    api_errors,
    api_executions,
    api_export,
    api_gaps,
    api_logs,
    api_patterns,
    api_status,
    api_tokens,
    api_views,
    audit,
    compress,
    errors,
    ingest,
    live,
    openapi,
)

BODY_BYTES_MOST: Final = 10 * 1024 * 1024
MESSAGE_BYTES_MOST: Final = 64 * 1024
PAGES: Final = "hantu.web.pages"
APIS: Final = (
    api_logs.api,
    api_export.api,
    api_patterns.api,
    api_backups.api,
    api_gaps.api,
    api_alerts.api,
    api_status.api,
    api_collectors.api,
    api_errors.api,
    api_executions.api,
    api_artifacts.api,
    api_tokens.api,
    api_accounts.api,
    api_views.api,
    ingest.api,
    live.api,
)


def create_app(service: Service) -> Flask:
    """The WSGI application over `service`, which the caller starts and stops.

    The service stands in app.extensions["hantu"]."""
    app = Flask("hantu", template_folder=str(TEMPLATES), static_folder=str(STATIC))
    app.jinja_env.undefined = StrictUndefined
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_BYTES_MOST,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES_MOST,
        # simple-websocket reads each connection in a thread of its own, which must not hold up the end.
        SOCK_SERVER_OPTIONS={
            "ping_interval": 25,
            "max_message_size": MESSAGE_BYTES_MOST,
            "thread_class": DaemonThread,
        },
    )
    app.extensions["hantu"] = service
    errors.register(app)
    compress.register(app)
    access.register(app, access.TokenBook(service))
    audit.register(app)
    for api in APIS:
        app.register_blueprint(api.blueprint)
    openapi.register(app, [route for api in APIS for route in api.routes])
    if importlib.util.find_spec(PAGES) is not None:
        app.register_blueprint(importlib.import_module(PAGES).blueprint)
    return app
