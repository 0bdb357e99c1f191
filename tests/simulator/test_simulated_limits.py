"""The rate limit that both exchanges share."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.limits import Limit, RateLimit


def test_requests_up_to_the_limit_pass() -> None:
    limit = RateLimit(Limit(3))
    assert not any(limit.excess("127.0.0.1", now) for now in (0.0, 1.0, 2.0))


def test_one_more_within_a_minute_is_refused() -> None:
    limit = RateLimit(Limit(1))
    assert not limit.excess("127.0.0.1", 0.0)
    assert limit.excess("127.0.0.1", 59.9)


def test_one_more_after_a_minute_passes() -> None:
    limit = RateLimit(Limit(1))
    assert not limit.excess("127.0.0.1", 0.0)
    assert not limit.excess("127.0.0.1", 60.0)


def test_who_exceeds_the_limit_is_blocked_for_a_minute_from_then() -> None:
    limit = RateLimit(Limit(1))
    outcomes = [limit.excess("127.0.0.1", now) is None for now in (0.0, 50.0, 109.9, 110.0)]
    assert outcomes == [True, False, False, True]


def test_addresses_are_counted_apart() -> None:
    limit = RateLimit(Limit(1))
    assert not limit.excess("127.0.0.1", 0.0)
    assert not limit.excess("127.0.0.2", 0.0)


def test_no_limit_admits_everything() -> None:
    limit = RateLimit(Limit(None))
    assert not any(limit.excess("127.0.0.1", 0.0) for _ in range(1000))


@given(pauses=st.lists(st.floats(0, 30), max_size=100), most=st.integers(1, 10))
def test_no_minute_ever_has_more_than_the_limit(pauses: list[float], most: int) -> None:
    limit, now, admitted = RateLimit(Limit(most)), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if not limit.excess("127.0.0.1", now):
            admitted.append(now)
    assert all(sum(0 <= end - time < 60 for time in admitted) <= most for end in admitted)
