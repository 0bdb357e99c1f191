"""Nonces of a key always rise, and those of keys that are gone are forgotten."""

from dataclasses import dataclass

from exporter.credentials import Secret
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.signed_request import Nonces
from exporter.runtime.clock import Clock

NOON = 1_700_000_000.0
HOUR = 3600.0
KEY, OTHER = Secret("a"), Secret("b")


@dataclass
class Time:
    """The exchange's time, which may be set."""

    now: float = NOON

    def nonces(self) -> Nonces:
        return Nonces(ServerClock(Clock(monotonic=lambda: 0.0, wall=lambda: self.now)))


def test_nonces_of_one_moment_rise():
    nonces = Time().nonces()
    assert [nonces.next(KEY) - int(NOON * 1000) for _ in range(3)] == [0, 1, 2]


def test_nonces_rise_though_the_clock_goes_back_after_others_were_forgotten():
    time = Time()
    nonces = time.nonces()
    nonces.next(OTHER)
    time.now = NOON + HOUR
    before = nonces.next(KEY)
    time.now = NOON + 2 * HOUR
    nonces.next(OTHER)
    time.now = NOON
    assert nonces.next(KEY) > before


def test_the_nonce_of_a_key_that_is_gone_is_forgotten_after_a_day():
    time = Time()
    nonces = time.nonces()
    last = nonces.next(KEY) / 1000
    time.now = NOON + 23 * HOUR
    nonces.next(OTHER)
    assert nonces.is_last(KEY, last)
    time.now = NOON + 25 * HOUR
    nonces.next(OTHER)
    assert not nonces.is_last(KEY, last)


def test_a_clock_that_was_far_ahead_does_not_keep_nonces_longer():
    time = Time()
    nonces = time.nonces()
    time.now = NOON + 10_000 * HOUR
    nonces.next(OTHER)
    time.now = NOON
    last = nonces.next(KEY) / 1000
    time.now = NOON + 25 * HOUR
    nonces.next(Secret("c"))
    assert not nonces.is_last(KEY, last)
