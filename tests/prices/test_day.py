"""A short version of the day of faults; `make soak` runs a whole one."""

import pytest

from tests.prices.day import check


@pytest.mark.parametrize("seed", range(2))
def test_every_value_follows_from_what_the_exchange_gave_and_none_is_missing(seed: int):
    assert check(seed, hours=1.5) > 200
