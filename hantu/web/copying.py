"""What a reader copies to use elsewhere: commands that ask the API for what the page shows."""

from __future__ import annotations

import shlex

from flask import request

from hantu.web.access import client


def curl(path: str, **parameters: str) -> str:
    """A command for a shell that asks the API for `path`. A secret is never in it: where one is needed, it
    is the shell's variable HANTU_TOKEN."""
    words = ["curl -sS"]
    if client().account or not client().local:
        words.append('-H "Authorization: Bearer $HANTU_TOKEN"')
    given = {name: value for name, value in parameters.items() if value}
    if given:
        words.append("-G")
    words.append(shlex.quote(request.host_url.rstrip("/") + path))
    words += [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in given.items()]
    return " ".join(words)
