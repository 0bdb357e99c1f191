"""Check that a Prometheus can evaluate the rules at 500 accounts of 300 assets.

There, adding up every total balance once takes about a second on a small machine. Each group gets
five seconds and a third of its interval. Here the accounts are fewer, and the same holds as a
multiple of that sum, measured in the same run.
"""

import re

import pytest

from benchmarks.rules import Cost, Size, measure
from tests.programs import require

SECONDS = {"s": 1, "m": 60, "h": 3600}
NOISE = 1.6
"""Times as much as at rest, on a machine that runs other tests as well."""


@pytest.fixture(scope="module")
def costs() -> list[Cost]:
    require("prometheus")
    require("promtool")
    _, costs = measure(Size(accounts=80, assets=100, minutes=4))
    return costs


def allowed(interval: str) -> float:
    """Return the seconds that a group of this interval may take."""
    found = re.fullmatch(r"(\d+)([smh])", interval)
    assert found
    return min(int(found[1]) * SECONDS[found[2]] / 3, 5)


def test_every_group_of_rules_is_evaluated_in_time(costs: list[Cost]) -> None:
    late = [cost for cost in costs if cost.ratio > NOISE * allowed(cost.interval)]
    assert late == []


def test_the_groups_that_read_every_balance_are_measured(costs: list[Cost]) -> None:
    heavy = {cost.name for cost in costs if cost.ratio > 0.5}
    assert {"exchange-totals", "exchange-thresholds", "exchange-movements"} <= heavy
