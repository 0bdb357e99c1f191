"""The pace: never above a limit, evenly spread, and always recovering."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    RateLimitedError,
    UnavailableError,
)
from exporter.model import BalancesResponse
from exporter.polling.rate_limit import (
    MAX_PAUSE,
    PERIOD,
    WINDOW,
    Backoff,
    RateLimiter,
    next_due,
    outage_pause,
    rate_limit_pause,
    stretch,
)

REFUSED = AuthenticationError("refused")
limits = st.integers(1, 300)
durations = st.floats(0, 20)


def run_polls(pace: RateLimiter, durations: list[float]) -> list[tuple[float, float]]:
    """Return start and end of polls that all want to start at once, as the pace lets them."""
    now = 0.0
    under_way: list[float] = []
    done: list[tuple[float, float]] = []
    for duration in durations:
        while (wait := pace.delay_before_poll(now)) > 0:
            now += wait
            for end in sorted(end for end in under_way if end <= now):
                under_way.remove(end)
                pace.end(end)
        pace.start(now)
        under_way.append(now + duration)
        done.append((now, now + duration))
    return done


@given(limits, st.lists(durations, min_size=1, max_size=200))
def test_no_window_of_a_minute_can_see_more_requests_than_the_limit(
    limit: int, durations: list[float]
):
    polls = run_polls(RateLimiter(limit), durations)
    for start, _ in polls:
        possibly_seen = [p for p in polls if p[0] <= start and p[1] > start - PERIOD]
        assert len(possibly_seen) <= limit


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=5))
def test_no_rounding_lets_a_request_pass(pauses: list[float]):
    pace, now = RateLimiter(1), 0.0
    for pause in pauses:
        now += pause
        while (wait := pace.delay_before_request(now)) > 0:
            now += wait
        pace.start(now)
        pace.end(now)
        assert pace.delay_before_request(now) > PERIOD


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_lower_limit_waits_until_enough_requests_are_past(sent: int, limit: int):
    pace = RateLimiter(20)
    for second in range(sent):
        pace.start(second)
        pace.end(second)
    pace.set_limit(limit)
    allowed = sent + pace.delay_before_request(sent)
    assert sum(second + WINDOW > allowed for second in range(sent)) < limit


@given(st.integers(2, 300))
def test_starts_are_spread_evenly_and_leave_a_tenth_of_the_limit_free(limit: int):
    polls = run_polls(RateLimiter(limit), [0.0] * 20)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(polls)]
    assert min(gaps) >= PERIOD / limit


def test_a_further_request_of_a_running_poll_goes_at_once_and_pushes_the_next_start_back():
    pace = RateLimiter(60)
    pace.start(0.0)
    before = pace.delay_before_poll(0.0)
    assert pace.delay_before_request(0.0) == 0
    pace.start(0.0)
    assert pace.delay_before_poll(0.0) > before


def test_a_further_request_waits_where_the_limit_is_used_up():
    pace = RateLimiter(2)
    for _ in range(2):
        pace.start(0.0)
        pace.end(0.0)
    assert pace.delay_before_request(10.0) == WINDOW - 10


def test_a_pause_holds_back_everything_and_then_ends():
    pace = RateLimiter(120)
    pace.pause(55.0)
    assert pace.delay_before_poll(0.0) == 55
    assert pace.delay_before_request(0.0) == 55
    assert pace.delay_before_poll(55.0) == 0


def test_a_shorter_pause_never_ends_a_longer_one():
    pace = RateLimiter(120)
    pace.pause(100.0)
    pace.pause(50.0)
    assert pace.delay_before_poll(0.0) == 100


@given(st.lists(st.floats(1, 3600), min_size=1, max_size=500), limits)
def test_stretched_intervals_fit_the_limit(intervals: list[float], limit: int):
    factor = stretch(intervals, limit)
    assert sum(PERIOD / (interval * factor) for interval in intervals) <= limit


def test_intervals_that_fit_are_not_stretched():
    assert stretch([60.0] * 100, 120) == 1.0


def test_two_hundred_accounts_at_two_requests_a_second_are_polled_every_111_seconds():
    assert round(60 * stretch([60.0] * 200, 120)) == 111


@given(st.floats(0, 1e6), st.floats(0, 1e4), st.floats(1, 600))
def test_polls_keep_their_rhythm_however_long_one_took(due: float, late: float, interval: float):
    following = next_due(due, due + late, interval, 0.0)
    assert due + late < following + 1e-6
    assert following <= due + late + interval + 1e-6


def test_a_pause_delays_the_next_poll():
    assert next_due(0.0, 1.0, 60.0, 300.0) == 301.0


def pauses_after(*outcomes: object, asked: str = "key") -> list[float]:
    """Return for how long an account is left alone after each of some polls, at once in a row."""
    refusals: Backoff[str] = Backoff()
    return [refusals.note("a", asked, outcome, 100.0) for outcome in outcomes]


def test_a_refused_key_is_tried_ever_more_seldom():
    assert pauses_after(*[REFUSED] * 5) == [60, 300, 900, 900, 900]
    assert pauses_after(REFUSED, PermissionDeniedError("refused")) == [60, 300]


def test_other_failures_do_not_end_a_row_of_refusals_but_a_success_does():
    outage = UnavailableError("503")
    assert pauses_after(outage, outage, REFUSED) == [0, 0, 60]
    assert pauses_after(REFUSED, outage, REFUSED)[-1] == 300
    assert pauses_after(REFUSED, BalancesResponse(()), REFUSED) == [60, 0, 60]


def test_another_key_has_a_row_of_its_own():
    refusals: Backoff[str] = Backoff()
    refusals.note("a", "old key", REFUSED, 0.0)
    refusals.note("a", "old key", REFUSED, 60.0)
    refusals.note("a", "new key", REFUSED, 400.0)
    assert refusals.in_force("a", 401.0) == ("new key", 1, 460.0, REFUSED)
    assert refusals.in_force("a", 460.0) is None


def test_another_key_ends_a_row_of_refusals_with_any_outcome():
    refusals: Backoff[str] = Backoff()
    refusals.note("a", "old key", REFUSED, 0.0)
    assert refusals.note("a", "new key", UnavailableError("503"), 1.0) == 0
    assert refusals.in_force("a", 2.0) is None


def test_an_account_that_is_gone_leaves_no_refusal_behind():
    refusals: Backoff[str] = Backoff()
    refusals.note("stays", "key", REFUSED, 0.0)
    refusals.note("goes", "key", REFUSED, 0.0)
    refusals.keep({"stays"})
    assert refusals.in_force("stays", 1.0)
    assert refusals.in_force("goes", 1.0) is None


def test_an_outage_keeps_the_rhythm_unless_the_exchange_says_when_to_return():
    assert outage_pause(BadResponseError("html")) == 0
    assert outage_pause(UnavailableError("503")) == 0
    assert outage_pause(UnavailableError("503", retry_after=120.0)) == 120


def test_the_exchanges_wish_is_obeyed():
    assert rate_limit_pause(RateLimitedError("429", retry_after=55.0), 3, 0.1) == 55


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_without_a_wish_the_pause_is_a_random_share_of_a_bounded_exponential(n: int, jitter: float):
    pause = rate_limit_pause(RateLimitedError("429"), n, jitter)
    assert 0 <= pause <= MAX_PAUSE
    assert rate_limit_pause(RateLimitedError("429"), n + 1, 1.0) >= pause


def test_a_clock_that_is_to_blame_twice_in_a_row_is_a_refusal():
    backoff: Backoff[str] = Backoff()
    skewed = ClockSkewError("off")
    assert backoff.note("a", None, skewed, 0.0) == 0
    assert backoff.note("a", None, skewed, 60.0) == 60
    assert backoff.note("a", None, skewed, 120.0) == 300
    assert backoff.note("a", None, BalancesResponse(()), 420.0) == 0
    assert backoff.note("a", None, skewed, 480.0) == 0


def test_a_failure_between_them_does_not_clear_the_clock():
    backoff: Backoff[str] = Backoff()
    backoff.note("a", None, ClockSkewError("off"), 0.0)
    backoff.note("a", None, UnavailableError("down"), 60.0)
    assert backoff.note("a", None, ClockSkewError("off"), 120.0) == 60


def test_what_a_process_before_may_have_sent_is_respected():
    limiter = RateLimiter(10)
    limiter.assume_earlier_requests(1000.0)
    sent, now = 0, 1000.0
    while now < 1000.0 + WINDOW:
        if limiter.delay_before_request(now) == 0:
            limiter.start(now)
            limiter.end(now)
            sent += 1
        # What may have been sent before, evenly and as often as this one sends, and what was now.
        before = max(0, 9 - int((now - 1000.0) / 6.67))
        assert sent + before <= 11, now
        now += 0.5
    assert 8 <= sent <= 10


@pytest.mark.parametrize("limit", [1, 2, 10, 60])
def test_after_a_restart_a_request_goes_as_soon_as_an_earlier_one_no_longer_counts(limit: int):
    restart, spacing = 1000.0, PERIOD / (0.9 * limit)
    earlier = [restart - n * spacing for n in range(2 * limit)]
    limiter = RateLimiter(limit)
    limiter.assume_earlier_requests(restart)
    sent: list[float] = []
    now = restart
    for _ in range(3 * limit):
        counted = sorted(each for each in (*earlier, *sent) if now - each < WINDOW)
        expected = now if len(counted) < limit else counted[len(counted) - limit] + WINDOW
        now += limiter.delay_before_request(now)
        assert now == pytest.approx(expected, abs=1e-6)
        now = expected
        limiter.start(now)
        limiter.end(now)
        sent.append(now)


def test_an_account_that_is_gone_is_forgotten_with_its_clock_errors():
    backoff: Backoff[str] = Backoff()
    skewed = ClockSkewError("off")
    backoff.note("a", None, skewed, 0.0)
    backoff.keep([])
    assert backoff.note("a", None, skewed, 60.0) == 0


def test_a_first_poll_waits_for_its_turn_after_a_restart():
    limiter = RateLimiter(60)
    limiter.assume_earlier_requests(1000.0)
    assert limiter.delay_before_poll(1000.0) == pytest.approx(60 / 54)
    assert RateLimiter(60).delay_before_poll(1000.0) == 0


@pytest.mark.parametrize(
    ("due", "now", "pause", "expected"),
    [
        (100.0, 100.0, 0.0, 160.0),
        (100.0, 159.9, 0.0, 160.0),
        (100.0, 160.0, 0.0, 220.0),
        (100.0, 400.0, 0.0, 460.0),
        (100.0, 110.0, 300.0, 410.0),
        (100.0, 90.0, 0.0, 160.0),
    ],
)
def test_a_poll_is_due_one_interval_after_the_last_and_missed_ones_stay_missed(
    due: float, now: float, pause: float, expected: float
):
    assert next_due(due, now, 60.0, pause) == expected


def test_a_limiter_is_idle_only_when_nothing_of_the_last_minute_counts():
    limiter = RateLimiter(10)
    assert limiter.is_idle(1000.0)
    limiter.start(1000.0)
    assert not limiter.is_idle(1000.0 + 3600)
    limiter.end(1001.0)
    assert not limiter.is_idle(1001.0 + WINDOW - 0.1)
    assert limiter.is_idle(1001.0 + WINDOW)
    limiter.pause(5000.0)
    assert not limiter.is_idle(4999.0)
    assert limiter.is_idle(5000.0)


def test_a_pause_lasts_until_its_end_and_a_shorter_one_does_not_end_it():
    limiter = RateLimiter(10)
    assert limiter.remaining_pause(1000.0) == 0
    limiter.pause(1100.0)
    limiter.pause(1050.0)
    assert limiter.remaining_pause(1000.0) == 100
    assert limiter.delay_before_request(1000.0) == 100
    assert limiter.remaining_pause(1100.0) == 0
    assert limiter.delay_before_request(1100.0) == 0


def test_a_new_limit_holds_at_once():
    limiter = RateLimiter(60)
    limiter.start(1000.0)
    limiter.end(1000.0)
    assert limiter.delay_before_request(1000.0) == 0
    limiter.set_limit(1)
    assert limiter.limit == 1
    assert limiter.delay_before_request(1000.0) == WINDOW
    limiter.set_limit(2)
    assert limiter.delay_before_request(1000.0) == 0


def test_a_refusal_is_forgotten_a_while_after_its_pause():
    backoff: Backoff[str] = Backoff()
    backoff.note("a", None, REFUSED, 0.0)
    backoff.forget_before(60.0)
    assert backoff.in_force("a", 59.9)
    assert backoff.in_force("a", 60.0) is None
    backoff.forget_before(60.1)
    assert backoff.note("a", None, REFUSED, 61.0) == 60, "it is the first again"


def test_retry_after_is_taken_as_it_is_and_a_pause_without_one_grows():
    asked = RateLimitedError("slow down", retry_after=7.0)
    assert rate_limit_pause(asked, 9, 0.5) == 7.0
    silent = RateLimitedError("slow down")
    pauses = [rate_limit_pause(silent, row, 1.0) for row in range(1, 8)]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]
    assert rate_limit_pause(silent, 2, 0.25) == 30


def test_only_an_unavailable_exchange_is_waited_for():
    assert outage_pause(UnavailableError("down", retry_after=30.0)) == 30.0
    assert outage_pause(UnavailableError("down")) == 0
    assert outage_pause(BadResponseError("odd", retry_after=30.0)) == 0
