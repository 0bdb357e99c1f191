"""Decide when the next request or poll may start: pure arithmetic, with the time passed in."""

import math
from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar, cast

from exporter.errors import (
    AuthenticationError,
    ClockSkewError,
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


@dataclass(slots=True)
class Pause:
    """Let nothing start before `until` (monotonic), at every limit that shares this pause."""

    until: float = 0.0


class RateLimiter:
    """Keep the requests of all accounts of one API below its limit in every window of a minute.

    A request may reach the exchange at any time between its start and its end, so it counts from
    its start until a whole period after its end. Starts of polls are spaced evenly; further
    requests of a running poll (a token) go at once and delay the next start instead.
    """

    def __init__(self, limit: int, pause: Pause | None = None) -> None:
        """Take the limit in requests a minute, and the pause that it shares with other limits."""
        self.set_limit(limit)
        self._next_start = 0.0
        self.shared_pause = pause or Pause()
        self._under_way = 0
        self._ended: deque[float] = deque()
        self._earlier_until = -math.inf  # when an earlier process may have sent its last request

    def set_limit(self, limit: int) -> None:
        """Change the limit; requests that were already sent still count."""
        self.limit = limit
        self._spacing = PERIOD / (limit * UTILISATION)

    def assume_earlier_requests(self, until: float) -> None:
        """Count as if an earlier process had sent requests, as often as this one would, `until`.

        A restart must not exceed the limit, and nobody knows what was sent before it.
        """
        self._earlier_until = until
        self._next_start = max(self._next_start, until + self._spacing)

    def delay_before_poll(self, now: float) -> float:
        """Return the seconds until another poll may start, 0 if it may now."""
        return max(self._next_start - now, self.delay_before_request(now))

    def delay_before_request(self, now: float) -> float:
        """Return the seconds until a running poll may send another request, 0 if it may now."""
        while self._ended and self._ended[0] + WINDOW <= now:
            self._ended.popleft()
        wait = self.remaining_pause(now)
        earlier = self._earlier_requests(now)
        past = earlier + len(self._ended)
        surplus = self._under_way + past - self.limit
        if surplus >= past:
            wait = max(wait, self._spacing)
        elif surplus >= earlier:
            wait = max(wait, self._ended[surplus - earlier] + WINDOW - now)
        elif surplus >= 0:
            last = self._earlier_until - (earlier - 1 - surplus) * self._spacing
            wait = max(wait, last + WINDOW - now)
        return wait

    def is_idle(self, now: float) -> bool:
        """Return whether no pause and no earlier request holds anything back any more."""
        return self.delay_before_poll(now) == 0 and not self._under_way and not self._ended

    def remaining_pause(self, now: float) -> float:
        """Return the seconds for which nothing may start, 0 outside a pause."""
        return max(self.shared_pause.until - now, 0.0)

    def start(self, now: float) -> None:
        """Count a request that starts."""
        self._under_way += 1
        self._next_start = max(self._next_start, now) + self._spacing

    def end(self, now: float) -> None:
        """Count the end of a request, whatever its outcome."""
        self._under_way -= 1
        self._ended.append(now)

    def pause(self, until: float) -> None:
        """Let nothing start before `until`."""
        self.shared_pause.until = max(self.shared_pause.until, until)

    def _earlier_requests(self, now: float) -> int:
        """Return how many requests of an earlier process may still count."""
        rest = self._earlier_until + WINDOW - now
        return math.floor(rest / self._spacing) + 1 if rest > 0 else 0


class Refusal(NamedTuple):
    """Describe what was refused, how often in a row, and until when it must wait."""

    asked: object
    in_a_row: int
    until: float
    error: PollError


class Backoff(Generic[Key]):
    """Back off from refused keys, longer each time: exchanges block addresses that keep trying.

    Only a success, or other content of `asked`, ends a row of refusals; neither other failures nor
    a reload do. What was `asked` is compared, nothing else. The clock can be to blame once: a
    second `clock_skew` in a row counts as a refusal.
    """

    def __init__(self) -> None:
        """Start without refusals."""
        self._refusals: dict[Key, Refusal] = {}
        self._skewed: set[Key] = set()

    def note(self, account: Key, asked: object, outcome: object, now: float) -> float:
        """Return for how many seconds to leave an account alone after a poll that ended at `now`.

        That is 0 for all outcomes but a refusal.
        """
        before = self._refusals.pop(account, None)
        if before and before.asked != asked:
            before = None
        if self._is_refusal(account, outcome):
            in_a_row = before.in_a_row + 1 if before else 1
            pause = REFUSED_PAUSES[min(in_a_row, len(REFUSED_PAUSES)) - 1]
            self._refusals[account] = Refusal(
                asked, in_a_row, now + pause, cast("PollError", outcome)
            )
            return pause
        if before and isinstance(outcome, PollError):
            self._refusals[account] = before
        return 0.0

    def _is_refusal(self, account: Key, outcome: object) -> bool:
        if isinstance(outcome, ClockSkewError):
            was_skewed = account in self._skewed
            self._skewed.add(account)
            return was_skewed
        if isinstance(outcome, AuthenticationError | PermissionDeniedError):
            return True
        if not isinstance(outcome, PollError):
            self._skewed.discard(account)
        return False

    def in_force(self, account: Key, now: float) -> Refusal | None:
        """Return the refusal for which an account is still to be left alone."""
        refusal = self._refusals.get(account)
        return refusal if refusal and now < refusal.until else None

    def keep(self, accounts: Collection[Key]) -> None:
        """Drop all accounts except these."""
        self._skewed.intersection_update(accounts)
        self._refusals = {key: each for key, each in self._refusals.items() if key in accounts}

    def forget_before(self, time: float) -> None:
        """Drop refusals whose pause ended before a monotonic time."""
        self._refusals = {key: each for key, each in self._refusals.items() if each.until >= time}


def stretch(intervals: Iterable[float], limit: int) -> float:
    """Return the factor, 1 or more, that makes polling at these intervals (in s) fit a limit."""
    wanted = sum(PERIOD / interval for interval in intervals)
    return max(1.0, wanted / (limit * UTILISATION))


def next_due(due: float, now: float, interval: float, pause: float) -> float:
    """Return when the next poll is due: one interval after the last; missed polls stay missed."""
    missed = max(0, math.floor((now - due) / interval))
    return max(due + (missed + 1) * interval, now + pause)


def rate_limit_pause(error: RateLimitedError, in_a_row: int, jitter: float) -> float:
    """Return the seconds for which no account may use an API that rejected requests as too many.

    The exchange's `Retry-After` is followed; without one the pause grows exponentially with the
    responses in a row, and `jitter` (0 to 1) takes a share of it.
    """
    if error.retry_after is not None:
        return error.retry_after
    return jitter * min(MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(in_a_row, 10))


def outage_pause(outcome: object) -> float:
    """Return the seconds of an unavailable exchange's Retry-After, for which an account waits.

    Other failures keep the interval, which is polite enough.
    """
    return outcome.retry_after or 0.0 if isinstance(outcome, UnavailableError) else 0.0
