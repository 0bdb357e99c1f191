"""Learn the time of an exchange from the `Date` of its answers."""

import math
from typing import NamedTuple

from exporter.errors import ClockSkewError, PollError
from exporter.runtime.clock import Clock

TOLERATED_SKEW = 4.0
"""Seconds that a stamp may be off; BtcTurk tolerates 5, and a `Date` is known to the second."""

_ABSURD = 365 * 24 * 3600.0
"""Seconds from our own time beyond which a date is no clock's; TLS would not work either."""

_ROUNDING = 0.001  # seconds; Unix times as floats are good to a microsecond


class SignedAt(NamedTuple):
    """Hold a time that a request is signed with (Unix seconds), and when that was (monotonic)."""

    time: float
    made_at: float


class ServerClock:
    """Estimate what an exchange's clock shows, from any number of its answers.

    An answer of date D (whole seconds, cut off) that was asked for at `sent` and had come by
    `received` proves that the exchange's clock is ahead of our monotonic clock by D - received at
    least and by D + 1 - sent at most. The answers' bounds are intersected. Our wall clock is
    believed while it lies within the bounds, so a synchronised machine is never corrected by the
    network's delays, and a wall clock that jumps does no harm.

    A date is only what some server on the way wrote, while a stamp was judged by the exchange. So a
    date that contradicts what is known counts only once a stamp is refused, and a stamp that is
    accepted outweighs any date: one answer that lies can't spoil the stamps of all accounts. Where
    no answer has a date, accepted stamps alone tell the time after our wall clock jumped.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without any knowledge: the wall clock is believed."""
        self._clock = clock
        self._least = -math.inf
        self._most = math.inf
        self._contrary: tuple[float, float] | None = None

    def learn(self, date: float | None, sent: float, received: float) -> None:
        """Take in an answer's date (Unix seconds, if it has one) and its monotonic times."""
        self._contrary = None
        if date is None or abs(date - self.now()) > _ABSURD:
            return
        bounds = date - received - _ROUNDING, date + 1 - sent + _ROUNDING
        if self._most == math.inf or self._is_near(*bounds):
            self._take(*bounds)
        else:
            self._contrary = bounds

    def stamp(self, time: float) -> SignedAt:
        """Note a time (Unix seconds) that a request is about to be signed with."""
        return SignedAt(time, self._clock.monotonic())

    def accepted(self, stamp: SignedAt) -> None:
        """Note that the exchange took a stamp for its own time, somewhere on the way."""
        least, most = stamp.time - self._clock.monotonic(), stamp.time - stamp.made_at
        self._take(least - TOLERATED_SKEW, most + TOLERATED_SKEW)

    def refused(self, error: PollError, stamp: SignedAt) -> PollError:
        """Return what the refusal of a stamp means: our time was off, or `error`."""
        if self._contrary:
            self._take(*self._contrary)
        skew = self.behind(stamp)
        if abs(skew) <= TOLERATED_SKEW:
            return error
        return ClockSkewError(f"our time was {skew:+.0f} s off and the request was refused")

    def behind(self, stamp: SignedAt) -> float:
        """Return the seconds that a stamp was behind the exchange's time, by what is known now."""
        return self.now() - self._clock.monotonic() + stamp.made_at - stamp.time

    def offset(self) -> float:
        """Return the seconds that the exchange's clock is ahead of ours, 0 if they may agree."""
        ahead = self._clock.wall() - self._clock.monotonic()
        if self._least <= ahead <= self._most:
            return 0.0
        return (self._least + self._most) / 2 - ahead

    def now(self) -> float:
        """Return the exchange's time as Unix seconds."""
        return self._clock.wall() + self.offset()

    def _is_near(self, least: float, most: float) -> bool:
        known = self.now() - self._clock.monotonic()
        return least - TOLERATED_SKEW <= known <= most + TOLERATED_SKEW

    def _take(self, least: float, most: float) -> None:
        """Narrow the bounds; where they contradict each other a clock was set: the newer count."""
        if max(least, self._least) <= min(most, self._most):
            least, most = max(least, self._least), min(most, self._most)
        self._least, self._most = least, most
