"""hantu: the log desk of one small server, and its log library: `from hantu import get_logger`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hantu.client.asgi import AsgiMiddleware
    from hantu.client.execution import Run, execution
    from hantu.client.handler import HantuHandler, install
    from hantu.client.job import start_trace, traced
    from hantu.client.lifecycle import configure, shutdown, status
    from hantu.client.logger import Logger, get_logger
    from hantu.client.resolving import mark_resolved
    from hantu.client.structlog_processor import structlog_processor
    from hantu.client.trace import TraceIdContext, carry, get_trace_id, trace_headers
    from hantu.client.wsgi import WsgiMiddleware
    from hantu.mask import SensitiveDataFilter

__version__ = "0.1.0"

__all__ = [
    "AsgiMiddleware",
    "HantuHandler",
    "Logger",
    "Run",
    "SensitiveDataFilter",
    "TraceIdContext",
    "WsgiMiddleware",
    "carry",
    "configure",
    "execution",
    "get_logger",
    "get_trace_id",
    "install",
    "mark_resolved",
    "shutdown",
    "start_trace",
    "status",
    "structlog_processor",
    "trace_headers",
    "traced",
]

_MODULES = {
    "AsgiMiddleware": "client.asgi",
    "HantuHandler": "client.handler",
    "Logger": "client.logger",
    "Run": "client.execution",
    "SensitiveDataFilter": "mask",
    "TraceIdContext": "client.trace",
    "WsgiMiddleware": "client.wsgi",
    "carry": "client.trace",
    "configure": "client.lifecycle",
    "execution": "client.execution",
    "get_logger": "client.logger",
    "get_trace_id": "client.trace",
    "install": "client.handler",
    "mark_resolved": "client.resolving",
    "shutdown": "client.lifecycle",
    "start_trace": "client.job",
    "status": "client.lifecycle",
    "structlog_processor": "client.structlog_processor",
    "trace_headers": "client.trace",
    "traced": "client.job",
}
"""Where each name is. They are loaded when first used: importing hantu costs nothing."""


def __getattr__(name: str) -> "Any":
    if name not in _MODULES:
        raise AttributeError(f"hantu has no {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"hantu.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
