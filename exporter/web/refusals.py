"""Log rejected requests: each at debug, and a count of each kind once a minute."""

import asyncio
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

_MINUTE = 60.0
_ORDINARY = frozenset({404, 405})


@dataclass(slots=True)
class _Kind:
    """The rejected requests of one kind since the last line."""

    count: int
    peer: str
    reason: str
    timer: asyncio.TimerHandle


class RefusalLog:
    """Count rejected requests by status; TLS failures are counted separately."""

    def __init__(self) -> None:
        """Start without rejected requests."""
        self._kinds: dict[str, _Kind] = {}

    def note(self, status: int | str, peer: str, reason: str) -> None:
        """Count a rejected request; `reason` holds nothing that the client sent."""
        log.debug("request rejected", status=status, peer=peer, reason=reason)
        name = str(status)
        if name in self._kinds:
            kind = self._kinds[name]
            kind.count, kind.peer, kind.reason = kind.count + 1, peer, reason
            return
        _say(status, 1, peer, reason)
        self._kinds[name] = _Kind(0, peer, reason, self._later(status))

    def close(self) -> None:
        """Reset the counts."""
        for kind in self._kinds.values():
            kind.timer.cancel()
        self._kinds.clear()

    def _later(self, status: int | str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(_MINUTE, self._flush, status)

    def _flush(self, status: int | str) -> None:
        """Log the requests since the last line; stop after a minute without any."""
        kind = self._kinds[str(status)]
        if not kind.count:
            del self._kinds[str(status)]
            return
        _say(status, kind.count, kind.peer, kind.reason)
        kind.count, kind.timer = 0, self._later(status)


def _say(status: int | str, count: int, peer: str, reason: str) -> None:
    say = log.info if status in _ORDINARY else log.warning
    say("requests rejected", status=status, count=count, last_peer=peer, reason=reason)
