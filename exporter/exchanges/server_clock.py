"""Learn the time of an exchange from the `Date` of its answers."""

import math

from exporter.clock import Clock
from exporter.errors import AuthenticationError, ClockSkewError, PollError

TOLERATED_SKEW = 4.0
"""Seconds that a stamp may be off; BtcTurk tolerates 5, and a `Date` is known to the second."""

_ABSURD = 2 * 24 * 3600.0
"""Seconds from our own time beyond which a date is no clock's; TLS would not work either."""

_ROUNDING = 0.001  # seconds; Unix times as floats are good to a microsecond


class ServerClock:
    """Estimate what an exchange's clock shows, from any number of its answers.

    An answer of date D (whole seconds, cut off) that was asked for at `sent` and had come by
    `received` proves that the exchange's clock is ahead of our monotonic clock by D - received at
    least and by D + 1 - sent at most. The answers' bounds are intersected; where they contradict
    each other a clock was set, and the newest alone counts. Our wall clock is believed while it
    lies within the bounds, so a synchronised machine is never corrected by the network's delays,
    and a wall clock that jumps does no harm.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without any knowledge: the wall clock is believed."""
        self._clock = clock
        self._least = -math.inf
        self._most = math.inf

    def learn(self, date: float, sent: float, received: float) -> None:
        """Take in an answer's date (Unix seconds) and its monotonic times; skip an absurd one."""
        if abs(date - self.now()) > _ABSURD:
            return
        least, most = date - received - _ROUNDING, date + 1 - sent + _ROUNDING
        if max(least, self._least) <= min(most, self._most):
            least, most = max(least, self._least), min(most, self._most)
        self._least, self._most = least, most

    def offset(self) -> float:
        """Return the seconds that the exchange's clock is ahead of ours, 0 if they may agree."""
        ahead = self._clock.wall() - self._clock.monotonic()
        if self._least <= ahead <= self._most:
            return 0.0
        return (self._least + self._most) / 2 - ahead

    def now(self) -> float:
        """Return the exchange's time as Unix seconds."""
        return self._clock.wall() + self.offset()


def skew_or(error: AuthenticationError, skew: float) -> PollError:
    """Return what a refusal means when the stamp was `skew` seconds off: the clock, or `error`."""
    if abs(skew) <= TOLERATED_SKEW:
        return error
    return ClockSkewError(f"our time was {skew:+.0f} s off and the request was refused")
