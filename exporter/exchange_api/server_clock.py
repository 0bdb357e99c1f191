"""Learn the time of an exchange from the `Date` of its responses, and from how stamps fare."""

from typing import NamedTuple

from exporter.errors import ClockSkewError, PollError
from exporter.runtime.clock import Bounds, Clock

TOLERATED_SKEW = 4.0
"""Seconds that a stamp may be off; BtcTurk tolerates 5, and a `Date` is known to the second."""

_ABSURD = 365 * 24 * 3600.0
"""Seconds from our own time beyond which a date is no clock's; TLS would not work either."""

_ROUNDING = 0.001  # seconds; Unix times as floats are good to a microsecond


class SignedAt(NamedTuple):
    """Say with what time a request was signed (Unix seconds), and when that was (monotonic)."""

    time: float
    made_at: float


class ServerClock:
    """Estimate what an exchange's clock shows, from what three witnesses say.

    - A response of date D (whole seconds, cut off) to a request that was sent at `sent` and had
      come by `received` bounds the exchange's clock by D - received and D + 1 - sent ahead of our
      monotonic one. But a date is only what some server on the way wrote. One date is not believed;
      dates of two successful responses in a row that agree are.
    - A stamp that is accepted was judged by the exchange itself, as far as it judges stamps at all.
      So requests are signed with a time that was accepted before, if there is one.
    - Our wall clock is believed while nothing contradicts it, so a synchronised machine is never
      corrected by the network's delays.

    The date of a refusal is a hypothesis: the next request is signed by it, and only if that is
    accepted is it believed. It is not tried against stamps that are being accepted, unless our wall
    clock or a second refusal in a row agrees with it. So one key that is refused, or one page of a
    machine on the way, can't spoil the stamps of all accounts.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without any knowledge: the wall clock is believed."""
        self._clock = clock
        self._agreed: Bounds | None = None
        self._last_date: Bounds | None = None
        self._confirmed: Bounds | None = None
        self._hypothesis: Bounds | None = None
        self._doubt: Bounds | None = None

    def bounds(self, date: float | None, sent: float, received: float) -> Bounds | None:
        """Return what a response's date (Unix seconds) and its monotonic times say."""
        if date is None or abs(date - self.now()) > _ABSURD:
            return None
        return Bounds(date - received - _ROUNDING, date + 1 - sent + _ROUNDING)

    def learn(self, bounds: Bounds | None) -> None:
        """Take in what the date of a successful response says."""
        if bounds is None:
            return
        last, self._last_date = self._last_date, bounds
        if self._agreed is not None and self._agreed.agree(bounds):
            self._agreed = self._agreed.narrowed(bounds)
        elif last is not None and last.agree(bounds):
            self._agreed = last.narrowed(bounds)

    def stamp(self, time: float) -> SignedAt:
        """Note a time (Unix seconds) that a request is about to be signed with."""
        return SignedAt(time, self._clock.monotonic())

    def accepted(self, stamp: SignedAt) -> None:
        """Note that the exchange accepted a stamp, at some time before the response."""
        least, most = stamp.time - self._clock.monotonic(), stamp.time - stamp.made_at
        bounds = Bounds(least - TOLERATED_SKEW, most + TOLERATED_SKEW)
        self._confirmed = self._confirmed.narrowed(bounds) if self._confirmed else bounds
        if self._hypothesis is not None and self._hypothesis.agree(bounds):
            self._agreed = self._hypothesis
        self._hypothesis = self._doubt = None

    def refused(self, error: PollError, stamp: SignedAt) -> PollError:
        """Return what the refusal of a stamp means: our time was off, or `error`."""
        ahead = stamp.time - stamp.made_at
        date = error.date_bounds
        if date is None:
            return self._refused_without_date(error, ahead)
        if date.agree(Bounds(ahead, ahead), TOLERATED_SKEW):
            if self._confirmed is None:
                self._hypothesis = date  # not to blame, but more exact
            return error
        if self._is_protected_from(date):
            self._doubt = date
            return error
        self._hypothesis, self._doubt = date, None
        skew = date.nearest(ahead) - ahead
        side = "behind" if skew > 0 else "ahead of"
        return ClockSkewError(
            f"rejected: signed with a time {abs(skew):.0f} s {side} the exchange's clock"
        )

    def behind(self, stamp: SignedAt) -> float:
        """Return the seconds that a stamp was behind the current signing time."""
        return self._ahead(self._for_signing()) - (stamp.time - stamp.made_at)

    def offset(self) -> float:
        """Return the seconds that the exchange's clock is ahead of ours, 0 if they may agree."""
        bounds, wall = self._for_dates(), self._wall_ahead()
        return bounds.nearest(wall) - wall if bounds else 0.0

    def now(self) -> float:
        """Return the exchange's time as Unix seconds."""
        return self._clock.wall() + self.offset()

    def now_by(self, date: float | None) -> float:
        """Return the time by a response's own date, unless it has none or an absurd one."""
        now = self.now()
        return now if date is None or abs(date - now) > _ABSURD else date

    def signing_time(self) -> float:
        """Return the time to sign with, as Unix seconds: one that was accepted before, if any."""
        return self._clock.monotonic() + self._ahead(self._for_signing())

    def _refused_without_date(self, error: PollError, ahead: float) -> PollError:
        """Discard a time that only dates spoke for, if the stamp was made by it."""
        was_learned = abs(ahead - self._wall_ahead()) > TOLERATED_SKEW
        if not was_learned or (self._confirmed is not None and self._hypothesis is None):
            return error
        self._hypothesis = self._agreed = self._last_date = None
        return ClockSkewError("the time that the exchange's dates show was refused")

    def _is_protected_from(self, date: Bounds) -> bool:
        if self._confirmed is None or self._hypothesis is not None:
            return False
        wall = self._wall_ahead()
        is_walls = date.agree(Bounds(wall, wall), TOLERATED_SKEW)
        is_second = self._doubt is not None and self._doubt.agree(date, TOLERATED_SKEW)
        return not (is_walls or is_second)

    def _for_dates(self) -> Bounds | None:
        return self._hypothesis or self._agreed or self._confirmed

    def _for_signing(self) -> Bounds | None:
        if self._hypothesis:
            return self._hypothesis
        if self._confirmed and self._agreed and self._confirmed.agree(self._agreed):
            return self._confirmed.narrowed(self._agreed)
        return self._confirmed or self._agreed

    def _ahead(self, bounds: Bounds | None) -> float:
        wall = self._wall_ahead()
        return bounds.nearest(wall) if bounds else wall

    def _wall_ahead(self) -> float:
        return self._clock.wall() - self._clock.monotonic()
