"""Decide which causes of one outage are logged, and when it is logged again."""

from typing import NamedTuple

from exporter.polling.snapshots import Outage

REMINDER_SECONDS = 3600.0
"""Time without a line after which an account that is still down is logged again."""

_SETTLED_SECONDS = 300.0  # a cause that comes back for less than this is logged only the first time
_MAX_CAUSES = 20


class Cause(NamedTuple):
    """Say why something is down."""

    reason: str
    message: str


class Causes:
    """Remember what was logged of one outage.

    A new cause is logged at once, one that was logged before only if it lasts: causes that
    alternate say nothing new. Beyond 20 of them reasons alone count, for messages may vary with
    every poll.
    """

    def __init__(self, began_at: float) -> None:
        """Start with nothing logged; times are monotonic."""
        self._known: set[Cause] = set()
        self._logged: Cause | None = None
        self._logged_at = began_at
        self._current: Cause | None = None
        self._current_since = began_at

    def note(self, outage: Outage | Cause, now: float) -> bool:
        """Note why a poll or a fetch failed, and return whether to log it."""
        cause = self._name(outage)
        if cause != self._current:
            self._current, self._current_since = cause, now
        if cause == self._logged:
            return False
        if cause in self._known and now - self._current_since < _SETTLED_SECONDS:
            return False
        self._known.add(cause)
        self._logged, self._logged_at = cause, now
        return True

    def remind(self, now: float) -> bool:
        """Return whether it is time to log the current cause again."""
        if now - self._logged_at < REMINDER_SECONDS:
            return False
        self._logged, self._logged_at = self._current, now
        return True

    def _name(self, outage: Outage | Cause) -> Cause:
        cause = Cause(outage.reason, outage.message)
        is_exact = cause in self._known or len(self._known) < _MAX_CAUSES
        return cause if is_exact else Cause(outage.reason, "")
