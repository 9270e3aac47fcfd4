"""Why something was not taken; apart from the sinks, for it is loaded by programs that run for a moment."""

from __future__ import annotations


class SinkError(Exception):
    """Records were not taken; says why, without a token.

    permanent: these records never will be. retry_after_s: the wait that the receiver asks for.
    busy: the receiver is there and has no room now, which is no failure of it."""

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        busy: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.busy = busy
        self.retry_after_s = retry_after_s
