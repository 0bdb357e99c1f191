"""The exchange's clock: what dates and stamps say of it, and which of them is believed."""

from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import AuthenticationError, ClockSkewError, PollError
from exporter.exchange_api.server_clock import ServerClock
from exporter.runtime.clock import Bounds, Clock


@dataclass
class Times:
    """Two clocks of this machine, and the exchange's at `ahead` seconds of our wall clock."""

    monotonic: float = 1000.0
    wall: float = 1_700_000_000.0
    ahead: float = 0.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.monotonic, wall=lambda: self.wall)

    def bounds(self, clock: ServerClock, there: float = 0.1, back: float = 0.1) -> Bounds | None:
        """Return what a response says whose ways there and back take some seconds."""
        sent = self.monotonic
        self.pass_time(there)
        date = float(int(self.wall + self.ahead))
        self.pass_time(back)
        return clock.bounds(date, sent, self.monotonic)

    def respond(self, clock: ServerClock, there: float = 0.1, back: float = 0.1) -> None:
        clock.learn(self.bounds(clock, there, back))

    def refuse(self, clock: ServerClock, *, dated: bool = True) -> PollError:
        """Let the exchange refuse a request that is signed now; return what it means."""
        stamp, error = clock.stamp(clock.signing_time()), AuthenticationError("no")
        error.date_bounds = self.bounds(clock) if dated else None
        return clock.refused(error, stamp)

    def accept(self, clock: ServerClock, *, dated: bool = False) -> None:
        """Let the exchange accept a request that is signed now."""
        stamp = clock.stamp(clock.signing_time())
        if dated:
            self.respond(clock)
        else:
            self.pass_time(0.2)
        clock.accepted(stamp)

    def pass_time(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds

    def error_of_stamps(self, clock: ServerClock) -> float:
        """Return how far a stamp of now is off, in seconds."""
        return clock.signing_time() - self.wall - self.ahead


delays = st.tuples(st.floats(0, 5), st.floats(0, 5))


def test_without_a_response_our_wall_clock_is_believed():
    times = Times()
    clock = ServerClock(times.clock())
    assert clock.now() == clock.signing_time() == times.wall


@given(st.lists(delays, max_size=5))
def test_a_clock_that_agrees_is_never_corrected(ways: list[tuple[float, float]]):
    times = Times()
    clock = ServerClock(times.clock())
    for there, back in ways:
        times.respond(clock, there, back)
    assert clock.offset() == 0


@given(st.floats(-86_400, 86_400).filter(lambda ahead: abs(ahead) > 12), delays, delays)
def test_two_dates_that_agree_tell_the_time_within_their_delay(
    ahead: float, first: tuple[float, float], second: tuple[float, float]
):
    times = Times(ahead=ahead)
    clock = ServerClock(times.clock())
    times.respond(clock, *first)
    assert clock.offset() == 0
    times.respond(clock, *second)
    within = min(sum(first), sum(second)) / 2 + 0.51
    assert clock.now() == pytest.approx(times.wall + ahead, abs=within)


@given(st.floats(20, 1000), st.lists(delays, min_size=2, max_size=6))
def test_more_dates_never_make_the_estimate_worse(ahead: float, ways: list[tuple[float, float]]):
    times = Times(ahead=ahead)
    clock = ServerClock(times.clock())
    for there, back in ways:
        times.respond(clock, there, back)
    assert clock.now() == pytest.approx(times.wall + ahead, abs=min(map(sum, ways)) / 2 + 0.51)


@pytest.mark.parametrize("jump", [-86_400, -3600, 3600, 86_400])
def test_a_jump_of_our_wall_clock_does_not_move_the_exchanges_time(jump: float):
    times = Times()
    clock = ServerClock(times.clock())
    for _ in range(2):
        times.accept(clock, dated=True)
    times.wall, times.ahead = times.wall + jump, -jump
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)
    assert clock.offset() == pytest.approx(-jump, abs=1.0)


@pytest.mark.parametrize("jump", [-86_400, -60, -6, 6, 60, 86_400])
def test_a_jump_of_our_wall_clock_does_no_harm_if_no_response_has_a_date(jump: float):
    times = Times()
    clock = ServerClock(times.clock())
    times.accept(clock)
    times.wall, times.ahead = times.wall + jump, -jump
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("ahead", [-86_400, -6, 6, 3600])
def test_one_refusal_teaches_the_time_of_a_machine_whose_clock_is_off(ahead: float):
    times = Times(ahead=ahead)
    clock = ServerClock(times.clock())
    assert isinstance(times.refuse(clock), ClockSkewError)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)
    times.accept(clock)
    assert clock.offset() == pytest.approx(ahead, abs=1.0)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)


def test_one_date_of_a_machine_on_the_way_moves_no_stamp():
    times = Times(ahead=7200)
    clock = ServerClock(times.clock())
    times.respond(clock)
    times.ahead = 0
    for _ in range(3):
        assert times.error_of_stamps(clock) == 0
        times.accept(clock)


def test_a_refused_key_whose_refusals_have_another_date_moves_no_stamp_that_is_accepted():
    times = Times()
    clock = ServerClock(times.clock())
    for _ in range(3):
        times.accept(clock, dated=True)
        times.ahead = 6
        error = times.refuse(clock)
        assert not isinstance(error, ClockSkewError)
        times.ahead = 0
        assert abs(times.error_of_stamps(clock)) < 1
        assert abs(clock.offset()) < 1


def test_a_refused_key_that_comes_first_costs_a_healthy_one_a_single_poll():
    times = Times()
    clock = ServerClock(times.clock())
    times.ahead = 6
    assert isinstance(times.refuse(clock), ClockSkewError)
    times.ahead = 0
    assert isinstance(times.refuse(clock, dated=False), ClockSkewError)  # the healthy one's
    for _ in range(3):
        assert abs(times.error_of_stamps(clock)) < 1
        times.accept(clock)
        times.ahead = 6
        assert not isinstance(times.refuse(clock), ClockSkewError)
        times.ahead = 0


@pytest.mark.parametrize("step", [-300, 300])
def test_a_clock_that_the_exchange_set_is_learned_from_the_second_refusal(step: float):
    times = Times()
    clock = ServerClock(times.clock())
    times.accept(clock, dated=True)
    times.ahead = step
    assert not isinstance(times.refuse(clock), ClockSkewError)
    assert isinstance(times.refuse(clock), ClockSkewError)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)


def test_our_wall_clock_and_a_refusal_together_outweigh_what_was_accepted_before():
    times = Times()
    clock = ServerClock(times.clock())
    times.accept(clock, dated=True)
    times.wall += 300  # a suspended machine whose monotonic clock stood still
    assert isinstance(times.refuse(clock), ClockSkewError)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)


def test_an_exchange_that_accepts_any_stamp_still_tells_the_time_by_its_dates():
    times = Times(ahead=600)
    clock = ServerClock(times.clock())
    for _ in range(3):
        times.accept(clock, dated=True)
    assert clock.offset() == pytest.approx(600, abs=1.0)
    times.accept(clock)
    assert clock.offset() == pytest.approx(600, abs=1.0)


@pytest.mark.parametrize("lie", [-3600, 30, 3600])
def test_dates_that_lie_move_no_stamp_that_is_accepted(lie: float):
    times = Times(ahead=lie)
    clock = ServerClock(times.clock())
    for _ in range(4):
        stamp = clock.stamp(clock.signing_time())
        times.respond(clock)
        clock.accepted(stamp)
        assert clock.signing_time() == pytest.approx(times.wall, abs=1.0)


def test_the_offset_does_not_flip_while_the_clock_is_off_by_what_is_tolerated():
    times = Times(ahead=4.5)
    clock = ServerClock(times.clock())
    offsets = []
    for _ in range(6):
        times.accept(clock, dated=True)
        times.pass_time(0.37)
        offsets.append(clock.offset())
    assert all(offset == pytest.approx(4.5, abs=0.6) for offset in offsets[1:])


def test_a_date_that_no_clock_shows_is_not_even_believed_of_a_refusal():
    times = Times(ahead=-50 * 365 * 86_400)
    clock = ServerClock(times.clock())
    assert not isinstance(times.refuse(clock), ClockSkewError)


def test_a_refusal_is_the_clocks_fault_only_if_the_time_was_off():
    times = Times(ahead=3.5)
    assert not isinstance(times.refuse(ServerClock(times.clock())), ClockSkewError)


def test_a_refusal_or_an_acceptance_that_took_long_says_nothing_about_the_clock():
    times = Times()
    clock = ServerClock(times.clock())
    stamp, error = clock.stamp(times.wall), AuthenticationError("refused")
    error.date_bounds = times.bounds(clock, 4.9, 4.9)
    assert clock.refused(error, stamp) is error
    clock.accepted(stamp)
    assert clock.offset() == 0


def test_the_date_of_a_refusal_is_exact_enough_to_sign_by_if_nothing_was_accepted_yet():
    times = Times(ahead=3.0)
    clock = ServerClock(times.clock())
    stamp = clock.stamp(clock.signing_time())
    assert not isinstance(times.refuse(clock), ClockSkewError)
    assert clock.behind(stamp) == pytest.approx(3.0, abs=1.0)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=1.0)


def test_the_date_of_a_refusal_moves_nothing_that_was_accepted():
    times = Times()
    clock = ServerClock(times.clock())
    times.accept(clock)
    times.ahead = 3.0
    stamp = clock.stamp(clock.signing_time())
    times.refuse(clock)
    assert clock.behind(stamp) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize(
    ("days", "believed"), [(364, True), (366, False), (-364, True), (-366, False)]
)
def test_a_date_is_absurd_beyond_a_year(days: int, believed: bool):  # noqa: FBT001
    times = Times(ahead=days * 86_400)
    clock = ServerClock(times.clock())
    assert (times.bounds(clock) is not None) == believed


def test_a_response_is_dated_by_its_own_date_unless_that_is_absurd_or_missing():
    times = Times()
    clock = ServerClock(times.clock())
    assert clock.now_by(times.wall + 7200) == times.wall + 7200
    assert clock.now_by(None) == times.wall
    assert clock.now_by(0.0) == times.wall


def test_a_refusal_without_a_date_discards_only_a_time_that_nothing_confirmed():
    times = Times(ahead=600)
    clock = ServerClock(times.clock())
    for _ in range(2):
        times.respond(clock)
    assert clock.offset() == pytest.approx(600, abs=1.0)
    assert isinstance(times.refuse(clock, dated=False), ClockSkewError)
    assert clock.offset() == 0
    times.wall += 600  # now the clocks agree, and a stamp of that time is accepted
    times.ahead = 0
    times.accept(clock)
    times.wall -= 600
    times.ahead = 600
    assert not isinstance(times.refuse(clock, dated=False), ClockSkewError)
    assert times.error_of_stamps(clock) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(("ahead", "text"), [(600.0, "600 s behind"), (-600.0, "600 s ahead of")])
def test_a_rejection_says_how_far_the_time_was_off(ahead: float, text: str):
    times = Times(ahead=ahead)
    clock = ServerClock(times.clock())
    assert text in str(times.refuse(clock))


def test_clocks_that_agree_have_no_offset_however_long_it_takes_to_read_them():
    ticks = count(1000.0, 1e-7)
    clock = ServerClock(Clock(lambda: next(ticks), lambda: next(ticks) + 1_699_999_000.0))
    for _ in range(2):
        sent = next(ticks)
        clock.learn(clock.bounds(float(int(sent + 1_699_999_000.0)), sent, next(ticks)))
        assert clock.offset() == 0
