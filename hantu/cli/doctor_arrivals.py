"""What `hantu doctor` says of lines that should arrive: canaries, and sources that fell silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from hantu.cli.finding import Finding

_MENDS: Final = {
    "journal": "journalctl -t hantu-canary shows whether the journal has it; systemctl restart hantu",
    "files": "df -h shows whether the disk is full; systemctl restart hantu",
    "ingest": "journalctl -u hantu says why; systemctl restart hantu",
    "docker": "hantu has made new connections; when this stays: systemctl restart docker hantu",
}


def look_at_arrivals(collectors: Any) -> Iterator[Finding]:
    """Findings from the answer of GET /api/collectors."""
    for canary in collectors["canaries"]:
        fix = _MENDS.get(canary["way"], "systemctl restart hantu") if canary["missed"] else ""
        yield Finding(f"lines by {canary['way']}", not canary["missed"], _said(canary), fix)
    for silent in collectors["silent"]:
        name = silent["sourceId"] or silent["source"]
        usual = f"{silent['usualS'] / 60:.0f} min"
        says = f"silent since {silent['last'][:19]}Z, never before for more than {usual}"
        yield Finding(name, False, says, "look whether it still works; if it does, nothing has to be done")


def _said(canary: Any) -> str:
    sent = datetime.fromisoformat(canary["sent"][:19]).replace(tzinfo=UTC).astimezone()
    at = f"the line of {sent:%H:%M:%S}"
    if canary["names"]:
        return f"newest lines not read of: {', '.join(canary['names'])}"
    if canary["missed"]:
        return f"{at} has not arrived" + (f": {canary['error']}" if canary["error"] else "")
    if canary["delayS"] is None:
        return f"{at} is on its way"
    if canary["way"] == "docker":
        return f"the newest lines of {canary['lookedAt']} containers were read"
    return f"{at} arrived after {canary['delayS']:.2f} s"
