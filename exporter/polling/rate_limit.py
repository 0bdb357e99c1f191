"""Decide when the next request or poll may start: pure arithmetic, with the clock passed in."""

import math
from collections import deque
from collections.abc import Collection, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

from exporter.errors import (
    AuthenticationError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    UnavailableError,
)

PERIOD = 60.0
"""Seconds over which the exchanges count requests."""

WINDOW = PERIOD + 0.5
"""Seconds for which a request counts: a little longer, for two clocks never run quite alike."""

UTILISATION = 0.9
"""Share of a limit that polls may use; the rest is for tokens, retries and other programs."""

REFUSED_PAUSES = (60.0, 300.0, 900.0)
MAX_PAUSE = 900.0
Key = TypeVar("Key", bound=Hashable)
_FIRST_PAUSE = 30.0


class RateLimiter:
    """Keep the requests of all accounts of one API below its limit in every window of a minute.

    A request may reach the exchange at any time between its start and its end, so it counts from
    its start until a whole period after its end. Starts of polls are spaced evenly; what a running
    poll asks for besides (a token) goes at once and pushes the next start back instead.
    """

    def __init__(self, limit: int) -> None:
        """Take the limit in requests a minute."""
        self.set_limit(limit)
        self._next_start = 0.0
        self._paused_until = 0.0
        self._under_way = 0
        self._ended: deque[float] = deque()

    def set_limit(self, limit: int) -> None:
        """Change the limit; what was already sent still counts."""
        self._limit = limit
        self._spacing = PERIOD / (limit * UTILISATION)

    def delay_before_poll(self, now: float) -> float:
        """Return the seconds until another poll may start, 0 if it may now."""
        return max(self._next_start - now, self.delay_before_request(now))

    def delay_before_request(self, now: float) -> float:
        """Return the seconds until a running poll may send another request, 0 if it may now."""
        while self._ended and self._ended[0] + WINDOW <= now:
            self._ended.popleft()
        wait = self.remaining_pause(now)
        surplus = self._under_way + len(self._ended) - self._limit
        if surplus >= len(self._ended):
            wait = max(wait, self._spacing)
        elif surplus >= 0:
            wait = max(wait, self._ended[surplus] + WINDOW - now)
        return wait

    def is_idle(self, now: float) -> bool:
        """Return whether no pause and no earlier request holds anything back any more."""
        return self.delay_before_poll(now) == 0 and not self._under_way and not self._ended

    def remaining_pause(self, now: float) -> float:
        """Return the seconds for which nothing may start, 0 outside a pause."""
        return max(self._paused_until - now, 0.0)

    def start(self, now: float) -> None:
        """Count a request that starts."""
        self._under_way += 1
        self._next_start = max(self._next_start, now) + self._spacing

    def end(self, now: float) -> None:
        """Count the end of a request, whatever became of it."""
        self._under_way -= 1
        self._ended.append(now)

    def pause(self, until: float) -> None:
        """Let nothing start before `until`."""
        self._paused_until = max(self._paused_until, until)


class Refusal(NamedTuple):
    """Hold what was refused, how often in a row, and until when it is to be left alone."""

    asked: object
    in_a_row: int
    until: float


class Backoff(Generic[Key]):
    """Leave refused accounts alone, ever longer: an exchange blocks an address that goes on asking.

    Only a success, or asking with something else, ends a row of refusals; neither other failures
    nor a reload do. What an account `asked` with is compared, and no more.
    """

    def __init__(self) -> None:
        """Start without refusals."""
        self._refusals: dict[Key, Refusal] = {}

    def note(self, account: Key, asked: object, outcome: object, now: float) -> float:
        """Return for how many seconds to leave an account alone after a poll that ended at `now`.

        That is 0 for all outcomes but a refusal.
        """
        before = self._refusals.pop(account, None)
        if before and before.asked != asked:
            before = None
        if isinstance(outcome, AuthenticationError | PermissionDeniedError):
            in_a_row = before.in_a_row + 1 if before else 1
            pause = REFUSED_PAUSES[min(in_a_row, len(REFUSED_PAUSES)) - 1]
            self._refusals[account] = Refusal(asked, in_a_row, now + pause)
            return pause
        if before and isinstance(outcome, PollError):
            self._refusals[account] = before
        return 0.0

    def in_force(self, account: Key, now: float) -> Refusal | None:
        """Return the refusal for which an account is still to be left alone."""
        refusal = self._refusals.get(account)
        return refusal if refusal and now < refusal.until else None

    def keep(self, accounts: Collection[Key]) -> None:
        """Forget all accounts but these."""
        self._refusals = {key: each for key, each in self._refusals.items() if key in accounts}


def stretch(intervals: Iterable[float], limit: int) -> float:
    """Return the factor, 1 or more, that makes polling at these intervals (in s) fit a limit."""
    wished = sum(PERIOD / interval for interval in intervals)
    return max(1.0, wished / (limit * UTILISATION))


def next_due(due: float, now: float, interval: float, pause: float) -> float:
    """Return when the next poll is due: in rhythm with the last, and missed ones stay missed."""
    missed = max(0, math.floor((now - due) / interval))
    return max(due + (missed + 1) * interval, now + pause)


def rate_limit_pause(error: RateLimitedError, in_a_row: int, jitter: float) -> float:
    """Return the seconds for which no account may use an API that asked for fewer requests.

    The exchange's own wish is obeyed; without one the pause grows exponentially with the refusals
    in a row, and `jitter` (0 to 1) takes a share of it.
    """
    if error.retry_after is not None:
        return error.retry_after
    return jitter * min(MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(in_a_row, 10))


def outage_pause(outcome: object) -> float:
    """Return the seconds for which an exchange that is out of order wants an account to wait.

    Other failures keep the rhythm, which is polite enough.
    """
    return outcome.retry_after or 0.0 if isinstance(outcome, UnavailableError) else 0.0
