"""The exchange's clock: learned from its answers, whatever the network's delays."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import AuthenticationError, ClockSkewError
from exporter.exchange_api.server_clock import ServerClock
from exporter.runtime.clock import Clock


@dataclass
class Times:
    """Two clocks of this machine, and the exchange's at `ahead` seconds of our wall clock."""

    monotonic: float = 1000.0
    wall: float = 1_700_000_000.0
    ahead: float = 0.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.monotonic, wall=lambda: self.wall)

    def answer(self, server_clock: ServerClock, there: float, back: float) -> None:
        """Let an answer come whose ways there and back take some seconds."""
        sent = self.monotonic
        self.pass_time(there)
        date = float(int(self.wall + self.ahead))
        self.pass_time(back)
        server_clock.learn(date, sent, self.monotonic)

    def pass_time(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


delays = st.tuples(st.floats(0, 5), st.floats(0, 5))


def test_without_an_answer_our_wall_clock_is_believed():
    times = Times()
    assert ServerClock(times.clock()).now() == times.wall


@given(st.lists(delays, max_size=5))
def test_a_clock_that_agrees_is_never_corrected(ways: list[tuple[float, float]]):
    times = Times()
    server_clock = ServerClock(times.clock())
    for there, back in ways:
        times.answer(server_clock, there, back)
    assert server_clock.offset() == 0


@given(st.floats(-86_400, 86_400).filter(lambda ahead: abs(ahead) > 12), delays)
def test_after_one_answer_the_exchanges_time_is_known_within_its_delay(
    ahead: float, ways: tuple[float, float]
):
    times = Times(ahead=ahead)
    server_clock = ServerClock(times.clock())
    times.answer(server_clock, *ways)
    assert server_clock.now() == pytest.approx(times.wall + ahead, abs=sum(ways) / 2 + 0.5 + 1e-6)


@given(st.floats(20, 1000), st.lists(delays, min_size=1, max_size=6))
def test_more_answers_never_make_the_estimate_worse(ahead: float, ways: list[tuple[float, float]]):
    times = Times(ahead=ahead)
    server_clock = ServerClock(times.clock())
    for there, back in ways:
        times.answer(server_clock, there, back)
    bound = min(map(sum, ways)) / 2 + 0.5 + 1e-6
    assert server_clock.now() == pytest.approx(times.wall + ahead, abs=bound)


@pytest.mark.parametrize("jump", [-86_400, -3600, 3600, 86_400])
def test_a_jump_of_our_wall_clock_does_not_move_the_exchanges_time(jump: float):
    times = Times()
    server_clock = ServerClock(times.clock())
    times.answer(server_clock, 0.1, 0.1)
    truth = times.wall
    times.wall += jump
    assert server_clock.now() == pytest.approx(truth, abs=1.0)
    assert server_clock.offset() == pytest.approx(-jump, abs=1.0)


@pytest.mark.parametrize("jump", [-86_400, -60, -6, 6, 60, 86_400])
def test_a_jump_of_our_wall_clock_does_no_harm_where_no_answer_has_a_date(jump: float):
    times = Times()
    server_clock = ServerClock(times.clock())
    stamp = server_clock.stamp(times.wall)
    times.pass_time(0.2)
    server_clock.learn(None, stamp.made_at, times.monotonic)
    server_clock.accepted(stamp)
    truth = times.wall
    times.wall += jump
    assert server_clock.now() == pytest.approx(truth, abs=0.2)


def test_a_clock_that_the_exchange_set_is_learned_when_it_refuses_a_stamp():
    times = Times()
    server_clock = ServerClock(times.clock())
    times.answer(server_clock, 0.1, 0.1)
    times.ahead, stamp = 300, server_clock.stamp(times.wall)
    times.answer(server_clock, 0.1, 0.1)
    assert server_clock.offset() == 0
    assert isinstance(server_clock.refused(AuthenticationError("no"), stamp), ClockSkewError)
    assert server_clock.offset() == pytest.approx(300, abs=1.0)


@pytest.mark.parametrize("lie", [-86_400 * 20_000, -3600, 30, 3600])
def test_a_date_that_contradicts_an_accepted_stamp_is_not_believed(lie: float):
    times = Times(ahead=lie)
    server_clock = ServerClock(times.clock())
    for _ in range(3):
        stamp = server_clock.stamp(server_clock.now())
        times.answer(server_clock, 0.1, 0.1)
        server_clock.accepted(stamp)
        assert server_clock.now() == pytest.approx(times.wall, abs=1.0)


def test_a_date_that_lies_once_spoils_no_stamp():
    times = Times()
    server_clock = ServerClock(times.clock())
    times.answer(server_clock, 0.1, 0.1)
    times.ahead = 3600
    times.answer(server_clock, 0.1, 0.1)
    times.ahead, stamp = 0, server_clock.stamp(times.wall)
    times.answer(server_clock, 0.1, 0.1)
    refused = AuthenticationError("the key, not the clock")
    assert server_clock.refused(refused, stamp) is refused
    assert server_clock.offset() == 0


def test_a_date_that_no_clock_shows_is_not_even_believed_of_a_refusal():
    times = Times(ahead=-50 * 365 * 86_400)
    server_clock = ServerClock(times.clock())
    refused, stamp = AuthenticationError("refused"), server_clock.stamp(times.wall)
    times.answer(server_clock, 0.1, 0.1)
    assert server_clock.refused(refused, stamp) is refused


def test_a_refusal_is_the_clocks_fault_only_where_the_time_was_off():
    times = Times()
    server_clock = ServerClock(times.clock())
    refused = AuthenticationError("refused")
    assert server_clock.refused(refused, server_clock.stamp(times.wall - 1.0)) is refused
    late = server_clock.refused(refused, server_clock.stamp(times.wall + 60.0))
    assert isinstance(late, ClockSkewError)


def test_a_refusal_or_an_acceptance_that_took_long_says_nothing_about_the_clock():
    times = Times()
    server_clock = ServerClock(times.clock())
    refused, stamp = AuthenticationError("refused"), server_clock.stamp(times.wall)
    times.answer(server_clock, 4.9, 4.9)
    assert server_clock.refused(refused, stamp) is refused
    server_clock.accepted(stamp)
    assert server_clock.offset() == 0
